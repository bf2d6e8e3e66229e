// LabelPool: each label value once in memory, however many series carry it.
//
// One thread fills the pool; values taken from it may be read and dropped by any thread. Values that nothing outside the
// pool holds are dropped when there are as many of them as others: so the ceilings of what holds label values bound the pool
// too.
#ifndef TLSMETER_SRC_AGGREGATE_LABEL_POOL_H_
#define TLSMETER_SRC_AGGREGATE_LABEL_POOL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace tlsmeter::agent {

// LabelValue is a label value of the pool. It reads as its text, which lives as long as any copy of the value.
class LabelValue {
 public:
  operator std::string_view() const { return entry_->text; }

  // id is the same for equal values of one pool, and never used again for another one. Not 0.
  uint64_t id() const { return entry_->id; }

 private:
  friend class LabelPool;
  struct Entry {
    std::string text;
    uint64_t id;
  };
  explicit LabelValue(Entry entry) : entry_(std::make_shared<const Entry>(std::move(entry))) {}

  std::shared_ptr<const Entry> entry_;
};

// LabelSet is the label values of one series, in the order of its family's labels. Immutable, so snapshots share it.
using LabelSet = std::shared_ptr<const std::vector<LabelValue>>;

// Label is a value on its way to the families of one observation; the pool is asked for it once. The text must outlive it.
struct Label {
  Label() = default;
  Label(std::string_view value) : text(value) {}
  Label(const LabelValue& value) : text(value), id(value.id()) {}

  std::string_view text;
  uint64_t id = 0;  // 0: not looked up, or not in the pool
};

// kMinPooledValues is how many values a pool holds before it looks for those to drop: more than a quiet node ever has.
inline constexpr size_t kMinPooledValues = 1024;

class LabelPool {
 public:
  // Find sets label->id when it is not set and the pool has the value; false when it has not.
  bool Find(Label* label) const { return label->id != 0 || LookUp(label); }

  // Intern returns the value with that text, new or not. Labels whose value nobody holds are to be looked up again after it.
  LabelValue Intern(std::string_view text);

  size_t size() const { return values_.size(); }

 private:
  bool LookUp(Label* label) const;

  absl::flat_hash_map<absl::string_view, LabelValue> values_;  // each key is a view of its value
  uint64_t last_id_ = 0;
  size_t purge_at_ = kMinPooledValues;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGGREGATE_LABEL_POOL_H_
