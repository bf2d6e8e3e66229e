#include "src/agent/metric_list.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "src/aggregate/catalogue.h"

namespace tlsmeter::agent {
namespace {

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

std::string OverflowText(const FamilyUse& use) {
  std::vector<std::string> labels;
  for (const auto& [label, count] : use.overflow) {
    if (count != 0) labels.push_back(absl::StrCat(label, ":", count));
  }
  return labels.empty() ? "0" : absl::StrJoin(labels, ",");
}

}  // namespace

absl::StatusOr<MetricUse> ParseMetricUse(std::string_view status) {
  const absl::Status other = absl::InvalidArgumentError("the answer is not the status of a tlsmeter agent");
  const nlohmann::json json = nlohmann::json::parse(status, nullptr, /*allow_exceptions=*/false);
  const nlohmann::json::json_pointer path("/tables/families");
  if (!json.is_object() || !json.contains(path) || !json.at(path).is_object()) return other;
  MetricUse use;
  for (const auto& [name, family] : json.at(path).items()) {
    const auto series = family.find("series");
    const auto overflow = family.find("overflow");
    if (series == family.end() || !series->is_number_unsigned()) return other;
    FamilyUse& of = use[name];
    of.series = series->get<uint64_t>();
    if (overflow == family.end()) continue;
    if (!overflow->is_object()) return other;
    for (const auto& [label, count] : overflow->items()) {
      if (!count.is_number_unsigned()) return other;
      of.overflow[label] = count.get<uint64_t>();
    }
  }
  return use;
}

std::string MetricList(const MetricUse* use) {
  struct Row {
    const MetricSpec* metric;
    std::string used, overflow, labels;
  };
  std::vector<Row> rows;
  size_t name_width = 0;
  size_t overflow_width = std::string_view("OVERFLOW").size();
  size_t labels_width = 0;
  for (const MetricSpec& metric : Catalogue()) {
    Row row{
        &metric, "-", "-",
        OrDash(absl::StrJoin(metric.labels(), ",", [](std::string* out, std::string_view label) { out->append(label); }))};
    if (use != nullptr) {
      if (const auto found = use->find(metric.name); found != use->end()) {
        row.used = absl::StrCat(found->second.series);
        if (!found->second.overflow.empty()) row.overflow = OverflowText(found->second);
      }
    }
    name_width = std::max(name_width, metric.name.size());
    overflow_width = std::max(overflow_width, row.overflow.size());
    labels_width = std::max(labels_width, row.labels.size());
    rows.push_back(std::move(row));
  }
  const auto line = [&](std::string_view name, std::string_view type, std::string_view used, std::string_view most,
                        std::string_view overflow, std::string_view labels, std::string_view help) {
    return absl::StrFormat("%-*s %-9s %6s %6s %-*s %-*s %s\n", name_width, name, type, used, most, overflow_width, overflow,
                           labels_width, labels, help);
  };
  std::string text = line("NAME", "TYPE", "SERIES", "MOST", "OVERFLOW", "LABELS", "HELP");
  for (const Row& row : rows) {
    text += line(row.metric->name, MetricTypeName(row.metric->type), row.used, absl::StrCat(row.metric->cap), row.overflow,
                 row.labels, row.metric->help);
  }
  return text;
}

}  // namespace tlsmeter::agent
