// ConstantLabels: what the operator says of this agent - its region, its environment - on every series of the page.
// Pure functions, any thread.
#ifndef TLSMETER_SRC_EXPORT_CONSTANT_LABELS_H_
#define TLSMETER_SRC_EXPORT_CONSTANT_LABELS_H_

#include <prometheus/metric_family.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tlsmeter::agent {

// kMaxConstantLabels is how many there may be: each is repeated on every series of the page.
inline constexpr size_t kMaxConstantLabels = 10;

struct ConstantLabel {
  std::string name;
  std::string value;
  bool operator==(const ConstantLabel&) const = default;
};

// ParseConstantLabel reads "NAME=VALUE". The name is one of Prometheus (letters, digits and '_', no digit in front), none
// that it reserves ("__...") or puts on series itself (job, instance), and none of the catalogue's or of histograms (le);
// the value is printable UTF-8 of 1 to kMaxLabelValue bytes. InvalidArgument says in a sentence what is wrong.
absl::StatusOr<ConstantLabel> ParseConstantLabel(std::string_view text);

// ParseConstantLabels reads several; a name given twice and more than kMaxConstantLabels are InvalidArgument too.
absl::StatusOr<std::vector<ConstantLabel>> ParseConstantLabels(const std::vector<std::string>& texts);

// AddConstantLabels puts `labels` behind those that each series has.
void AddConstantLabels(const std::vector<ConstantLabel>& labels, std::vector<prometheus::MetricFamily>* families);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_CONSTANT_LABELS_H_
