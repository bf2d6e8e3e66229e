#include "src/aggregate/aggregator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/text.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

namespace tlsmeter::agent {
namespace {

constexpr uint64_t kMs = 1000000;

HandshakeRecord Success(std::string_view comm = "nginx", std::string_view name = "shop.example") {
  HandshakeRecord record;
  record.role = Role::kServer;
  record.owner = {.pid = 7, .comm = std::string(comm)};
  record.result = Result::kSuccess;
  record.tcp_start_ns = 1000 * kMs;
  record.tcp_established_ns = 1002 * kMs;
  Handshake& tls = record.tls;
  tls.progress = Progress::kEstablished;
  tls.client_hello.emplace();
  tls.client_hello->server_name = name;
  tls.client_hello->supported_versions = {ProtocolVersion{0x1a1a}, ProtocolVersion::kTls13, ProtocolVersion::kTls12};
  tls.server_hello.emplace();
  tls.version = ProtocolVersion::kTls13;
  tls.cipher = CipherSuite{0x1301};
  tls.group = NamedGroup{0x001d};
  tls.client_hello_ns = 1003 * kMs;
  tls.server_hello_ns = 1004 * kMs;
  tls.client_finished_ns = 1008 * kMs;
  tls.established_ns = 1008 * kMs;
  tls.first_application_data_ns = 1009 * kMs;
  return record;
}

HandshakeRecord Failure(FailureReason reason) {
  HandshakeRecord record = Success();
  record.result = Result::kFailure;
  record.reason = reason;
  record.tls.alert = Alert{.sender = Sender::kClient, .level = 2, .description = 48};
  return record;
}

const FamilySnapshot& Of(const AggregateSnapshot& snapshot, Metric metric) {
  return snapshot.families[static_cast<size_t>(metric)];
}

// Series returns one "v1,v2,...=count" a set.
std::vector<std::string> Series(const Aggregator& aggregator, Metric metric) {
  const AggregateSnapshot snapshot = aggregator.Snapshot();
  const FamilySnapshot& family = Of(snapshot, metric);
  std::vector<std::string> lines;
  for (size_t i = 0; i < family.sets.size(); ++i) {
    uint64_t count = 0;
    if (family.spec->type == MetricType::kHistogram) {
      for (const uint64_t n : family.histograms[i].counts) count += n;
    } else {
      count = family.counts[i];
    }
    lines.push_back(absl::StrCat(absl::StrJoin(*family.sets[i], ","), "=", count));
  }
  return lines;
}

uint64_t Total(const FamilySnapshot& family) {
  return std::accumulate(family.counts.begin(), family.counts.end(), uint64_t{0});
}

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST(AggregatorTest, CountsASuccessInEachFamilyItBelongsTo) {
  Aggregator aggregator;
  aggregator.Add(Success());
  EXPECT_THAT(Series(aggregator, Metric::kClientHellos), ElementsAre("server,,nginx,process,1.3=1"));
  EXPECT_THAT(Series(aggregator, Metric::kHandshakes), ElementsAre("server,,nginx,process,shop.example,success=1"));
  EXPECT_THAT(Series(aggregator, Metric::kHandshakeFailures), IsEmpty());
  EXPECT_THAT(Series(aggregator, Metric::kNegotiations),
              ElementsAre("server,,nginx,process,1.3,TLS_AES_128_GCM_SHA256,x25519=1"));
  EXPECT_THAT(Series(aggregator, Metric::kResumptions), ElementsAre("server,,nginx,process,none=1"));
  EXPECT_THAT(Series(aggregator, Metric::kApplicationProtocols), ElementsAre("server,,nginx,process,none=1"));
  EXPECT_THAT(Series(aggregator, Metric::kAlerts), IsEmpty());
  EXPECT_THAT(Series(aggregator, Metric::kHandshakeDuration), ElementsAre("server,,nginx,process,false=1"));
  EXPECT_THAT(Series(aggregator, Metric::kConnectionSetupDuration), ElementsAre("server,,nginx,process=1"));
  EXPECT_THAT(
      Series(aggregator, Metric::kHandshakePhaseDuration),
      UnorderedElementsAre("server,tcp=1", "server,server_flight=1", "server,client_flight=1", "server,first_app_byte=1"));
}

TEST(AggregatorTest, CountsAFailureWithItsReasonAndAlertAndNoDuration) {
  Aggregator aggregator;
  aggregator.Add(Failure(FailureReason::kUnknownCa));
  EXPECT_THAT(Series(aggregator, Metric::kHandshakes), ElementsAre("server,,nginx,process,shop.example,failure=1"));
  EXPECT_THAT(Series(aggregator, Metric::kHandshakeFailures), ElementsAre("server,,nginx,process,unknown_ca=1"));
  EXPECT_THAT(Series(aggregator, Metric::kAlerts), ElementsAre("server,,nginx,process,peer,unknown_ca=1"));
  EXPECT_THAT(Series(aggregator, Metric::kHandshakeDuration), IsEmpty());
  EXPECT_THAT(Series(aggregator, Metric::kResumptions), IsEmpty());
}

TEST(AggregatorTest, CountsAbortedAmongTheFailuresAndUnknownNot) {
  Aggregator aggregator;
  HandshakeRecord record = Failure(FailureReason::kPeerReset);
  record.result = Result::kAborted;
  aggregator.Add(record);
  record.result = Result::kUnknown;
  aggregator.Add(record);
  EXPECT_THAT(Series(aggregator, Metric::kHandshakes),
              ElementsAre("server,,nginx,process,shop.example,aborted=1", "server,,nginx,process,shop.example,unknown=1"));
  EXPECT_THAT(Series(aggregator, Metric::kHandshakeFailures), ElementsAre("server,,nginx,process,peer_reset=1"));
}

TEST(AggregatorTest, SaysUnknownWhereNothingWasSeen) {
  Aggregator aggregator;
  HandshakeRecord record;
  record.role = Role::kClient;
  aggregator.Add(record);
  EXPECT_THAT(Series(aggregator, Metric::kHandshakes), ElementsAre("client,,__unknown__,process,__unknown__,unknown=1"));
  EXPECT_THAT(Series(aggregator, Metric::kClientHellos), IsEmpty());
  EXPECT_THAT(Series(aggregator, Metric::kNegotiations), IsEmpty());
}

TEST(AggregatorTest, LeavesOutPhasesThatWereNotMeasured) {
  Aggregator aggregator;
  HandshakeRecord record = Success();
  record.tcp_start_ns = 0;
  record.tls.first_application_data_ns = 0;
  aggregator.Add(record);
  EXPECT_THAT(Series(aggregator, Metric::kConnectionSetupDuration), IsEmpty());
  EXPECT_THAT(Series(aggregator, Metric::kHandshakePhaseDuration),
              ElementsAre("server,server_flight=1", "server,client_flight=1"));
}

TEST(AggregatorTest, PutsADurationOnABoundIntoThatBucket) {
  HistogramValue value;
  value.Observe(0.001);
  value.Observe(0.0011);
  value.Observe(11);
  EXPECT_EQ(value.counts[0], 1u);
  EXPECT_EQ(value.counts[1], 1u);
  EXPECT_EQ(value.counts.back(), 1u);
  EXPECT_DOUBLE_EQ(value.sum, 11.0021);
}

TEST(AggregatorTest, SanitisesWhatComesFromOutside) {
  Aggregator aggregator;
  aggregator.Add(Success("a\nb\xff\"", "\xff\xfe.example"));
  aggregator.Add(Success("__other__", "10.0.0.1"));
  EXPECT_THAT(Series(aggregator, Metric::kHandshakes), ElementsAre("server,,a\\x0ab\\xff\",process,__invalid__,success=1",
                                                                   "server,,__invalid__,process,__ip__,success=1"));
}

TEST(AggregatorTest, AdmitsAHundredServerNames) {
  Aggregator aggregator;
  for (int i = 0; i < 300; ++i) aggregator.Add(Success("nginx", absl::StrCat("host", i, ".example")));
  const AggregateSnapshot snapshot = aggregator.Snapshot();
  const FamilySnapshot& family = Of(snapshot, Metric::kHandshakes);
  EXPECT_EQ(family.sets.size(), kMaxServerNames + 1);
  EXPECT_EQ(Total(family), 300u);
  EXPECT_EQ(family.overflow[4], 200u);
  EXPECT_EQ((*family.sets.back())[4], kLabelOther);
}

TEST(AggregatorTest, KeepsEveryCeilingAndEverySumUnderRandomTraffic) {
  std::mt19937 random(3);
  Aggregator aggregator;
  uint64_t successes = 0;
  uint64_t failures = 0;
  std::vector<std::vector<uint64_t>> before(kAggregatedFamilies);
  constexpr uint64_t kRecords = 20000;
  for (uint64_t n = 1; n <= kRecords; ++n) {
    HandshakeRecord record = Success(absl::StrCat("w", random() % 600), absl::StrCat("n", random() % 1000));
    record.role = static_cast<Role>(random() % 3);
    record.result = static_cast<Result>(random() % 4);
    record.tls.version = ProtocolVersion{static_cast<uint16_t>(0x0300 + random() % 6)};
    record.tls.cipher = CipherSuite{static_cast<uint16_t>(0xc000 + random() % 256)};
    record.tls.group = NamedGroup{static_cast<uint16_t>(random() % 64)};
    record.tls.alpn = random() % 2 == 0 ? "h2" : absl::StrCat("p", random() % 100);
    record.tls.resumption = static_cast<Resumption>(random() % 4);
    record.tls.client_hello->supported_versions = {*record.tls.version};
    if (record.result == Result::kSuccess) ++successes;
    if (record.result == Result::kFailure || record.result == Result::kAborted) {
      ++failures;
      record.reason = static_cast<FailureReason>(random() % kFailureReasonCount);
    }
    record.tls.alert = Alert{.sender = static_cast<Sender>(random() % 2), .description = static_cast<uint8_t>(random())};
    aggregator.Add(record);
    if (n % 250 != 0) continue;

    const AggregateSnapshot snapshot = aggregator.Snapshot();
    for (size_t f = 0; f < snapshot.families.size(); ++f) {
      const FamilySnapshot& family = snapshot.families[f];
      ASSERT_LE(family.sets.size(), family.limit) << family.spec->name;
      ASSERT_EQ(family.limit, family.spec->max_label_sets());
      for (size_t i = 0; i < before[f].size(); ++i) ASSERT_GE(family.counts[i], before[f][i]) << family.spec->name;
      before[f] = family.counts;
      for (const LabelSet& set : family.sets) ASSERT_NE(set->front(), kLabelOther) << family.spec->name;
    }
    ASSERT_EQ(Total(Of(snapshot, Metric::kHandshakes)), n);
    ASSERT_EQ(Total(Of(snapshot, Metric::kClientHellos)), n);
    ASSERT_EQ(Total(Of(snapshot, Metric::kNegotiations)), n);
    ASSERT_EQ(Total(Of(snapshot, Metric::kAlerts)), n);
    ASSERT_EQ(Total(Of(snapshot, Metric::kHandshakeFailures)), failures);
    ASSERT_EQ(Total(Of(snapshot, Metric::kResumptions)), successes);
    ASSERT_EQ(Total(Of(snapshot, Metric::kApplicationProtocols)), successes);
  }
  const AggregateSnapshot snapshot = aggregator.Snapshot();
  for (const Metric metric : {Metric::kHandshakeDuration, Metric::kConnectionSetupDuration}) {
    uint64_t count = 0;
    for (const HistogramValue& value : Of(snapshot, metric).histograms) {
      for (const uint64_t n : value.counts) count += n;
    }
    EXPECT_EQ(count, successes);
  }
}

size_t ResidentPages() {
  std::ifstream statm("/proc/self/statm");
  size_t size = 0;
  size_t resident = 0;
  statm >> size >> resident;
  return resident;
}

TEST(AggregatorTest, StaysFlatUnderATorrentOfNamesAndWorkloads) {
  Aggregator aggregator;
  HandshakeRecord record = Success();
  const int rounds = kSanitized ? 100000 : 1000000;
  size_t sets = 0;
  size_t pages = 0;
  for (int i = 0; i < rounds; ++i) {
    record.tls.client_hello->server_name = absl::StrCat("host-", i, ".example.com");
    record.owner.comm = absl::StrCat("comm", i);
    aggregator.Add(record);
    if (i != rounds / 10) continue;
    for (const FamilySnapshot& family : aggregator.Snapshot().families) sets += family.sets.size();
    pages = ResidentPages();
  }
  const AggregateSnapshot snapshot = aggregator.Snapshot();
  for (const FamilySnapshot& family : snapshot.families) sets -= family.sets.size();
  EXPECT_EQ(sets, 0u) << "label sets were still admitted after the first tenth";
  EXPECT_EQ(Total(Of(snapshot, Metric::kHandshakes)), static_cast<uint64_t>(rounds));
  if (!kSanitized) {
    EXPECT_LT(ResidentPages(), pages + 512);  // 2 MiB
  }
}

TEST(AggregatorTest, GivesSnapshotsToAnotherThread) {
  Aggregator aggregator;
  std::atomic<bool> stop = false;
  std::thread reader([&aggregator, &stop] {
    uint64_t last = 0;
    while (!stop) {
      const AggregateSnapshot snapshot = aggregator.Snapshot();
      const uint64_t total = Total(Of(snapshot, Metric::kHandshakes));
      EXPECT_GE(total, last);
      last = total;
    }
  });
  for (int i = 0; i < 2000; ++i) {
    aggregator.Add(Success("nginx", absl::StrCat("n", i)));
    SelfStats stats;
    stats.attached = {{"hook", static_cast<double>(i)}};
    aggregator.SetSelfStats(std::move(stats));
  }
  stop = true;
  reader.join();
  EXPECT_EQ(aggregator.Snapshot().self.attached[0].value, 1999);
}

}  // namespace
}  // namespace tlsmeter::agent
