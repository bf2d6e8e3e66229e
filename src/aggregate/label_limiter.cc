#include "src/aggregate/label_limiter.h"

#include <algorithm>
#include <cassert>

#include "src/base/text.h"

namespace tlsmeter::agent {

bool CountsOverflow(std::string_view label) {
  return label == "server_name" || label == "cipher" || label == "workload" || label == "fingerprint";
}

LabelLimiter::Group LabelLimiter::GroupOf(std::string_view label) {
  if (label == "server_name" || label == "cipher" || label == "group") return Group::kDetail;
  if (label == "namespace" || label == "workload" || label == "workload_type") return Group::kWorkload;
  return Group::kClosed;
}

LabelLimiter::LabelLimiter(const MetricSpec& spec, LabelPool* pool)
    : pool_(pool),
      other_(pool->Intern(kLabelOther)),
      labels_(spec.labels()),
      limit_(spec.max_label_sets()),
      overflow_(labels_.size(), 0) {
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

size_t LabelLimiter::Index(std::span<Label> values) {
  assert(values.size() == labels_.size());
  size_t index = 0;
  if (FindOrAdmit(values, room_for_all_, &index)) return index;

  std::array<Label, kMaxLabels> left;
  const auto kept = std::span(left).first(values.size());
  for (size_t i = 0; i < values.size(); ++i) kept[i] = groups_[i] == Group::kDetail ? Label(other_) : values[i];
  if (FindOrAdmit(kept, room_for_detail_, &index)) return index;

  for (size_t i = 0; i < values.size(); ++i) {
    if (groups_[i] == Group::kWorkload) kept[i] = Label(other_);
  }
  if (FindOrAdmit(kept, limit_ - 1, &index)) return index;

  std::fill(kept.begin(), kept.end(), Label(other_));
  FindOrAdmit(kept, limit_, &index);
  return index;
}

bool LabelLimiter::FindOrAdmit(std::span<Label> values, size_t room, size_t* index) {
  Key key;
  bool known = true;
  for (size_t i = 0; i < values.size(); ++i) {
    known = pool_->Find(&values[i]) && known;
    key.ids[i] = values[i].id;
  }
  if (known) {
    if (const auto it = index_.find(key); it != index_.end()) {
      *index = it->second;
      return true;
    }
  }
  if (size() >= room) return false;

  static_assert(kMaxLabels <= 8, "given_up_ has eight bits");
  uint8_t given_up = 0;
  std::vector<LabelValue> set;
  set.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    set.push_back(pool_->Intern(values[i].text));
    key.ids[i] = values[i].id = set.back().id();
    if (key.ids[i] == other_.id() && CountsOverflow(labels_[i])) given_up = static_cast<uint8_t>(given_up | 1 << i);
  }
  if (free_.empty()) {
    *index = sets_.size();
    sets_.emplace_back();
    given_up_.emplace_back();
  } else {
    *index = free_.back();
    free_.pop_back();
  }
  sets_[*index] = std::make_shared<const std::vector<LabelValue>>(std::move(set));
  given_up_[*index] = given_up;
  index_.emplace(key, *index);
  return true;
}

void LabelLimiter::Erase(size_t index) {
  Key key;
  std::transform(sets_[index]->begin(), sets_[index]->end(), key.ids.begin(),
                 [](const LabelValue& value) { return value.id(); });
  index_.erase(key);
  sets_[index].reset();
  free_.push_back(index);
}

void LabelLimiter::AddOverflow(uint8_t given_up) {
  for (size_t i = 0; i < labels_.size(); ++i) overflow_[i] += given_up >> i & 1;
}

}  // namespace tlsmeter::agent
