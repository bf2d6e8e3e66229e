#include "src/export/openmetrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "src/export/prometheus.h"
#include "tests/export/sample_record.h"

namespace tlsmeter::agent {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

MetricFamily Family(const char* name, MetricType type, std::vector<prometheus::ClientMetric::Label> labels, double value) {
  MetricFamily family;
  family.name = name;
  family.help = "Help.";
  family.type = type;
  family.metric.emplace_back();
  family.metric.back().label = std::move(labels);
  family.metric.back().counter.value = value;
  family.metric.back().gauge.value = value;
  return family;
}

MetricFamily Histogram() {
  MetricFamily family = Family("wait_seconds", MetricType::Histogram, {{"role", "client"}}, 0);
  auto& histogram = family.metric.back().histogram;
  histogram.bucket = {{1, 0.0025}, {2, 1}, {2, 10}};
  histogram.sample_count = 3;
  histogram.sample_sum = 42.5;
  return family;
}

TEST(OpenMetricsTest, NamesACounterWithoutTotalAndItsSampleWith) {
  EXPECT_EQ(OpenMetricsText({Family("x_total", MetricType::Counter, {{"a", "b"}, {"c", "d"}}, 3)}, {}),
            "# TYPE x counter\n# HELP x Help.\nx_total{a=\"b\",c=\"d\"} 3\n# EOF\n");
}

TEST(OpenMetricsTest, WritesGaugesWithoutLabels) {
  EXPECT_EQ(OpenMetricsText({Family("x", MetricType::Gauge, {}, 0.25)}, {}),
            "# TYPE x gauge\n# HELP x Help.\nx 0.25\n# EOF\n");
}

TEST(OpenMetricsTest, EndsAnEmptyPageToo) { EXPECT_EQ(OpenMetricsText({}, {}), "# EOF\n"); }

TEST(OpenMetricsTest, WritesBoundsInTheirCanonicalForm) {
  EXPECT_EQ(OpenMetricsText({Histogram()}, {}),
            "# TYPE wait_seconds histogram\n# HELP wait_seconds Help.\n"
            "wait_seconds_bucket{role=\"client\",le=\"0.0025\"} 1\n"
            "wait_seconds_bucket{role=\"client\",le=\"1.0\"} 2\n"
            "wait_seconds_bucket{role=\"client\",le=\"10.0\"} 2\n"
            "wait_seconds_bucket{role=\"client\",le=\"+Inf\"} 3\n"
            "wait_seconds_count{role=\"client\"} 3\n"
            "wait_seconds_sum{role=\"client\"} 42.5\n# EOF\n");
}

TEST(OpenMetricsTest, PutsExemplarsBehindTheirBuckets) {
  const std::vector<PlacedExemplar> exemplars = {
      {1, 0, 0, {.client_random = {0, 1, 0xfe}, .pid = 7, .seconds = 0.002, .time_ns = 1000000000250000000}},
      {1, 0, 3, {.client_random = {}, .pid = 0, .seconds = 40, .time_ns = 500000000}}};
  const std::string page = OpenMetricsText({Histogram(), Histogram()}, exemplars);
  EXPECT_THAT(page, HasSubstr("le=\"0.0025\"} 1 # {client_random=\"0001fe0000000000\",pid=\"7\"} 0.002 1000000000.250\n"));
  EXPECT_THAT(page, HasSubstr("le=\"+Inf\"} 3 # {client_random=\"0000000000000000\"} 40 0.500\n"));
  EXPECT_LT(page.find("le=\"0.0025\"} 1\n"), page.find(" # {"));  // the first family has none
}

TEST(OpenMetricsTest, EscapesLabelsAndHelp) {
  MetricFamily family = Family("x", MetricType::Gauge, {{"a", "q\" b\\ n\n"}}, 1);
  family.help = "h\" b\\ n\n";
  EXPECT_EQ(OpenMetricsText({family}, {}),
            "# TYPE x gauge\n# HELP x h\\\" b\\\\ n\\n\nx{a=\"q\\\" b\\\\ n\\n\"} 1\n# EOF\n");
}

TEST(OpenMetricsTest, WritesValuesThatAreNoPlainNumbers) {
  const auto text = [](double value) { return OpenMetricsText({Family("x", MetricType::Gauge, {}, value)}, {}); };
  EXPECT_THAT(text(NAN), HasSubstr("x NaN\n"));
  EXPECT_THAT(text(INFINITY), HasSubstr("x +Inf\n"));
  EXPECT_THAT(text(-INFINITY), HasSubstr("x -Inf\n"));
  EXPECT_THAT(text(std::numeric_limits<double>::max()), HasSubstr("x 1.7976931348623157e+308\n"));
  EXPECT_THAT(text(static_cast<double>(9007199254740993)), HasSubstr("x 9007199254740992\n"));
}

TEST(OpenMetricsTest, HoldsTheSamplesOfTheTextFormat) {
  Aggregator aggregator;
  aggregator.Add(SampleRecord());
  const std::string page = MetricsPage(aggregator, {}).OpenMetrics();
  EXPECT_THAT(page, HasSubstr("# TYPE tlsmeter_handshakes counter\n"));
  EXPECT_THAT(page, HasSubstr("tlsmeter_handshakes_total{role=\"client\",namespace=\"\",workload=\"curl\","
                              "workload_type=\"process\",server_name=\"api.example.com\",result=\"success\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("tlsmeter_handshake_phase_duration_seconds_bucket{role=\"client\",phase=\"server_flight\",le="
                              "\"0.005\"} 1 # {client_random=\"0001020304050607\",pid=\"4711\"} 0.003 1795435263.123\n"));
  EXPECT_THAT(page, EndsWith("\n# EOF\n"));
  EXPECT_THAT(page, Not(HasSubstr("\n\n")));
}

}  // namespace
}  // namespace tlsmeter::agent
