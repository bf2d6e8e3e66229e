#include "src/agent/top_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kWindow = 60 * kSecond;
constexpr uint64_t kStart = 1'000 * kSecond;

HandshakeRecord Success(const std::string& server_name, double seconds = 0.010) {
  HandshakeRecord record;
  record.owner.pid = 4711;
  record.owner.comm = "curl";
  record.result = Result::kSuccess;
  record.tls.client_hello.emplace().server_name = server_name;
  record.tls.version = ProtocolVersion::kTls13;
  record.tls.client_hello_ns = kSecond;
  record.tls.established_ns = kSecond + static_cast<uint64_t>(seconds * 1e9);
  return record;
}

HandshakeRecord Failure(const std::string& server_name, FailureReason reason, Result result = Result::kFailure) {
  HandshakeRecord record;
  record.result = result;
  record.reason = reason;
  record.tls.client_hello.emplace().server_name = server_name;
  return record;
}

CertificateChain Chain(std::initializer_list<int64_t> ends) {
  CertificateChain chain;
  for (const int64_t end : ends) {
    auto facts = std::make_shared<CertificateFacts>();
    facts->not_after = end;
    chain.certificates.push_back(std::move(facts));
  }
  return chain;
}

TopRow OnlyRow(TopTable* table, TopGrouping by = TopGrouping::kServerName, uint64_t now_ns = kStart + kSecond) {
  const TopView view = table->View(by, now_ns);
  EXPECT_EQ(view.rows.size(), 1u);
  return view.rows.empty() ? TopRow() : view.rows.front();
}

auto Row(const std::string& name, uint64_t handshakes) {
  return ::testing::AllOf(Field(&TopRow::name, name), Field(&TopRow::handshakes, handshakes));
}

TEST(TopTableTest, HasARowForEachWorkloadNameOrProcess) {
  TopTable table(kWindow, kStart);
  HandshakeRecord pod = Success("API.example.com.");
  pod.owner.pid = 7;
  pod.attribution.namespace_name = "shop";
  pod.attribution.workload = "checkout";
  pod.attribution.kind = WorkloadKind::kDeployment;
  table.Add(pod, kStart);
  table.Add(Success("api.example.com"), kStart);
  table.Add(Success("www.example.com"), kStart);
  EXPECT_THAT(table.View(TopGrouping::kWorkload, kStart).rows,
              UnorderedElementsAre(Row("shop/checkout", 1), Row("curl", 2)));
  EXPECT_THAT(table.View(TopGrouping::kServerName, kStart).rows,
              UnorderedElementsAre(Row("api.example.com", 2), Row("www.example.com", 1)));
  EXPECT_THAT(table.View(TopGrouping::kProcess, kStart).rows, UnorderedElementsAre(Row("7/curl", 1), Row("4711/curl", 2)));
  EXPECT_EQ(table.View(TopGrouping::kProcess, kStart).total.handshakes, 3u);
}

TEST(TopTableTest, NamesWhatHasNoName) {
  TopTable table(kWindow, kStart);
  table.Add(HandshakeRecord(), kStart);
  for (const TopGrouping by : {TopGrouping::kWorkload, TopGrouping::kServerName, TopGrouping::kProcess}) {
    EXPECT_EQ(OnlyRow(&table, by).name, kLabelUnknown);
  }
}

TEST(TopTableTest, LetsNoControlByteOfANamePass) {
  TopTable table(kWindow, kStart);
  HandshakeRecord record = Success("\x1b]0;owned\x07");
  record.owner.comm = "a\x1b[2Jb";
  table.Add(record, kStart);
  EXPECT_EQ(OnlyRow(&table, TopGrouping::kServerName).name, kLabelInvalid);
  EXPECT_EQ(OnlyRow(&table, TopGrouping::kProcess).name, "4711/a\\x1b[2Jb");
  EXPECT_EQ(OnlyRow(&table, TopGrouping::kWorkload).name, "a\\x1b[2Jb");
}

TEST(TopTableTest, ForgetsWhatLeavesTheWindow) {
  TopTable table(kWindow, kStart);
  table.Add(Success("old.example"), kStart);
  table.Add(Success("new.example"), kStart + 30 * kSecond);
  EXPECT_EQ(table.View(TopGrouping::kServerName, kStart + 60 * kSecond).rows.size(), 2u);
  const TopView view = table.View(TopGrouping::kServerName, kStart + 61 * kSecond);
  EXPECT_THAT(view.rows, ElementsAre(Row("new.example", 1)));
  EXPECT_EQ(view.total.handshakes, 1u);
  EXPECT_THAT(table.View(TopGrouping::kServerName, kStart + 91 * kSecond).rows, IsEmpty());
}

TEST(TopTableTest, LooksBackNoFurtherThanItsStart) {
  TopTable table(kWindow, kStart);
  EXPECT_EQ(table.View(TopGrouping::kWorkload, kStart).seconds, 0);
  EXPECT_DOUBLE_EQ(table.View(TopGrouping::kWorkload, kStart + 5 * kSecond).seconds, 5);
  EXPECT_DOUBLE_EQ(table.View(TopGrouping::kWorkload, kStart + 500 * kSecond).seconds, 60);
}

TEST(TopTableTest, LooksBackLessFarWhereThereAreMoreHandshakesThanItKeeps) {
  TopTable table(kWindow, kStart, 10);
  for (uint64_t i = 0; i < 30; ++i) table.Add(Success("a.example"), kStart + i * kSecond);
  const TopView view = table.View(TopGrouping::kServerName, kStart + 30 * kSecond);
  EXPECT_EQ(view.total.handshakes, 10u);
  EXPECT_DOUBLE_EQ(view.seconds, 11);  // from the last one that went
}

TEST(TopTableTest, CountsNamesOverTheCeilingTogether) {
  TopTable table(kWindow, kStart, kMaxTopSamples, 2);
  for (const char* name : {"a.example", "b.example", "c.example", "d.example", "a.example"}) {
    table.Add(Success(name), kStart);
  }
  EXPECT_THAT(table.View(TopGrouping::kServerName, kStart).rows,
              UnorderedElementsAre(Row("a.example", 2), Row("b.example", 1), Row(std::string(kLabelOther), 2)));
}

TEST(TopTableTest, GivesThePlaceOfANameThatHasGoneToAnother) {
  TopTable table(kWindow, kStart, kMaxTopSamples, 2);
  table.Add(Success("a.example"), kStart);
  table.Add(Success("b.example"), kStart + 50 * kSecond);
  table.Add(Success("c.example"), kStart + 61 * kSecond);
  table.Add(Success("b.example"), kStart + 61 * kSecond);
  EXPECT_THAT(table.View(TopGrouping::kServerName, kStart + 61 * kSecond).rows,
              UnorderedElementsAre(Row("b.example", 2), Row("c.example", 1)));
}

TEST(TopTableTest, PercentilesAreExact) {
  TopTable table(kWindow, kStart);
  for (int i = 100; i >= 1; --i) table.Add(Success("a.example", i * 1e-3), kStart);
  table.Add(Failure("a.example", FailureReason::kUnknownCa), kStart);  // has no duration
  const TopRow row = OnlyRow(&table);
  EXPECT_NEAR(*row.p50, 0.050, 1e-6);
  EXPECT_NEAR(*row.p95, 0.095, 1e-6);
}

TEST(TopTableTest, HasNoPercentileOfNothing) {
  TopTable table(kWindow, kStart);
  table.Add(Failure("a.example", FailureReason::kUnknownCa), kStart);
  EXPECT_FALSE(OnlyRow(&table).p50.has_value());
  EXPECT_FALSE(OnlyRow(&table).p95.has_value());
}

TEST(TopTableTest, CountsFailedAndAbortedOnesOfThoseThatWereDecided) {
  TopTable table(kWindow, kStart);
  table.Add(Success("a.example"), kStart);
  table.Add(Failure("a.example", FailureReason::kUnknownCa), kStart);
  table.Add(Failure("a.example", FailureReason::kUnknownCa), kStart);
  table.Add(Failure("a.example", FailureReason::kPeerReset, Result::kAborted), kStart);
  table.Add(Failure("a.example", FailureReason::kNone, Result::kUnknown), kStart);
  const TopRow row = OnlyRow(&table);
  EXPECT_EQ(row.handshakes, 5u);
  EXPECT_EQ(row.decided, 4u);
  EXPECT_EQ(row.failed, 3u);
  EXPECT_THAT(row.reasons, ElementsAre(TopShare{"unknown_ca", 2.0 / 3}, TopShare{"peer_reset", 1.0 / 3}));
}

TEST(TopTableTest, MixesAreOfWhatWasVisible) {
  TopTable table(kWindow, kStart);
  for (int i = 0; i < 3; ++i) {
    HandshakeRecord record = Success("a.example");
    record.tls.group = NamedGroup{0x11ec};
    table.Add(record, kStart);
  }
  HandshakeRecord old = Success("a.example");
  old.tls.version = ProtocolVersion::kTls12;
  table.Add(old, kStart);
  table.Add(Failure("a.example", FailureReason::kTimeout), kStart);
  const TopRow row = OnlyRow(&table);
  EXPECT_THAT(row.versions, ElementsAre(TopShare{"1.3", 0.75}, TopShare{"1.2", 0.25}));
  EXPECT_THAT(row.groups, ElementsAre(TopShare{"X25519MLKEM768", 1}));
}

TEST(TopTableTest, ExpiryIsTheEarliestOfAllCertificatesOfBothSides) {
  TopTable table(kWindow, kStart);
  table.Add(Success("a.example"), kStart);
  EXPECT_FALSE(OnlyRow(&table).expiry.has_value());
  HandshakeRecord record = Success("a.example");
  record.tls.server_certificates = Chain({5000, 4000, 9000});
  table.Add(record, kStart);
  EXPECT_EQ(OnlyRow(&table).expiry, 4000);
  record.tls.client_certificates = Chain({3000});
  table.Add(record, kStart);
  EXPECT_EQ(OnlyRow(&table).expiry, 3000);
}

std::vector<std::string> Sorted(TopOrder order, bool reverse) {
  std::vector<TopRow> rows(4);
  rows[0] = {.name = "a", .handshakes = 1, .failed = 1, .p50 = 0.2, .p95 = 0.3, .expiry = 50};
  rows[1] = {.name = "b", .handshakes = 3, .failed = 0, .p50 = 0.1, .p95 = 0.4, .expiry = 20};
  rows[2] = {.name = "c", .handshakes = 2, .failed = 2, .p50 = 0.3, .p95 = 0.5, .expiry = 90};
  rows[3] = {.name = "d", .handshakes = 3};
  SortTopRows(order, reverse, &rows);
  std::vector<std::string> names;
  for (const TopRow& row : rows) names.push_back(row.name);
  return names;
}

TEST(SortTopRowsTest, PutsTheMostTheSlowestAndTheSoonestFirst) {
  EXPECT_THAT(Sorted(TopOrder::kRate, false), ElementsAre("b", "d", "c", "a"));
  EXPECT_THAT(Sorted(TopOrder::kFailures, false), ElementsAre("c", "a", "b", "d"));
  EXPECT_THAT(Sorted(TopOrder::kP95, false), ElementsAre("c", "b", "a", "d"));
  EXPECT_THAT(Sorted(TopOrder::kP50, false), ElementsAre("c", "a", "b", "d"));
  EXPECT_THAT(Sorted(TopOrder::kExpiry, false), ElementsAre("b", "a", "c", "d"));
  EXPECT_THAT(Sorted(TopOrder::kName, false), ElementsAre("a", "b", "c", "d"));
}

TEST(SortTopRowsTest, LeavesRowsWithoutTheFactLastWhenReversed) {
  EXPECT_THAT(Sorted(TopOrder::kRate, true), ElementsAre("a", "c", "b", "d"));
  EXPECT_THAT(Sorted(TopOrder::kP95, true), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(Sorted(TopOrder::kExpiry, true), ElementsAre("c", "a", "b", "d"));
  EXPECT_THAT(Sorted(TopOrder::kName, true), ElementsAre("d", "c", "b", "a"));
}

TEST(TopNameMatchesTest, TakesAPartOrAGlob) {
  EXPECT_TRUE(TopNameMatches("", "api.example.com"));
  EXPECT_TRUE(TopNameMatches("EXAMPLE", "api.example.com"));
  EXPECT_FALSE(TopNameMatches("example.org", "api.example.com"));
  EXPECT_TRUE(TopNameMatches("*.example.com", "api.example.com"));
  EXPECT_FALSE(TopNameMatches("*.example", "api.example.com"));
  EXPECT_TRUE(TopNameMatches("ap?.*", "API.example.com"));
}

TEST(TopNameMatchesTest, TurnsRoundWithAnExclamationMark) {
  EXPECT_FALSE(TopNameMatches("!example", "api.example.com"));
  EXPECT_TRUE(TopNameMatches("!*.org", "api.example.com"));
  EXPECT_TRUE(TopNameMatches("!", "api.example.com"));  // not yet typed to its end
}

}  // namespace
}  // namespace tlsmeter::agent
