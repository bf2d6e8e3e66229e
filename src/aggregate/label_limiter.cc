#include "src/aggregate/label_limiter.h"

#include <array>
#include <cassert>

#include "absl/strings/string_view.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

// Label values may hold any byte, so each is preceded by its length.
void AppendKey(std::string_view value, std::string* key) {
  const auto size = static_cast<uint32_t>(value.size());
  for (int shift = 0; shift < 32; shift += 8) key->push_back(static_cast<char>(size >> shift));
  key->append(value);
}

}  // namespace

bool CountsOverflow(std::string_view label) { return label == "server_name" || label == "cipher" || label == "workload"; }

LabelLimiter::Group LabelLimiter::GroupOf(std::string_view label) {
  if (label == "server_name" || label == "cipher" || label == "group") return Group::kDetail;
  if (label == "namespace" || label == "workload" || label == "workload_type") return Group::kWorkload;
  return Group::kClosed;
}

LabelLimiter::LabelLimiter(const MetricSpec& spec)
    : labels_(spec.labels().begin(), spec.labels().end()), limit_(spec.max_label_sets()), overflow_(labels_.size(), 0) {
  assert(spec.reserve > 0 && spec.reserve <= limit_);
  bool has_detail = false;
  bool has_workload = false;
  for (const std::string_view label : labels_) {
    groups_.push_back(GroupOf(label));
    has_detail = has_detail || groups_.back() == Group::kDetail;
    has_workload = has_workload || groups_.back() == Group::kWorkload;
  }
  // A family without open labels uses its reserve directly; the last place is always for the set of nothing but __other__.
  room_for_detail_ = has_workload ? limit_ - spec.reserve : limit_ - 1;
  // Names may take three quarters: new workloads still find room when all names are gone.
  room_for_all_ = has_detail ? room_for_detail_ - room_for_detail_ / 4 : room_for_detail_;
}

size_t LabelLimiter::Index(std::span<const std::string_view> values) {
  assert(values.size() == labels_.size());
  size_t index = 0;
  if (FindOrAdmit(values, room_for_all_, &index)) return Counted(values, index);

  std::array<std::string_view, kMaxLabels> left = {};
  const auto kept = std::span(left).first(values.size());
  for (size_t i = 0; i < values.size(); ++i) kept[i] = groups_[i] == Group::kDetail ? kLabelOther : values[i];
  if (FindOrAdmit(kept, room_for_detail_, &index)) return Counted(kept, index);

  for (size_t i = 0; i < values.size(); ++i) {
    if (groups_[i] == Group::kWorkload) kept[i] = kLabelOther;
  }
  if (FindOrAdmit(kept, limit_ - 1, &index)) return Counted(kept, index);

  for (std::string_view& value : kept) value = kLabelOther;
  FindOrAdmit(kept, limit_, &index);
  return Counted(kept, index);
}

bool LabelLimiter::FindOrAdmit(std::span<const std::string_view> values, size_t room, size_t* index) {
  key_.clear();
  for (const std::string_view value : values) AppendKey(value, &key_);
  if (const auto it = index_.find(key_); it != index_.end()) {
    *index = it->second;
    return true;
  }
  if (sets_.size() >= room) return false;
  *index = sets_.size();
  index_.emplace(key_, *index);
  sets_.push_back(std::make_shared<const std::vector<std::string>>(values.begin(), values.end()));
  return true;
}

size_t LabelLimiter::Counted(std::span<const std::string_view> values, size_t index) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == kLabelOther && CountsOverflow(labels_[i])) ++overflow_[i];
  }
  return index;
}

std::string_view NameAdmission::Admit(std::string_view name) {
  if (IsReservedLabel(name)) return name;
  const absl::string_view key(name.data(), name.size());
  if (names_.contains(key)) return name;
  if (names_.size() >= max_names_) return kLabelOther;
  names_.emplace(name);
  return name;
}

}  // namespace tlsmeter::agent
