#include "src/export/json_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "src/export/json_lines.h"
#include "tests/export/sample_record.h"

namespace tlsmeter::agent {
namespace {

using ::testing::HasSubstr;

class HandshakesAnswerTest : public testing::Test {
 protected:
  // Three handshakes: one of nginx as a server, then one that curl refused, then one that worked.
  HandshakesAnswerTest() {
    HandshakeRecord record = SampleRecord();
    record.role = Role::kServer;
    record.owner.pid = 12;
    record.tls.client_hello->server_name = "other.example.com";
    records_.Add(record);
    records_.Add(RefusedRecord());
    records_.Add(SampleRecord());
  }

  nlohmann::json Ask(const std::string& query) {
    const HttpResponse response = HandshakesAnswer(records_, "/api/v1/handshakes" + query);
    EXPECT_EQ(response.status, 200u) << response.body;
    EXPECT_EQ(response.content_type, "application/json");
    return nlohmann::json::parse(response.body);
  }

  size_t Count(const std::string& query) {
    const nlohmann::json answer = Ask(query);
    EXPECT_EQ(answer["count"], answer["handshakes"].size());
    return answer["handshakes"].size();
  }

  RecentRecords records_;
};

TEST_F(HandshakesAnswerTest, GivesTheLatestFirst) {
  const nlohmann::json answer = Ask("");
  ASSERT_EQ(answer["handshakes"].size(), 3u);
  EXPECT_EQ(answer["kept"], 3);
  EXPECT_EQ(answer["handshakes"][0], nlohmann::json::parse(JsonLine(SampleRecord())));
  EXPECT_EQ(answer["handshakes"][1], nlohmann::json::parse(JsonLine(RefusedRecord())));
  EXPECT_FALSE(answer.contains("truncated"));
}

TEST_F(HandshakesAnswerTest, Filters) {
  EXPECT_EQ(Count("?role=server"), 1u);
  EXPECT_EQ(Count("?role=client"), 2u);
  EXPECT_EQ(Count("?server_name=API.example.com"), 2u);
  EXPECT_EQ(Count("?server_name=example.com"), 0u);
  EXPECT_EQ(Count("?result=failure"), 1u);
  EXPECT_EQ(Count("?reason=unknown_ca"), 1u);
  EXPECT_EQ(Count("?pid=12"), 1u);
  EXPECT_EQ(Count("?pid=13"), 0u);
  EXPECT_EQ(Count("?limit=2"), 2u);
  EXPECT_EQ(Count("?limit=1&role=server&result=success"), 1u);
  EXPECT_EQ(Count("?role=server&result=failure"), 0u);
}

TEST_F(HandshakesAnswerTest, RefusesWhatItDoesNotKnow) {
  for (const char* query :
       {"?rolle=client", "?role=spy", "?role=", "?result=failures", "?reason=bad_luck", "?pid=0", "?pid=-1", "?pid=1x",
        "?pid=4294967296", "?limit=0", "?limit=1001", "?limit=", "?limit=1&limit=2", "?a=%", "?x"}) {
    const HttpResponse response = HandshakesAnswer(records_, std::string("/api/v1/handshakes") + query);
    EXPECT_EQ(response.status, 400u) << query;
    EXPECT_FALSE(nlohmann::json::parse(response.body)["error"].get<std::string>().empty()) << query;
  }
}

TEST_F(HandshakesAnswerTest, GivesOneHundredUnlessToldOtherwise) {
  for (int i = 0; i < 150; ++i) records_.Add(SampleRecord());
  EXPECT_EQ(Count(""), 100u);
  EXPECT_EQ(Count("?limit=1000"), 153u);
}

TEST_F(HandshakesAnswerTest, StopsAtItsCeilingAndSaysSo) {
  HandshakeRecord record = SampleRecord();
  record.tls.client_hello->cipher_suites.assign(kMaxListEntries, CipherSuite{0xc02f});
  for (size_t i = 0; i < RecentRecords::kMaxRecords; ++i) records_.Add(record);
  const nlohmann::json answer = Ask("?limit=1000");
  EXPECT_TRUE(answer["truncated"]);
  EXPECT_LT(answer["handshakes"].size(), RecentRecords::kMaxRecords);
  EXPECT_LT(answer.dump().size(), 2 * kMaxAnswerBytes);
}

TEST_F(HandshakesAnswerTest, IsValidJsonWhateverPeersSend) {
  HandshakeRecord record = SampleRecord();
  record.tls.client_hello->server_name = std::string("\xff\"\n\0<", 5);
  record.owner.comm = "\"\xfe";
  records_.Add(record);
  EXPECT_EQ(Ask("?limit=1")["handshakes"][0]["tls"]["client"]["server_name"], "\\xff\"\\x0a\\x00<");
}

TEST(StatusAnswerTest, TellsWhatIsSeenLostAndFull) {
  Aggregator aggregator;
  SelfStats self;
  self.version = "0.1.0";
  self.attached = {{"cgroup_skb_ingress", 1}, {"tcp_rcv_space_adjust", 0}};
  self.events_lost = {{"ring_full", 3}};
  self.blind_handshakes = {{"bytes_missing", 2}};
  self.tracked_connections = 4;
  self.bpf_map_entries = {{"tm_early", 5}};
  self.bpf_map_max_entries = {{"tm_early", 4096}};
  aggregator.SetSelfStats(self);
  aggregator.Add(SampleRecord());
  ProcessStats process;
  process.start_time_seconds = 1700000000.25;

  const HttpResponse response =
      StatusAnswer(aggregator.Snapshot(), process, absl::UnavailableError("events are \"not\" being read"));
  EXPECT_EQ(response.content_type, "application/json");
  const nlohmann::json status = nlohmann::json::parse(response.body);
  EXPECT_EQ(status["version"], "0.1.0");
  EXPECT_EQ(status["start_time"], "2023-11-14T22:13:20.250Z");
  EXPECT_GT(status["uptime_seconds"], 0);
  EXPECT_EQ(status["ready"], false);
  EXPECT_EQ(status["not_ready_because"], "events are \"not\" being read");
  EXPECT_EQ(status["hooks"]["cgroup_skb_ingress"], true);
  EXPECT_EQ(status["hooks"]["tcp_rcv_space_adjust"], false);
  EXPECT_EQ(status["events_lost"]["ring_full"], 3);
  EXPECT_EQ(status["blind_handshakes"]["bytes_missing"], 2);
  EXPECT_EQ(status["tracked_connections"], 4);
  EXPECT_EQ(status["tables"]["bpf_maps"]["tm_early"], nlohmann::json({{"entries", 5}, {"max_entries", 4096}}));
  EXPECT_EQ(status["tables"]["families"]["tlsmeter_handshakes_total"]["label_sets"], 1);
  EXPECT_GT(status["tables"]["families"]["tlsmeter_handshakes_total"]["limit"], 1);
}

TEST(StatusAnswerTest, LeavesOutWhatIsNotKnown) {
  const nlohmann::json status =
      nlohmann::json::parse(StatusAnswer(Aggregator().Snapshot(), ProcessStats(), absl::OkStatus()).body);
  EXPECT_EQ(status["ready"], true);
  EXPECT_FALSE(status.contains("not_ready_because"));
  EXPECT_FALSE(status.contains("start_time"));
}

}  // namespace
}  // namespace tlsmeter::agent
