// The list of metrics, and how it asks a running agent for its use of them.

#include "src/agent/metric_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "src/agent/ask_agent.h"
#include "src/agent/commands.h"
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
  const auto status = AskAgent({.url = UrlOf((*server)->port())}, "/api/v1/status");
  ASSERT_TRUE(status.ok()) << status.status();
  const auto use = ParseMetricUse(*status);
  ASSERT_TRUE(use.ok()) << use.status();
  const std::string text = MetricList(&*use);
  EXPECT_THAT(LineOf(text, "tlsmeter_handshakes_total"), HasSubstr(" counter 101 2000 server_name:7 role,"));
  EXPECT_THAT(LineOf(text, "tlsmeter_handshake_duration_seconds"), HasSubstr(" histogram 15 1500 0 role,"));
  EXPECT_THAT(LineOf(text, "tlsmeter_certificate_last_seen_timestamp_seconds"), HasSubstr(" gauge 0 200 0 fingerprint "));
  EXPECT_THAT(LineOf(text, "tlsmeter_attached"), HasSubstr(" gauge - 20 - hook "));
  EXPECT_EQ(RunMetricsList({.agent = {.url = UrlOf((*server)->port())}}), kExitOk);
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
  EXPECT_EQ(RunMetricsList({.agent = {.url = "127.0.0.1:9743"}, .agent_required = true}), kExitUsage);
  // A port that was free a moment ago.
  const auto server = HttpServer::Listen("127.0.0.1:0", [](const HttpRequest&) { return HttpResponse(); });
  ASSERT_TRUE(server.ok());
  const std::string url = UrlOf((*server)->port());
  (*server)->Serve();
  EXPECT_EQ(RunMetricsList({.agent = {.url = url}, .agent_required = true}), kExitFailure) << "an answer that is no status";
  (*server)->Stop();
  EXPECT_EQ(RunMetricsList({.agent = {.url = url}, .agent_required = true}), kExitFailure);
  EXPECT_EQ(RunMetricsList({.agent = {.url = url}}), kExitOk) << "nobody asked for an agent";
}

}  // namespace
}  // namespace tlsmeter::agent
