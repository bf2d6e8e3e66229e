#include "src/export/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/export/gunzip.h"
#include "tests/export/http_client.h"
#include "tests/export/sample_record.h"

namespace tlsmeter::agent {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

class EndpointsTest : public testing::Test {
 protected:
  HttpResponse Ask(std::string_view target) { return handler_({.method = "GET", .target = target}); }

  Aggregator aggregator_;
  MetricsPage page_{aggregator_};
  absl::Status ready_;
  HttpHandler handler_ = MakeEndpoints(page_, [this] { return ready_; });
};

TEST_F(EndpointsTest, ServesMetricsInTheTextFormat) {
  aggregator_.Add(SampleRecord());
  for (const char* target : {"/metrics", "/metrics?name=x"}) {
    const HttpResponse response = Ask(target);
    EXPECT_EQ(response.status, 200u);
    EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_THAT(response.body, HasSubstr("tlsmeter_handshakes_total{"));
  }
}

TEST_F(EndpointsTest, ServesOpenMetricsWhenAsked) {
  aggregator_.Add(SampleRecord());
  const HttpResponse response =
      handler_({.method = "GET", .target = "/metrics", .accept = "application/openmetrics-text;version=1.0.0"});
  EXPECT_EQ(response.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_EQ(response.vary, "Accept, Accept-Encoding");
  EXPECT_THAT(response.body, EndsWith("# EOF\n"));
}

TEST_F(EndpointsTest, CompressesMetricsWhenAsked) {
  aggregator_.Add(SampleRecord());
  const HttpResponse response = handler_({.method = "GET", .target = "/metrics", .accept_encoding = "gzip"});
  EXPECT_EQ(response.content_encoding, "gzip");
  EXPECT_THAT(Gunzip(response.body), HasSubstr("tlsmeter_handshakes_total{"));
  EXPECT_EQ(handler_({.method = "GET", .target = "/healthz", .accept_encoding = "gzip"}).content_encoding, "");
}

TEST_F(EndpointsTest, IsHealthyWhileItAnswers) { EXPECT_EQ(Ask("/healthz").status, 200u); }

TEST_F(EndpointsTest, IsReadyOnlyWhenHandshakesAreObserved) {
  EXPECT_EQ(Ask("/readyz").status, 200u);
  ready_ = absl::UnavailableError("no hook is attached\n");
  EXPECT_EQ(Ask("/readyz").status, 503u);
  EXPECT_EQ(Ask("/readyz").body, "no hook is attached\\x0a\n");
}

TEST_F(EndpointsTest, ListsThePagesAtTheRoot) {
  const HttpResponse response = Ask("/");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.content_type, "text/html; charset=utf-8");
  for (const char* path : {"/metrics", "/healthz", "/readyz"}) EXPECT_THAT(response.body, HasSubstr(path));
}

TEST_F(EndpointsTest, SaysSoWhereThereIsNoPage) {
  for (const char* target : {"/nothing", "", "*", "/metrics/", "http://x/metrics", "/../etc/passwd"}) {
    EXPECT_EQ(Ask(target).status, 404u) << target;
  }
}

TEST_F(EndpointsTest, IsScrapedOverTheNetwork) {
  aggregator_.Add(SampleRecord());
  const auto server = HttpServer::Start("127.0.0.1:0", handler_);
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string answer = Get((*server)->port(), "/metrics");
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("server_name=\"api.example.com\""));
}

}  // namespace
}  // namespace tlsmeter::agent
