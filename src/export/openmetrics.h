// OpenMetrics: the text exposition of OpenMetrics 1.0.0, with exemplars. Pure functions, any thread.
//
// prometheus-cpp writes the text format 0.0.4 only, and its data model has no place for exemplars: they are handed over
// beside the families.
#ifndef TLSMETER_SRC_EXPORT_OPENMETRICS_H_
#define TLSMETER_SRC_EXPORT_OPENMETRICS_H_

#include <prometheus/metric_family.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tlsmeter::agent {

inline constexpr std::string_view kOpenMetricsContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

// Exemplar is one handshake that a histogram counted: where to look further. `family`, `metric` and `bucket` say which
// bucket, by index, the last bucket being +Inf.
struct Exemplar {
  size_t family = 0;
  size_t metric = 0;
  size_t bucket = 0;
  std::string client_random;  // the first bytes in hex; at most 32 characters
  uint32_t pid = 0;
  double value = 0;              // in the unit of the histogram
  double timestamp_seconds = 0;  // Unix time
};

// OpenMetricsText returns `families` in the format. `exemplars` must be in the order of family, metric and bucket, one a
// bucket at most.
std::string OpenMetricsText(const std::vector<prometheus::MetricFamily>& families, std::span<const Exemplar> exemplars);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_OPENMETRICS_H_
