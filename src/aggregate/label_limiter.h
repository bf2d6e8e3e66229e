// LabelLimiter: which label set counts an observation, under a ceiling that nothing can pass.
//
// First come, first admitted. Where there is no room for a set, the observation gives up its labels step by step - first the
// detail (server_name, or cipher and group), then the workload - and each label given up reads __other__. A set, once there,
// stays: no series moves or goes backwards, and every observation is counted in exactly one set. One thread at a time.
#ifndef TLSMETER_SRC_AGGREGATE_LABEL_LIMITER_H_
#define TLSMETER_SRC_AGGREGATE_LABEL_LIMITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "src/aggregate/catalogue.h"

namespace tlsmeter::agent {

// LabelSet is the label values of one series, in the order of its family's labels. Immutable, so snapshots share it.
using LabelSet = std::shared_ptr<const std::vector<std::string>>;

// CountsOverflow returns true for the labels under which overflow is counted: server_name; cipher, for cipher and group; and
// workload, for namespace, workload and workload_type.
bool CountsOverflow(std::string_view label);

class LabelLimiter {
 public:
  // LabelLimiter works for the family of `spec`, which must have a reserve. Its ceiling is spec.max_label_sets().
  explicit LabelLimiter(const MetricSpec& spec);

  // Index returns which set counts an observation with `values`, one per label of the family; sets are numbered from 0 in
  // the order of their admission. A value that already reads __other__ counts as overflow too.
  size_t Index(std::span<const std::string_view> values);

  // sets returns the admitted sets by index; never more than limit().
  const std::vector<LabelSet>& sets() const { return sets_; }
  size_t limit() const { return limit_; }

  // overflow returns, by label, how many observations lost its value; labels other than those of CountsOverflow stay 0.
  const std::vector<uint64_t>& overflow() const { return overflow_; }

 private:
  enum class Group : uint8_t { kClosed, kDetail, kWorkload };
  static Group GroupOf(std::string_view label);
  bool FindOrAdmit(std::span<const std::string_view> values, size_t room, size_t* index);
  size_t Counted(std::span<const std::string_view> values, size_t index);

  std::vector<std::string_view> labels_;
  std::vector<Group> groups_;
  size_t limit_;
  size_t room_for_all_;     // sets that may be taken by observations with all their labels
  size_t room_for_detail_;  // ... that gave up the detail
  absl::flat_hash_map<std::string, size_t> index_;
  std::vector<LabelSet> sets_;
  std::vector<uint64_t> overflow_;
  std::string key_;  // scratch
};

// NameAdmission bounds the distinct values of an open label over all families of a node.
class NameAdmission {
 public:
  explicit NameAdmission(size_t max_names) : max_names_(max_names) {}

  // Admit returns `name` when it is admitted, now or earlier, or is a reserved label; else kLabelOther.
  std::string_view Admit(std::string_view name);

  size_t size() const { return names_.size(); }

 private:
  size_t max_names_;
  absl::flat_hash_set<std::string> names_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGGREGATE_LABEL_LIMITER_H_
