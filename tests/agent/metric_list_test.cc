// The list of metrics, and how it asks a running agent for its use of them.

#include "src/agent/metric_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "src/agent/commands.h"
#include "src/agent/http_get.h"
#include "src/aggregate/aggregator.h"
#include "src/aggregate/catalogue.h"
#include "src/export/endpoints.h"
#include "src/export/http_server.h"
#include "src/export/recent_records.h"

namespace tlsmeter::agent {
namespace {

using ::testing::HasSubstr;

std::string UrlOf(uint16_t port) { return absl::StrCat("http://127.0.0.1:", port); }

// LineOf returns the words of the line of `metric`, one space apart.
std::string LineOf(const std::string& list, std::string_view metric) {
  const size_t begin = list.find("\n" + std::string(metric) + " ") + 1;
  std::string line = list.substr(begin, list.find('\n', begin) - begin);
  line.erase(std::unique(line.begin(), line.end(), [](char a, char b) { return a == ' ' && b == ' '; }), line.end());
  return line;
}

TEST(MetricListTest, HasALineForEveryMetric) {
  const std::string text = MetricList(nullptr);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), static_cast<ptrdiff_t>(kMetricCount + 1));
  EXPECT_THAT(LineOf(text, "tlsmeter_client_hellos_total"),
              HasSubstr(" counter - 200 - role,namespace,workload,workload_type,max_version ClientHello messages seen, "));
  EXPECT_THAT(LineOf(text, "process_open_fds"), HasSubstr(" gauge - 1 - - Open file descriptors"));
}

TEST(MetricListTest, ShowsTheUseThatTheAgentTells) {
  Aggregator aggregator;
  RecentRecords recent;
  const auto server = HttpServer::Listen("127.0.0.1:0", MakeEndpoints(aggregator, recent, [] { return absl::OkStatus(); }));
  ASSERT_TRUE(server.ok()) << server.status();
  (*server)->Serve();
  HandshakeRecord record;
  record.role = Role::kServer;
  record.result = Result::kSuccess;
  record.owner.comm = "nginx";
  record.tls.client_hello.emplace();
  record.tls.client_hello_ns = record.tls.established_ns = 1;
  for (size_t i = 0; i < kMaxServerNames + 7; ++i) {
    record.tls.client_hello->server_name = absl::StrCat("host", i, ".example");
    aggregator.Add(record);
  }
  const auto status = HttpGet(UrlOf((*server)->port()), "/api/v1/status");
  ASSERT_TRUE(status.ok()) << status.status();
  const auto use = ParseMetricUse(*status);
  ASSERT_TRUE(use.ok()) << use.status();
  const std::string text = MetricList(&*use);
  EXPECT_THAT(LineOf(text, "tlsmeter_handshakes_total"), HasSubstr(" counter 101 2000 server_name:7 role,"));
  EXPECT_THAT(LineOf(text, "tlsmeter_handshake_duration_seconds"), HasSubstr(" histogram 15 1500 0 role,"));
  EXPECT_THAT(LineOf(text, "tlsmeter_certificate_last_seen_timestamp_seconds"), HasSubstr(" gauge 0 200 0 fingerprint "));
  EXPECT_THAT(LineOf(text, "tlsmeter_attached"), HasSubstr(" gauge - 20 - hook "));
  EXPECT_EQ(RunMetricsList(UrlOf((*server)->port())), kExitOk);
}

TEST(MetricListTest, RefusesWhatIsNoStatus) {
  for (const char* text : {"", "null", "[]", "{}", "{\"tables\":7}", "{\"tables\":{\"families\":[]}}",
                           "{\"tables\":{\"families\":{\"a\":7}}}", "{\"tables\":{\"families\":{\"a\":{\"series\":-1}}}}",
                           "{\"tables\":{\"families\":{\"a\":{\"series\":1,\"overflow\":{\"b\":\"x\"}}}}}",
                           "{\"tables\":{\"families\":{\"a\":{\"series\":1,\"overflow\":7}}}}"}) {
    EXPECT_EQ(ParseMetricUse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(MetricListTest, TellsAMistakeFromAnAgentThatIsNotThere) {
  EXPECT_EQ(RunMetricsList("127.0.0.1:9743"), kExitUsage);
  // A port that was free a moment ago.
  const auto server = HttpServer::Listen("127.0.0.1:0", [](const HttpRequest&) { return HttpResponse(); });
  ASSERT_TRUE(server.ok());
  const std::string url = UrlOf((*server)->port());
  (*server)->Serve();
  EXPECT_EQ(RunMetricsList(url), kExitFailure) << "an answer that is no status";
  (*server)->Stop();
  EXPECT_EQ(RunMetricsList(url), kExitFailure);
}

TEST(HttpGetTest, RefusesWhatIsNoUrl) {
  for (const char* url : {"", "127.0.0.1:9743", "https://127.0.0.1:9743", "http://", "http://:9743",
                          "http://a:", "http://a:x", "http://a:123456", "http://[::1:9743", "http://[::1]9743", "http://a b",
                          "http://u@a", "http://a/metrics", "http://a?b", "http://a\n"}) {
    const absl::Status status = HttpGet(url, "/").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << url;
    EXPECT_THAT(std::string(status.message()), HasSubstr("write http://HOST:PORT")) << url;
  }
}

TEST(HttpGetTest, SaysWhatTheServerAnswered) {
  unsigned answer = 404;
  const auto server = HttpServer::Listen("127.0.0.1:0", [&answer](const HttpRequest& request) {
    HttpResponse response;
    response.status = answer;
    response.body = std::string(request.target);
    return response;
  });
  ASSERT_TRUE(server.ok());
  (*server)->Serve();
  const std::string url = UrlOf((*server)->port());
  EXPECT_EQ(HttpGet(url, "/x").status().message(), url + " answers 404 to /x");
  answer = 401;
  EXPECT_EQ(HttpGet(url, "/x").status().code(), absl::StatusCode::kPermissionDenied);
  answer = 200;
  EXPECT_EQ(HttpGet(url + "/", "/x").value_or(""), "/x");
  EXPECT_EQ(HttpGet("http://localhost:" + std::to_string((*server)->port()), "/y").value_or(""), "/y");
}

TEST(HttpGetTest, TakesNoAnswerAboveItsCeiling) {
  size_t size = kMaxHttpGetBytes;
  const auto server = HttpServer::Listen("127.0.0.1:0", [&size](const HttpRequest&) {
    HttpResponse response;
    response.body.resize(size, 'x');
    return response;
  });
  ASSERT_TRUE(server.ok());
  (*server)->Serve();
  EXPECT_TRUE(HttpGet(UrlOf((*server)->port()), "/").ok());
  ++size;
  EXPECT_EQ(HttpGet(UrlOf((*server)->port()), "/").status().code(), absl::StatusCode::kUnavailable);
}

TEST(HttpGetTest, GivesUpOnAServerThatSaysNothing) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);
  EXPECT_EQ(HttpGet(UrlOf(ntohs(address.sin_port)), "/").status().code(), absl::StatusCode::kUnavailable);
  close(listener);
}

}  // namespace
}  // namespace tlsmeter::agent
