#include "src/aggregate/server_names.h"

#include "absl/strings/string_view.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

using Mode = ServerNameOptions::Mode;

// LastParts returns the last `parts` parts of a name between dots.
std::string_view LastParts(std::string_view name, size_t parts) {
  size_t at = name.size();
  for (; parts > 0; --parts) {
    at = at == 0 ? std::string_view::npos : name.rfind('.', at - 1);
    if (at == std::string_view::npos) return name;
  }
  return name.substr(at + 1);
}

}  // namespace

ServerNames::ServerNames(const ServerNameOptions& options) : mode_(options.mode), suffix_parts_(options.suffix_parts) {
  for (const std::string& name : options.allowlist) {
    if (allowed_.size() < kMaxServerNames) allowed_.insert(ServerNameLabel(name));
  }
}

std::string ServerNames::LabelOf(std::optional<std::string_view> raw) const {
  if (mode_ == Mode::kOff) return "";
  if (!raw.has_value()) return std::string(kLabelUnknown);
  std::string label = ServerNameLabel(*raw);
  if (mode_ == Mode::kSuffix && !IsReservedLabel(label)) label = std::string(LastParts(label, suffix_parts_));
  return label;
}

bool ServerNames::AlwaysAdmitted(std::string_view label) const {
  if (mode_ == Mode::kOff) return label.empty();
  if (IsReservedLabel(label)) return true;
  return mode_ == Mode::kAllowlist && allowed_.contains(absl::string_view(label.data(), label.size()));
}

std::string_view ServerNames::Admit(std::string_view label, uint64_t now_ns) {
  if (AlwaysAdmitted(label)) return label;
  if (mode_ == Mode::kAllowlist) return kLabelOther;
  return busiest_.Observe(label, now_ns) ? label : kLabelOther;
}

bool ServerNames::IsAdmitted(std::string_view label) const { return AlwaysAdmitted(label) || busiest_.IsAdmitted(label); }

}  // namespace tlsmeter::agent
