// HeavyHitters: which of any number of names are the busiest of late, in fixed memory.
//
// The space-saving algorithm (Metwally, Agrawal, El Abbadi: "Efficient computation of frequent and top-k elements in data
// streams", 2005) with two additions. Admitted names are pinned: they are counted exactly and never pushed out by a torrent
// of new ones. And counts halve every kHalfLifeNs, so that what was busy once makes room for what is busy now.
//
// While there is room, a name is admitted at first sight. After that a candidate takes the place of the weakest admitted
// name when it was surely seen twice as often and kMinLead times more: near equals do not push each other about.
// One thread at a time.
#ifndef TLSMETER_SRC_AGGREGATE_HEAVY_HITTERS_H_
#define TLSMETER_SRC_AGGREGATE_HEAVY_HITTERS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace tlsmeter::agent {

// kHalfLifeNs is how fast the past is forgotten. A name that comes once a minute keeps a count of about 15.
inline constexpr uint64_t kHalfLifeNs = 600'000'000'000;

// kMinLead keeps names that were seen a few times from replacing each other on a quiet node.
inline constexpr uint64_t kMinLead = 8;

class HeavyHitters {
 public:
  // HeavyHitters admits up to `max_admitted` names out of `max_candidates`, which must be more.
  HeavyHitters(size_t max_admitted, size_t max_candidates);

  // Observe counts `name` and returns true when it is admitted. Times are nanoseconds of one clock that never goes back.
  bool Observe(std::string_view name, uint64_t now_ns);

  // IsAdmitted returns true when `name` is admitted.
  bool IsAdmitted(std::string_view name) const;

  // Age halves counts that are due, and gives up the places of names that were not seen for `idle_ns`.
  void Age(uint64_t now_ns, uint64_t idle_ns);

  size_t admitted() const { return admitted_; }
  size_t size() const { return index_.size(); }

 private:
  struct Entry {
    std::string name;
    uint64_t count = 0;  // at least as often as it was seen since it is known, and before
    uint64_t error = 0;  // what `count` took over from the names that it replaced: count - error were surely seen
    uint64_t seen_ns = 0;
    bool admitted = false;
  };

  Entry* FindOrReplace(std::string_view name);
  size_t WeakestCandidate();
  void Challenge(Entry* entry);

  size_t max_admitted_;
  size_t max_candidates_;
  std::vector<Entry> entries_;  // never reallocated: the keys of index_ are views of the names
  absl::flat_hash_map<absl::string_view, size_t> index_;
  size_t admitted_ = 0;
  // Lower bounds, so that the weakest is looked for only when it may have changed.
  uint64_t weakest_candidate_ = 0;
  uint64_t weakest_admitted_ = 0;
  size_t cursor_ = 0;  // where the search for the weakest candidate goes on
  uint64_t halved_ns_ = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGGREGATE_HEAVY_HITTERS_H_
