#include "src/export/prometheus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "tests/export/sample_record.h"

namespace tlsmeter::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<ConstantLabel> kNoLabels;

constexpr char kPromtool[] = "/usr/bin/promtool";

// Runs promtool over `page`; true when it finds nothing to say.
bool PassesPromtool(const std::string& page) {
  const std::string file = absl::StrCat(testing::TempDir(), "tlsmeter_page_", getpid());
  std::ofstream(file, std::ios::binary) << page;
  const int status = std::system(absl::StrCat(kPromtool, " check metrics < ", file, " 1>&2").c_str());
  unlink(file.c_str());
  return status == 0;
}

SelfStats FullSelfStats() {
  SelfStats self;
  self.version = "0.1.0";
  self.attached = {{"cgroup_skb_ingress", 1}, {"tcp_rcv_space_adjust", 0}};
  self.events = {{"data", 10}};
  self.events_lost = {{"ring_full", 0}};
  self.parse_errors = {{"tls", 1}};
  self.blind_handshakes = {{"mid_stream", 2}};
  self.connections_without_handshake = {{"closed", 3}};
  self.library_joins = {{"client_random", 6}};
  self.library_processes = {{"openssl", "instrumented", 2}, {"go", "blind", 1}};
  self.config_reload_ok = false;
  self.config_reload_ok_at = 1'800'000'000;
  self.tracked_connections = 4;
  self.connections_evicted = {{"table_full", 0}};
  self.attribution = {{"kubelet", "complete", 7}, {"cgroup", "partial", 1}};
  self.bpf_run_seconds = {{"tm_egress", 0.25}};
  self.bpf_runs = {{"tm_egress", 1000}};
  self.bpf_map_entries = {{"sockets", 5}};
  self.bpf_map_max_entries = {{"sockets", 100}};
  return self;
}

size_t CountSeries(const std::string& page) {
  std::istringstream lines(page);
  std::string line;
  size_t count = 0;
  while (std::getline(lines, line)) count += line.empty() || line[0] == '#' ? 0 : 1;
  return count;
}

TEST(PrometheusTest, WritesCountersWithTheirLabels) {
  Aggregator aggregator;
  aggregator.Add(SampleRecord());
  aggregator.Add(SampleRecord());
  const std::string page = MetricsPage(aggregator, kNoLabels).Text();
  EXPECT_THAT(
      page, HasSubstr("tlsmeter_handshakes_total{role=\"client\",namespace=\"\",workload=\"curl\",workload_type=\"process\","
                      "server_name=\"api.example.com\",result=\"success\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("# TYPE tlsmeter_handshakes_total counter\n"));
  EXPECT_THAT(
      page,
      HasSubstr("tlsmeter_resumptions_total{role=\"client\",namespace=\"\",workload=\"curl\",workload_type=\"process\","
                "method=\"psk\"} 2\n"));
}

TEST(PrometheusTest, PutsConstantLabelsOnEverySeries) {
  Aggregator aggregator;
  aggregator.Add(SampleRecord());
  aggregator.SetSelfStats(FullSelfStats());
  const std::vector<ConstantLabel> labels = {{"region", "eu \"west\""}, {"tier", "1"}};
  const std::string expected = "region=\"eu \\\"west\\\"\",tier=\"1\"";
  const MetricsPage page(aggregator, labels);
  for (const std::string& text : {page.Text(), page.OpenMetrics()}) {
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) {
      if (line.starts_with('#')) continue;
      EXPECT_THAT(line.substr(0, line.find(" # ")), HasSubstr(expected));
    }
    EXPECT_THAT(text, HasSubstr("result=\"success\"," + expected + "} 1"));
  }
  EXPECT_TRUE(PassesPromtool(page.Text()));
}

TEST(PrometheusTest, WritesCumulativeBuckets) {
  Aggregator aggregator;
  aggregator.Add(SampleRecord());  // 3 ms of server flight
  const std::string page = MetricsPage(aggregator, kNoLabels).Text();
  const std::string name = "tlsmeter_handshake_phase_duration_seconds_bucket{role=\"client\",phase=\"server_flight\",le=";
  EXPECT_THAT(page, HasSubstr(name + "\"0.0025\"} 0\n"));
  EXPECT_THAT(page, HasSubstr(name + "\"0.005\"} 1\n"));
  EXPECT_THAT(page, HasSubstr(name + "\"10\"} 1\n"));
  EXPECT_THAT(page, HasSubstr(name + "\"+Inf\"} 1\n"));
}

TEST(PrometheusTest, WritesWhatTheMeterSaysOfItself) {
  Aggregator aggregator;
  aggregator.SetSelfStats(FullSelfStats());
  const std::string page = MetricsPage(aggregator, kNoLabels).Text();
  for (const char* line : {"tlsmeter_build_info{version=\"0.1.0\"} 1\n", "tlsmeter_config_last_reload_successful 0\n",
                           "tlsmeter_config_last_reload_success_timestamp_seconds 1800000000\n",
                           "tlsmeter_attached{hook=\"tcp_rcv_space_adjust\"} 0\n", "tlsmeter_tracked_connections 4\n",
                           "tlsmeter_attribution_total{source=\"cgroup\",result=\"partial\"} 1\n",
                           "tlsmeter_bpf_run_seconds_total{program=\"tm_egress\"} 0.25\n",
                           "tlsmeter_label_sets{family=\"tlsmeter_handshakes_total\"} 0\n",
                           "tlsmeter_label_sets_limit{family=\"tlsmeter_handshake_duration_seconds\"} 100\n",
                           "tlsmeter_label_overflow_total{family=\"tlsmeter_handshakes_total\",label=\"server_name\"} 0\n",
                           "process_open_fds "}) {
    EXPECT_THAT(page, HasSubstr(line));
  }
}

TEST(PrometheusTest, ExportsEveryRowOfTheCatalogueAndNothingElse) {
  Aggregator aggregator;
  aggregator.Add(SampleRecord());
  HandshakeRecord fallback = RefusedRecord();
  fallback.tls.client_hello->cipher_suites.push_back(CipherSuite{0x5600});  // TLS_FALLBACK_SCSV
  CertificateFacts leaf;
  leaf.readable = leaf.self_signed = true;
  leaf.not_after = 2'000'000'000;
  fallback.tls.server_certificates.certificates = {std::make_shared<const CertificateFacts>(leaf)};
  fallback.tls.ocsp_staple = {.status = OcspStatus::kGood, .this_update = {}, .next_update = 2'000'000'000};
  aggregator.Add(fallback);
  aggregator.SetSelfStats(FullSelfStats());
  const auto families = MetricsPage(aggregator, kNoLabels).Collect();
  ASSERT_EQ(families.size(), kMetricCount);
  std::set<std::string> names;
  std::set<std::string_view> expected;
  for (const MetricSpec& spec : Catalogue()) expected.insert(spec.name);
  for (const auto& family : families) {
    EXPECT_EQ(expected.count(family.name), 1u) << family.name;
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    const auto spec = std::find_if(Catalogue().begin(), Catalogue().end(),
                                   [&family](const MetricSpec& row) { return row.name == family.name; });
    for (const auto& metric : family.metric) {
      ASSERT_EQ(metric.label.size(), spec->labels().size()) << family.name;
      for (size_t i = 0; i < metric.label.size(); ++i) EXPECT_EQ(metric.label[i].name, spec->labels()[i]) << family.name;
    }
  }
}

TEST(PrometheusTest, WritesWhenACertificateEnds) {
  HandshakeRecord record = SampleRecord();
  CertificateFacts leaf;
  leaf.sha256 = {0xab};
  leaf.not_after = 2'000'000'000;
  record.tls.server_certificates.certificates = {std::make_shared<const CertificateFacts>(leaf)};
  Aggregator aggregator;
  aggregator.Add(record);
  EXPECT_THAT(MetricsPage(aggregator, kNoLabels).Text(),
              HasSubstr("tlsmeter_certificate_not_after_timestamp_seconds{role=\"client\",namespace=\"\",workload=\"curl\","
                        "workload_type=\"process\",server_name=\"api.example.com\",fingerprint=\"AB" +
                        std::string(62, '0') + "\"} 2000000000\n"));
}

TEST(PrometheusTest, PassesPromtool) {
  if (access(kPromtool, X_OK) != 0) GTEST_SKIP() << "needs promtool (Debian package prometheus)";
  Aggregator aggregator;
  EXPECT_TRUE(PassesPromtool(MetricsPage(aggregator, kNoLabels).Text()));
  aggregator.Add(SampleRecord());
  aggregator.Add(RefusedRecord());
  aggregator.SetSelfStats(FullSelfStats());
  EXPECT_TRUE(PassesPromtool(MetricsPage(aggregator, kNoLabels).Text()));
}

TEST(PrometheusTest, SurvivesHostileNames) {
  Aggregator aggregator;
  HandshakeRecord record = SampleRecord();
  for (const std::string& hostile : {std::string("\xff\xfe"), std::string("a\"b\\c\nd{e}"), std::string(255, 'x'),
                                     std::string(255, '\xff'), std::string("\xe2\x80\xae"), std::string("a\0b", 3)}) {
    record.tls.client_hello->server_name = hostile;
    record.tls.alpn = hostile;
    record.owner.comm = hostile;
    aggregator.Add(record);
  }
  SelfStats self = FullSelfStats();
  self.attached = {{"\xff\n\"", 1}};
  aggregator.SetSelfStats(self);
  const std::string page = MetricsPage(aggregator, kNoLabels).Text();
  std::string_view rest = page;
  char32_t code = 0;
  while (!rest.empty()) {
    const size_t length = Utf8Character(rest, &code);
    ASSERT_GT(length, 0u);
    rest.remove_prefix(length);
  }
  EXPECT_THAT(page, Not(HasSubstr("\"\n\"")));
  if (access(kPromtool, X_OK) != 0) GTEST_SKIP() << "needs promtool (Debian package prometheus) for the rest";
  EXPECT_TRUE(PassesPromtool(page));
}

TEST(PrometheusTest, StaysWithinTheBudgetWhenEveryFamilyIsFull) {
  std::mt19937 random(6);
  Aggregator aggregator;
  for (int n = 0; n < 60000; ++n) {
    HandshakeRecord record = n % 2 == 0 ? SampleRecord() : RefusedRecord();
    record.role = static_cast<Role>(random() % 3);
    record.owner.comm = absl::StrCat("w", random() % 500);
    record.tls.client_hello->server_name = absl::StrCat("n", random() % 500, ".example.com");
    record.tls.cipher = CipherSuite{static_cast<uint16_t>(0xc000 + random() % 256)};
    record.tls.resumption = static_cast<Resumption>(random() % 4);
    if (record.result == Result::kFailure) record.reason = static_cast<FailureReason>(random() % kFailureReasonCount);
    if (record.tls.alert.has_value()) record.tls.alert->description = static_cast<uint8_t>(random());
    aggregator.Add(record);
  }
  aggregator.SetSelfStats(FullSelfStats());
  const std::string page = MetricsPage(aggregator, kNoLabels).Text();
  EXPECT_LE(CountSeries(page), kMaxSeries);
  EXPECT_GT(CountSeries(page), 5000u);
  EXPECT_LT(page.size(), 3u * 1024 * 1024);
  if (access(kPromtool, X_OK) != 0) GTEST_SKIP() << "needs promtool (Debian package prometheus) for the rest";
  EXPECT_TRUE(PassesPromtool(page));
}

TEST(PrometheusTest, IsCollectedWhileRecordsArrive) {
  Aggregator aggregator;
  const MetricsPage page(aggregator, kNoLabels);
  std::atomic<bool> stop = false;
  std::thread reader([&page, &stop] {
    do {
      EXPECT_FALSE(page.Text().empty());
    } while (!stop);
  });
  for (int i = 0; i < 3000; ++i) {
    HandshakeRecord record = SampleRecord();
    record.tls.client_hello->server_name = absl::StrCat("n", i);
    aggregator.Add(record);
    aggregator.SetSelfStats(FullSelfStats());
  }
  stop = true;
  reader.join();
}

}  // namespace
}  // namespace tlsmeter::agent
