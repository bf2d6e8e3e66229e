#include "src/aggregate/label_pool.h"

#include <algorithm>

namespace tlsmeter::agent {
namespace {

absl::string_view Key(std::string_view text) { return absl::string_view(text.data(), text.size()); }

}  // namespace

bool LabelPool::LookUp(Label* label) const {
  const auto it = values_.find(Key(label->text));
  if (it == values_.end()) return false;
  label->id = it->second.id();
  return true;
}

LabelValue LabelPool::Intern(std::string_view text) {
  if (const auto it = values_.find(Key(text)); it != values_.end()) return it->second;
  if (values_.size() >= purge_at_) {
    absl::erase_if(values_, [](const auto& entry) { return entry.second.entry_.use_count() == 1; });
    purge_at_ = std::max(kMinPooledValues, 2 * values_.size());
  }
  const LabelValue value({std::string(text), ++last_id_});
  values_.emplace(Key(value), value);
  return value;
}

}  // namespace tlsmeter::agent
