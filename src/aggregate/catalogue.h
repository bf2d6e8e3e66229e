// The metric catalogue: every metric that the program exports, with its labels and its ceiling.
//
// This table is the only place where metric and label names stand; exporters take them from here and docs/metrics.md is
// checked against it. Constants, any thread.
#ifndef TLSMETER_SRC_AGGREGATE_CATALOGUE_H_
#define TLSMETER_SRC_AGGREGATE_CATALOGUE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tlsmeter::agent {

// Metric names a row of the catalogue, in the order of the table.
enum class Metric : uint8_t {
  // Families of the aggregator: counted ...
  kClientHellos,
  kHandshakes,
  kHandshakeFailures,
  kHandshakeDuration,
  kConnectionSetupDuration,
  kHandshakePhaseDuration,
  kNegotiations,
  kResumptions,
  kApplicationProtocols,
  kAlerts,
  kMutualTlsHandshakes,
  kDowngradeSignals,
  kCertificateChainIssues,
  kOcspStaples,
  // ... and its views of the certificate catalogue.
  kCertificateNotAfter,
  kEarliestCertificateExpiry,
  kCertificateInfo,
  kCertificateLastSeen,
  kOcspStapleNextUpdate,
  // What the meter says of itself.
  kBuildInfo,
  kConfigReloadSuccessful,
  kConfigReloadSuccessTime,
  kAttached,
  kEvents,
  kEventsLost,
  kParseErrors,
  kBlindHandshakes,
  kConnectionsWithoutHandshake,
  kLibraryJoins,
  kLibraryProcesses,
  kTrackedConnections,
  kConnectionsEvicted,
  kAttribution,
  kBpfRunSeconds,
  kBpfRuns,
  kBpfMapEntries,
  kBpfMapMaxEntries,
  kLabelSets,
  kLabelSetsLimit,
  kLabelOverflow,
  kExpiredObservations,
  // Of the process, under the names that every Prometheus client uses.
  kProcessCpuSeconds,
  kProcessResidentMemory,
  kProcessVirtualMemory,
  kProcessOpenFds,
  kProcessStartTime,
};
inline constexpr size_t kMetricCount = static_cast<size_t>(Metric::kProcessStartTime) + 1;

// kAggregatedFamilies is how many rows, from the first on, the aggregator keeps, kCountedFamilies how many of them count.
inline constexpr size_t kAggregatedFamilies = static_cast<size_t>(Metric::kOcspStapleNextUpdate) + 1;
inline constexpr size_t kCountedFamilies = static_cast<size_t>(Metric::kOcspStaples) + 1;

enum class MetricType : uint8_t { kCounter, kGauge, kHistogram };

// MetricTypeName returns "counter", "gauge" or "histogram".
std::string_view MetricTypeName(MetricType type);

// kMaxLabels is the widest label list, of tlsmeter_certificate_info.
inline constexpr size_t kMaxLabels = 8;

// kDurationBuckets are the upper bounds of every histogram, in seconds.
inline constexpr std::array<double, 12> kDurationBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                            0.1,   0.2,    0.5,   1,    2.5,   10};

// kHistogramSeries is what one label set of a histogram costs: its buckets, +Inf, sum and count.
inline constexpr size_t kHistogramSeries = kDurationBuckets.size() + 3;

// kMaxSeries is the default budget of a node; the caps of all rows together stay below it.
inline constexpr size_t kMaxSeries = 10000;

struct MetricSpec {
  Metric metric;
  std::string_view name;  // as exported
  MetricType type;
  std::string_view help;
  std::array<std::string_view, kMaxLabels> label_names;  // unused places are empty
  size_t cap;                                            // most time series
  // Label sets kept free for observations that lost their open labels: every combination of the closed ones, and one more.
  // 0 where the label limiter is not in use.
  size_t reserve;

  // labels returns the label names.
  constexpr std::span<const std::string_view> labels() const {
    size_t count = 0;
    while (count < kMaxLabels && !label_names[count].empty()) ++count;
    return std::span(label_names).first(count);
  }
  // max_label_sets returns how many label sets the cap allows.
  constexpr size_t max_label_sets() const { return type == MetricType::kHistogram ? cap / kHistogramSeries : cap; }
};

// Catalogue returns all rows in the order of Metric.
std::span<const MetricSpec> Catalogue();

// SpecOf returns the row of `metric`; static storage.
const MetricSpec& SpecOf(Metric metric);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGGREGATE_CATALOGUE_H_
