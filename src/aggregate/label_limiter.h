// LabelLimiter: which label set counts an observation, under a ceiling that nothing can pass.
//
// First come, first admitted. Where there is no room for a set, the observation gives up its labels step by step - first the
// detail (server_name, or cipher and group), then the workload - and each label given up reads __other__. A set stays where
// it is until its owner erases it, which makes room for another: no count moves from one set to another, and every
// observation is counted in exactly one set. One thread at a time.
#ifndef TLSMETER_SRC_AGGREGATE_LABEL_LIMITER_H_
#define TLSMETER_SRC_AGGREGATE_LABEL_LIMITER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "src/aggregate/catalogue.h"
#include "src/aggregate/label_pool.h"

namespace tlsmeter::agent {

// CountsOverflow returns true for the labels under which overflow is counted: server_name; cipher, for cipher and group;
// workload, for namespace, workload and workload_type; and fingerprint.
bool CountsOverflow(std::string_view label);

class LabelLimiter {
 public:
  // LabelLimiter works for the family of `spec`, which must have a reserve. Its ceiling is spec.max_label_sets(). Values are
  // interned in `pool`, which must outlive it.
  LabelLimiter(const MetricSpec& spec, LabelPool* pool);

  // Index returns which set counts observations with `values`, one per label of the family. The number belongs to the set
  // until it is erased, and until then the answer stays the same. `values` remember what was looked up.
  size_t Index(std::span<Label> values);

  // CountOverflow notes an observation in the set at `index`: each of its values that reads __other__ was given up, here or
  // before.
  void CountOverflow(size_t index) {
    if (given_up_[index] != 0) AddOverflow(given_up_[index]);
  }

  // Erase forgets the set at `index`, which must be in use; another set may get its number.
  void Erase(size_t index);

  // sets returns the admitted sets by index, nullptr where one was erased.
  const std::vector<LabelSet>& sets() const { return sets_; }

  // size returns how many sets are in use; never more than limit().
  size_t size() const { return index_.size(); }
  size_t limit() const { return limit_; }

  // overflow returns, by label, how many observations lost its value; labels other than those of CountsOverflow stay 0.
  const std::vector<uint64_t>& overflow() const { return overflow_; }

 private:
  enum class Group : uint8_t { kClosed, kDetail, kWorkload };
  // Key is the ids of a set's values in the pool, 0 behind the last. Eight words are compared and hashed faster in place
  // than by calls into libc and Abseil.
  struct Key {
    std::array<uint64_t, kMaxLabels> ids = {};

    bool operator==(const Key& other) const {
      uint64_t difference = 0;
      for (size_t i = 0; i < kMaxLabels; ++i) difference |= ids[i] ^ other.ids[i];
      return difference == 0;
    }
    template <typename H>
    friend H AbslHashValue(H h, const Key& key) {
      static_assert(kMaxLabels == 8);
      const auto& ids = key.ids;
      return H::combine(std::move(h), ids[0], ids[1], ids[2], ids[3], ids[4], ids[5], ids[6], ids[7]);
    }
  };
  static Group GroupOf(std::string_view label);
  bool FindOrAdmit(std::span<Label> values, size_t room, size_t* index);
  void AddOverflow(uint8_t given_up);

  LabelPool* pool_;
  LabelValue other_;
  std::span<const std::string_view> labels_;
  std::vector<Group> groups_;
  size_t limit_;
  size_t room_for_all_;     // sets that may be taken by observations with all their labels
  size_t room_for_detail_;  // ... that gave up the detail
  absl::flat_hash_map<Key, size_t> index_;
  std::vector<LabelSet> sets_;
  std::vector<uint8_t> given_up_;  // of each set, the labels that CountsOverflow and that read __other__: 1 << place
  std::vector<size_t> free_;       // erased places of sets_
  std::vector<uint64_t> overflow_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGGREGATE_LABEL_LIMITER_H_
