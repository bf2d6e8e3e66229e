#include "src/aggregate/aggregator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/text.h"
#include "tests/base/sanitized.h"

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
    const std::vector<std::string> set(family.sets[i]->begin(), family.sets[i]->end());
    const uint64_t count = family.spec->type == MetricType::kHistogram ? family.histograms[i].count() : family.counts[i];
    lines.push_back(absl::StrCat(absl::StrJoin(set, ","), "=", count));
  }
  return lines;
}

// Total returns every observation that the family was given.
uint64_t Total(const FamilySnapshot& family) {
  uint64_t total = std::accumulate(family.counts.begin(), family.counts.end(), family.expired);
  for (const HistogramValue& value : family.histograms) total += value.count();
  return total;
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
  for (const double seconds : {0.001, 0.0011, 11.0}) {
    Exemplar exemplar;
    exemplar.seconds = seconds;
    value.Observe(exemplar);
  }
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
  EXPECT_EQ(std::string_view((*family.sets.back())[4]), kLabelOther);
}

TEST(AggregatorTest, KeepsEveryCeilingAndEverySumUnderRandomTraffic) {
  std::mt19937 random(3);
  Aggregator aggregator;
  uint64_t successes = 0;
  uint64_t failures = 0;
  std::map<const void*, uint64_t> before;  // by label set; kept alive by `sets`
  std::vector<LabelSet> sets;
  uint64_t now = 0;
  constexpr uint64_t kRecords = 20000;
  for (uint64_t n = 1; n <= kRecords; ++n) {
    // A slowly moving crowd of workloads: old ones fall idle.
    HandshakeRecord record = Success(absl::StrCat("w", n / 20 + random() % 300), absl::StrCat("n", random() % 1000));
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
    if (n % 3000 == 0) {
      aggregator.SetServerNames({.mode = static_cast<ServerNameOptions::Mode>(n / 3000 % 4), .allowlist = {"n1", "n2"}});
    }
    if (n % 250 != 0) continue;
    aggregator.Advance(now += kWorkloadIdleNs / 4);

    const AggregateSnapshot snapshot = aggregator.Snapshot();
    for (const FamilySnapshot& family : snapshot.families) {
      ASSERT_LE(family.sets.size(), family.limit) << family.spec->name;
      ASSERT_EQ(family.limit, family.spec->max_label_sets());
      for (size_t i = 0; i < family.counts.size(); ++i) {
        uint64_t& last = before[family.sets[i].get()];
        ASSERT_GE(family.counts[i], last) << family.spec->name;
        last = family.counts[i];
      }
      sets.insert(sets.end(), family.sets.begin(), family.sets.end());
      for (const LabelSet& set : family.sets) ASSERT_NE(std::string_view(set->front()), kLabelOther) << family.spec->name;
    }
    for (const Metric metric : {Metric::kHandshakes, Metric::kClientHellos, Metric::kNegotiations, Metric::kAlerts}) {
      ASSERT_EQ(Total(Of(snapshot, metric)), n);
    }
    ASSERT_EQ(Total(Of(snapshot, Metric::kHandshakeFailures)), failures);
    for (const Metric metric : {Metric::kResumptions, Metric::kApplicationProtocols, Metric::kHandshakeDuration,
                                Metric::kConnectionSetupDuration}) {
      ASSERT_EQ(Total(Of(snapshot, metric)), successes);
    }
  }
  EXPECT_GT(Of(aggregator.Snapshot(), Metric::kHandshakes).expired, 0u) << "nothing ever expired";
}

TEST(AggregatorTest, CountsMutualTls) {
  Aggregator aggregator;
  HandshakeRecord record = Success();
  record.tls.mutual_tls = MutualTls::kPresented;
  aggregator.Add(record);
  EXPECT_THAT(Series(aggregator, Metric::kMutualTlsHandshakes), ElementsAre("server,,nginx,process,success=1"));
}

TEST(AggregatorTest, CountsEachSignOfADowngrade) {
  Aggregator aggregator;
  HandshakeRecord record = Success();
  record.tls.version = ProtocolVersion::kTls12;
  record.tls.server_hello->downgrade = Downgrade::kToTls12;
  record.tls.client_hello->cipher_suites = {CipherSuite{0x5600}};
  aggregator.Add(record);
  EXPECT_THAT(Series(aggregator, Metric::kDowngradeSignals),
              ElementsAre("server,,nginx,process,fallback_scsv=1", "server,,nginx,process,tls12_sentinel=1"));
}

TEST(AggregatorTest, CountsAFallbackThatTheServerRefused) {
  Aggregator aggregator;
  HandshakeRecord record = Failure(FailureReason::kHandshakeFailure);
  record.tls.client_hello->cipher_suites = {CipherSuite{0x5600}};
  record.tls.server_hello.reset();
  aggregator.Add(record);
  EXPECT_THAT(Series(aggregator, Metric::kDowngradeSignals), ElementsAre("server,,nginx,process,fallback_scsv=1"));
}

TEST(AggregatorTest, ComparesAClientWithItsOwnHistory) {
  Aggregator aggregator;
  HandshakeRecord record = Success();
  for (const ProtocolVersion version : {ProtocolVersion::kTls13, ProtocolVersion{0x7f12}, ProtocolVersion::kTls12}) {
    record.tls.version = version;
    record.role = Role::kServer;  // whose clients are many
    aggregator.Add(record);
    record.role = Role::kClient;
    aggregator.Add(record);
  }
  EXPECT_THAT(Series(aggregator, Metric::kDowngradeSignals), ElementsAre("client,,nginx,process,below_history=1"));
}

TEST(AggregatorTest, TellsTenPairsOfCipherAndGroupOfAWorkloadApart) {
  Aggregator aggregator;
  HandshakeRecord record = Success();
  for (uint16_t group : {0x17, 0x18, 0x19, 0x1d, 0x1e, 0x11ec}) {
    for (uint16_t cipher : {0x1301, 0x1302, 0x1303}) {
      record.tls.cipher = CipherSuite{cipher};
      record.tls.group = NamedGroup{group};
      aggregator.Add(record);
    }
  }
  const AggregateSnapshot snapshot = aggregator.Snapshot();
  const FamilySnapshot& family = Of(snapshot, Metric::kNegotiations);
  ASSERT_EQ(family.sets.size(), kMaxPairsPerWorkload + 1);
  EXPECT_EQ(std::string_view((*family.sets.back())[5]), kLabelOther);
  EXPECT_EQ(std::string_view((*family.sets.back())[6]), kLabelOther);
  EXPECT_EQ(family.counts.back(), 8u);
  EXPECT_EQ(family.overflow[5], 8u);
}

TEST(AggregatorTest, LetsTheSeriesOfAnIdleWorkloadVanish) {
  constexpr uint64_t kStart = 1'000'000'000'000'000;
  Aggregator aggregator;
  aggregator.Advance(kStart);
  aggregator.Add(Success("idle"));
  aggregator.Advance(kStart + kWorkloadIdleNs / 2);
  aggregator.Add(Success("busy"));
  aggregator.Advance(kStart + kWorkloadIdleNs);
  EXPECT_THAT(Series(aggregator, Metric::kHandshakes), ElementsAre("server,,busy,process,shop.example,success=1"));
  EXPECT_THAT(Series(aggregator, Metric::kHandshakeDuration), ElementsAre("server,,busy,process,false=1"));
  EXPECT_EQ(Of(aggregator.Snapshot(), Metric::kHandshakes).expired, 1u);
  EXPECT_EQ(Of(aggregator.Snapshot(), Metric::kHandshakeDuration).expired, 1u);
}

TEST(AggregatorTest, GivesAWorkloadSeriesOfItsOwnOnceThereIsRoom) {
  constexpr uint64_t kStart = 1'000'000'000'000'000;
  Aggregator aggregator;
  aggregator.Advance(kStart);
  const size_t limit = SpecOf(Metric::kConnectionSetupDuration).max_label_sets();
  for (size_t i = 0; i < limit; ++i) aggregator.Add(Success(absl::StrCat("w", i)));
  aggregator.Add(Success("late"));
  aggregator.Advance(kStart + kWorkloadIdleNs / 2);
  aggregator.Add(Success("late"));
  aggregator.Advance(kStart + kWorkloadIdleNs);
  aggregator.Add(Success("late"));
  EXPECT_THAT(
      Series(aggregator, Metric::kConnectionSetupDuration),
      UnorderedElementsAre(::testing::StartsWith("server,__other__,__other__,__other__="), "server,,late,process=1"));
}

TEST(AggregatorTest, NamesTheLatestHandshakeOfEachBucket) {
  Aggregator aggregator;
  HandshakeRecord record = Success();
  aggregator.Add(record);
  record.owner.pid = 8;
  record.tls.client_hello->random[0] = 0xab;
  aggregator.Add(record);
  const AggregateSnapshot snapshot = aggregator.Snapshot();
  const HistogramValue& value = Of(snapshot, Metric::kHandshakeDuration).histograms[0];
  const Exemplar& exemplar = value.exemplars[2];  // up to 5 ms
  EXPECT_EQ(value.counts[2], 2u);
  EXPECT_EQ(exemplar.pid, 8u);
  EXPECT_EQ(exemplar.client_random[0], 0xab);
  EXPECT_DOUBLE_EQ(exemplar.seconds, 0.005);
  EXPECT_EQ(exemplar.time_ns, 1003 * kMs);
  EXPECT_EQ(value.exemplars[0].time_ns, 0u) << "an exemplar in an empty bucket";
}

// Served returns a TLS 1.2 handshake in which the server showed a self-signed certificate with a good staple.
HandshakeRecord Served() {
  HandshakeRecord record = Success();
  record.tls.version = ProtocolVersion::kTls12;
  auto leaf = std::make_shared<CertificateFacts>();
  leaf->sha256 = {1};
  leaf->readable = leaf->self_signed = true;
  leaf->subject_alt_names = {"shop.example"};
  leaf->subject_alt_name_count = 1;
  leaf->not_after = 5000;
  record.tls.server_certificates = {.certificates = {leaf}, .length = 1};
  record.tls.ocsp_staple = {.status = OcspStatus::kGood, .this_update = 0, .next_update = 3000};
  return record;
}

TEST(AggregatorTest, CountsWhatIsWrongWithAChainAndWhatTheStapleSays) {
  Aggregator aggregator;
  aggregator.Add(Served());
  EXPECT_THAT(Series(aggregator, Metric::kCertificateChainIssues), ElementsAre("server,,nginx,process,self_signed=1"));
  EXPECT_THAT(Series(aggregator, Metric::kOcspStaples), ElementsAre("server,,nginx,process,good=1"));
}

TEST(AggregatorTest, JudgesValidityByATimeThatWasSeen) {
  Aggregator aggregator;
  HandshakeRecord record = Served();
  auto leaf = std::make_shared<CertificateFacts>(*record.tls.server_certificates.leaf());
  leaf->self_signed = false;
  leaf->not_before = 1;
  record.tls.server_certificates.certificates = {leaf};
  record.tls.client_hello.reset();
  record.tls.client_hello_ns = 0;  // joined late
  aggregator.Add(record);
  EXPECT_THAT(Series(aggregator, Metric::kCertificateChainIssues), IsEmpty());
}

TEST(AggregatorTest, CatalogsCertificatesOfBothSides) {
  Aggregator aggregator;
  HandshakeRecord record = Served();
  auto client = std::make_shared<CertificateFacts>();
  client->sha256 = {2};
  record.tls.client_certificates = {.certificates = {client}, .length = 1};
  aggregator.Add(record);
  const CertificateView view = aggregator.Certificates();
  ASSERT_EQ(view.certificates.size(), 2u);
  for (const Certificate& certificate : view.certificates) {
    const bool of_server = certificate.facts->sha256[0] == 1;
    EXPECT_EQ(certificate.sender, of_server ? Sender::kServer : Sender::kClient);
    ASSERT_EQ(certificate.uses.size(), 1u);
    EXPECT_EQ(certificate.uses[0].sent, of_server) << "nginx is the server";
    EXPECT_EQ(std::string_view(certificate.uses[0].server_name), "shop.example");
    EXPECT_EQ(certificate.last_seen, 1);
    EXPECT_EQ(certificate.ocsp_next_update.has_value(), of_server);
  }
}

TEST(AggregatorTest, KeepsCertificatesLongerThanTheirWorkload) {
  constexpr uint64_t kStart = 1'000'000'000'000'000;
  Aggregator aggregator;
  aggregator.Advance(kStart);
  aggregator.Add(Served());
  aggregator.Advance(kStart + kCertificateIdleNs - 1);
  AggregateSnapshot snapshot = aggregator.Snapshot();
  EXPECT_TRUE(Of(snapshot, Metric::kHandshakes).sets.empty());
  EXPECT_EQ(Of(snapshot, Metric::kCertificateNotAfter).values, std::vector<double>{5000});
  EXPECT_EQ(Of(snapshot, Metric::kEarliestCertificateExpiry).values, std::vector<double>{5000});
  aggregator.Advance(kStart + kCertificateIdleNs + kSweepEveryNs);
  snapshot = aggregator.Snapshot();
  EXPECT_TRUE(Of(snapshot, Metric::kCertificateNotAfter).sets.empty());
}

TEST(AggregatorTest, LetsNamesVanishAtOnceThatANewModeWouldNotShow) {
  Aggregator aggregator;
  aggregator.Add(Served());
  aggregator.Add(Success("nginx", "pay.example"));
  aggregator.SetServerNames({.mode = ServerNameOptions::Mode::kAllowlist, .allowlist = {"pay.example"}});
  EXPECT_THAT(Series(aggregator, Metric::kHandshakes), ElementsAre("server,,nginx,process,pay.example,success=1"));
  aggregator.Add(Served());
  EXPECT_THAT(Series(aggregator, Metric::kHandshakes), UnorderedElementsAre("server,,nginx,process,pay.example,success=1",
                                                                            "server,,nginx,process,__other__,success=1"));

  aggregator.SetServerNames({.mode = ServerNameOptions::Mode::kOff, .allowlist = {}});
  EXPECT_THAT(Series(aggregator, Metric::kHandshakes), IsEmpty());
  aggregator.Add(Served());
  EXPECT_THAT(Series(aggregator, Metric::kHandshakes), ElementsAre("server,,nginx,process,,success=1"));
  const AggregateSnapshot snapshot = aggregator.Snapshot();
  EXPECT_EQ(Of(snapshot, Metric::kHandshakes).expired, 3u);
  EXPECT_EQ(Total(Of(snapshot, Metric::kHandshakes)), 4u);
  EXPECT_EQ(Of(snapshot, Metric::kNegotiations).expired, 0u) << "it has no names";
}

TEST(AggregatorTest, ForgetsWhatACertificateWasUsedForUnderNamesThatANewModeWouldNotShow) {
  Aggregator aggregator;
  aggregator.Add(Served());
  aggregator.SetServerNames({.mode = ServerNameOptions::Mode::kSuffix, .suffix_parts = 1, .allowlist = {}});
  EXPECT_TRUE(Of(aggregator.Snapshot(), Metric::kCertificateNotAfter).sets.empty());
  EXPECT_EQ(Of(aggregator.Snapshot(), Metric::kCertificateInfo).sets.size(), 1u) << "the certificate stays known";
  aggregator.Add(Served());
  const CertificateView view = aggregator.Certificates();
  ASSERT_EQ(view.certificates.size(), 1u);
  ASSERT_EQ(view.certificates[0].uses.size(), 1u);
  EXPECT_EQ(std::string_view(view.certificates[0].uses[0].server_name), "example");
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
