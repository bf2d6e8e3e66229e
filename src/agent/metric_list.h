// MetricList: the metric catalogue as a table for people, with what a running agent uses of it. Pure functions, any thread.
#ifndef TLSMETER_SRC_AGENT_METRIC_LIST_H_
#define TLSMETER_SRC_AGENT_METRIC_LIST_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tlsmeter::agent {

// FamilyUse is what one family uses of its ceiling.
struct FamilyUse {
  uint64_t series = 0;
  std::map<std::string, uint64_t> overflow;  // by label, observations that were counted without its value
};

// MetricUse is by the family's name; only those that the aggregator keeps are in it.
using MetricUse = std::map<std::string, FamilyUse, std::less<>>;

// ParseMetricUse reads the answer of /api/v1/status (docs/http.md). InvalidArgument where it is something else.
absl::StatusOr<MetricUse> ParseMetricUse(std::string_view status);

// MetricList returns a heading, and of each metric a line: name, type, time series in use, the most there can be, what
// overflowed ("LABEL:COUNT", separated by commas), labels separated by commas, help. "-" is none, or not known: all use is
// where `use` is null.
std::string MetricList(const MetricUse* use);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_METRIC_LIST_H_
