#include "src/agent/metric_list.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_format.h"
#include "src/aggregate/catalogue.h"

namespace tlsmeter::agent {

std::string MetricList() {
  size_t width = 0;
  for (const MetricSpec& metric : Catalogue()) width = std::max(width, metric.name.size());
  std::string text = absl::StrFormat("%-*s %-9s %6s %s\n", width, "NAME", "TYPE", "SERIES", "LABELS");
  for (const MetricSpec& metric : Catalogue()) {
    std::string labels;
    for (const std::string_view label : metric.labels()) labels.append(labels.empty() ? "" : ",").append(label);
    text += absl::StrFormat("%-*s %-9s %6d %s\n", width, metric.name, MetricTypeName(metric.type), metric.cap,
                            labels.empty() ? "-" : labels);
  }
  return text;
}

}  // namespace tlsmeter::agent
