#include "src/export/constant_labels.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "src/aggregate/catalogue.h"
#include "src/base/text.h"
#include "src/export/prometheus.h"

namespace tlsmeter::agent {
namespace {

// Keeps what a message repeats short.
constexpr size_t kMaxRepeated = 80;

// Of the exposition formats, and of whoever scrapes: a series with one of these is renamed by Prometheus or refused.
constexpr std::array<std::string_view, 4> kTaken = {"le", "quantile", "job", "instance"};

bool IsName(std::string_view name) {
  const auto fits = [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  return !name.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), fits);
}

bool IsOurs(std::string_view name) {
  return std::any_of(Catalogue().begin(), Catalogue().end(), [name](const MetricSpec& metric) {
    const auto labels = metric.labels();
    return std::find(labels.begin(), labels.end(), name) != labels.end();
  });
}

}  // namespace

absl::StatusOr<ConstantLabel> ParseConstantLabel(std::string_view text) {
  const auto wrong = [text](const char* why) {
    return absl::InvalidArgumentError(absl::StrCat("'", PrintableUtf8(text, kMaxRepeated), "' is no label: ", why));
  };
  const size_t equal = text.find('=');
  if (equal == std::string_view::npos) return wrong("write NAME=VALUE");
  const std::string_view name = text.substr(0, equal);
  const std::string_view value = text.substr(equal + 1);
  if (!IsName(name)) return wrong("a name is letters, digits and _, with no digit in front");
  if (name.starts_with("__")) return wrong("names that begin with __ are Prometheus's own");
  if (std::find(kTaken.begin(), kTaken.end(), name) != kTaken.end()) return wrong("Prometheus sets a label of that name");
  if (IsOurs(name)) return wrong("metrics of tlsmeter have a label of that name");
  if (value.empty()) return wrong("the value is empty");
  if (PrintableUtf8(value, kMaxLabelValue) != value) return wrong("the value is not printable UTF-8 of at most 255 bytes");
  return ConstantLabel{std::string(name), std::string(value)};
}

absl::StatusOr<std::vector<ConstantLabel>> ParseConstantLabels(const std::vector<std::string>& texts) {
  std::vector<ConstantLabel> labels;
  if (texts.size() > kMaxConstantLabels) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMaxConstantLabels, " labels"));
  }
  for (const std::string& text : texts) {
    absl::StatusOr<ConstantLabel> label = ParseConstantLabel(text);
    if (!label.ok()) return label.status();
    for (const ConstantLabel& other : labels) {
      if (other.name == label->name) {
        return absl::InvalidArgumentError(absl::StrCat("the label ", label->name, " is given twice"));
      }
    }
    labels.push_back(*std::move(label));
  }
  return labels;
}

void AddConstantLabels(const std::vector<ConstantLabel>& labels, std::vector<prometheus::MetricFamily>* families) {
  for (prometheus::MetricFamily& family : *families) {
    for (prometheus::ClientMetric& metric : family.metric) {
      for (const ConstantLabel& label : labels) metric.label.push_back({label.name, label.value});
    }
  }
}

}  // namespace tlsmeter::agent
