// OpenMetrics: the text exposition of OpenMetrics 1.0.0, with exemplars. Pure functions, any thread.
//
// prometheus-cpp writes the text format 0.0.4 only, and its data model has no place for exemplars: they are handed over
// beside the families.
#ifndef TLSMETER_SRC_EXPORT_OPENMETRICS_H_
#define TLSMETER_SRC_EXPORT_OPENMETRICS_H_

#include <prometheus/metric_family.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/aggregate/family.h"

namespace tlsmeter::agent {

inline constexpr std::string_view kOpenMetricsContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

// PlacedExemplar is an exemplar and the bucket that it belongs to: indices into the families, the last bucket being +Inf.
struct PlacedExemplar {
  size_t family = 0;
  size_t metric = 0;
  size_t bucket = 0;
  Exemplar exemplar;
};

// OpenMetricsText returns `families` in the format. `exemplars` must be in the order of family, metric and bucket, one a
// bucket at most. An exemplar bears the first 8 bytes of the client random in hex, enough to find the handshake by in the
// JSON, and the pid where it is known; never an address.
std::string OpenMetricsText(const std::vector<prometheus::MetricFamily>& families,
                            std::span<const PlacedExemplar> exemplars);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_OPENMETRICS_H_
