#include "src/export/json_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

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
    Add(record);
    Add(RefusedRecord());
    Add(SampleRecord());
  }

  void Add(HandshakeRecord record) { records_.Add(std::make_unique<HandshakeRecord>(std::move(record))); }

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
  for (int i = 0; i < 150; ++i) Add(SampleRecord());
  EXPECT_EQ(Count(""), 100u);
  EXPECT_EQ(Count("?limit=1000"), 153u);
}

TEST_F(HandshakesAnswerTest, StopsAtItsCeilingAndSaysSo) {
  HandshakeRecord record = SampleRecord();
  record.tls.client_hello->cipher_suites.assign(kMaxListEntries, CipherSuite{0xc02f});
  for (size_t i = 0; i < RecentRecords::kMaxRecords; ++i) Add(record);
  const nlohmann::json answer = Ask("?limit=1000");
  EXPECT_TRUE(answer["truncated"]);
  EXPECT_LT(answer["handshakes"].size(), RecentRecords::kMaxRecords);
  EXPECT_LT(answer.dump().size(), 2 * kMaxAnswerBytes);
}

TEST_F(HandshakesAnswerTest, IsValidJsonWhateverPeersSend) {
  HandshakeRecord record = SampleRecord();
  record.tls.client_hello->server_name = std::string("\xff\"\n\0<", 5);
  record.owner.comm = "\"\xfe";
  Add(record);
  EXPECT_EQ(Ask("?limit=1")["handshakes"][0]["tls"]["client"]["server_name"], "\\xff\"\\x0a\\x00<");
}

Certificate CertificateUntil(std::optional<int64_t> not_after, uint8_t fingerprint) {
  auto facts = std::make_shared<CertificateFacts>();
  facts->sha256[0] = fingerprint;
  facts->readable = true;
  facts->subject = "CN=shop.example\n";
  facts->not_after = not_after;
  facts->subject_alt_names = {"shop.example", "\xff"};
  facts->subject_alt_name_count = 3;
  facts->key_algorithm = "EC";
  facts->key_bits = 256;
  Certificate certificate;
  certificate.facts = facts;
  certificate.first_seen = 1700000000;
  certificate.last_seen = 1700000060;
  return certificate;
}

TEST(CertificatesAnswerTest, PutsWhatEndsFirstInFront) {
  CertificateView view;
  view.certificates = {CertificateUntil(std::nullopt, 3), CertificateUntil(1800000000, 2), CertificateUntil(1750000000, 1)};
  view.evicted = 7;
  const nlohmann::json answer = nlohmann::json::parse(CertificatesAnswer(view).body);
  ASSERT_EQ(answer["certificates"].size(), 3u);
  EXPECT_EQ(answer["count"], 3);
  EXPECT_EQ(answer["evicted"], 7);
  EXPECT_EQ(answer["certificates"][0]["not_after"], "2025-06-15T15:06:40Z");
  EXPECT_EQ(answer["certificates"][1]["not_after"], "2027-01-15T08:00:00Z");
  EXPECT_FALSE(answer["certificates"][2].contains("not_after"));
}

TEST(CertificatesAnswerTest, TellsFactsAndUses) {
  CertificateView view;
  view.certificates = {CertificateUntil(1750000000, 0xab)};
  LabelPool pool;
  view.certificates[0].uses.push_back(
      {.workload = {pool.Intern("server"), pool.Intern("shop"), pool.Intern("web"), pool.Intern("Deployment")},
       .server_name = pool.Intern("shop.example"),
       .sent = true,
       .chain_not_after = 1740000000,
       .first_seen = 1700000000,
       .last_seen = 1700000060,
       .seen_ns = 1});
  const nlohmann::json certificate = nlohmann::json::parse(CertificatesAnswer(view).body)["certificates"][0];
  EXPECT_EQ(certificate["fingerprint_sha256"].get<std::string>().substr(0, 4), "AB00");
  EXPECT_EQ(certificate["subject"], "CN=shop.example\\x0a");
  EXPECT_EQ(certificate["subject_alt_names"], nlohmann::json({"shop.example", "\\xff"}));
  EXPECT_EQ(certificate["subject_alt_name_count"], 3);
  EXPECT_EQ(certificate["key_bits"], 256);
  EXPECT_EQ(certificate["sender"], "server");
  EXPECT_EQ(certificate["last_seen"], "2023-11-14T22:14:20Z");
  ASSERT_EQ(certificate["uses"].size(), 1u);
  EXPECT_EQ(certificate["uses"][0]["workload"], "web");
  EXPECT_EQ(certificate["uses"][0]["sent"], true);
  EXPECT_EQ(certificate["uses"][0]["chain_not_after"], "2025-02-19T21:20:00Z");
}

TEST(CertificatesAnswerTest, IsEmptyWhereNothingWasSeen) {
  EXPECT_EQ(nlohmann::json::parse(CertificatesAnswer({}).body)["certificates"], nlohmann::json::array());
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
  EXPECT_EQ(status["tables"]["families"]["tlsmeter_handshakes_total"]["series"], 1);
  EXPECT_EQ(status["tables"]["families"]["tlsmeter_handshakes_total"]["overflow"],
            nlohmann::json({{"workload", 0}, {"server_name", 0}}));
  EXPECT_EQ(status["tables"]["families"]["tlsmeter_connection_setup_duration_seconds"]["series"], kHistogramSeries);
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
