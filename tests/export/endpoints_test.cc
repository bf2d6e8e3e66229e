#include "src/export/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
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
  RecentRecords records_;
  absl::Status ready_;
  HttpHandler handler_ = MakeEndpoints(aggregator_, records_, [this] { return ready_; });
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
  for (const char* path :
       {"/metrics", "/api/v1/handshakes", "/api/v1/certificates", "/api/v1/status", "/healthz", "/readyz"}) {
    EXPECT_THAT(response.body, HasSubstr(std::string("<a href=\"") + path + "\">"));
    EXPECT_EQ(Ask(path).status, 200u) << path;
  }
}

TEST_F(EndpointsTest, SaysAtTheRootWhatIsSeenAndWhatIsMissing) {
  SelfStats self;
  self.version = "<0.1>";
  self.attached = {{"cgroup_skb_ingress", 1}, {"tcp_rcv_space_adjust", 0}};
  self.events_lost = {{"ring_full", 3}, {"held", 4}};
  aggregator_.SetSelfStats(self);
  aggregator_.Add(SampleRecord());
  ready_ = absl::UnavailableError("no <hook>");
  const std::string page = Ask("/").body;
  EXPECT_THAT(page, HasSubstr("tlsmeter &lt;0.1>"));
  EXPECT_THAT(page, HasSubstr("<td>no &lt;hook></td>"));
  EXPECT_THAT(page, HasSubstr("<td>missing: tcp_rcv_space_adjust</td>"));
  EXPECT_THAT(page, HasSubstr("<td>Handshakes, success</td><td>1</td>"));
  EXPECT_THAT(page, HasSubstr("<td>Events lost</td><td>7</td>"));
}

TEST_F(EndpointsTest, ServesTheLatestHandshakes) {
  records_.Add(std::make_unique<HandshakeRecord>(SampleRecord()));
  const HttpResponse response = Ask("/api/v1/handshakes?result=success");
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_THAT(response.body, HasSubstr("\"server_name\":\"api.example.com\""));
}

TEST_F(EndpointsTest, SaysSoWhereThereIsNoPage) {
  for (const char* target : {"/nothing", "", "*", "/metrics/", "http://x/metrics", "/../etc/passwd"}) {
    EXPECT_EQ(Ask(target).status, 404u) << target;
  }
}

TEST_F(EndpointsTest, IsScrapedOverTheNetwork) {
  aggregator_.Add(SampleRecord());
  const auto server = HttpServer::Listen("127.0.0.1:0", handler_);
  ASSERT_TRUE(server.ok()) << server.status();
  (*server)->Serve();
  const std::string answer = Get((*server)->port(), "/metrics");
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("server_name=\"api.example.com\""));
}

}  // namespace
}  // namespace tlsmeter::agent
