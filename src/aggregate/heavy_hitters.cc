#include "src/aggregate/heavy_hitters.h"

#include <algorithm>
#include <cassert>
#include <limits>

namespace tlsmeter::agent {
namespace {

absl::string_view Key(std::string_view name) { return absl::string_view(name.data(), name.size()); }

}  // namespace

HeavyHitters::HeavyHitters(size_t max_admitted, size_t max_candidates)
    : max_admitted_(max_admitted), max_candidates_(max_candidates) {
  assert(max_admitted < max_candidates);
  entries_.reserve(max_candidates);
  index_.reserve(max_candidates);
}

bool HeavyHitters::Observe(std::string_view name, uint64_t now_ns) {
  Entry* entry = FindOrReplace(name);
  ++entry->count;
  entry->seen_ns = now_ns;
  if (!entry->admitted) Challenge(entry);
  return entry->admitted;
}

bool HeavyHitters::IsAdmitted(std::string_view name) const {
  const auto it = index_.find(Key(name));
  return it != index_.end() && entries_[it->second].admitted;
}

HeavyHitters::Entry* HeavyHitters::FindOrReplace(std::string_view name) {
  if (const auto it = index_.find(Key(name)); it != index_.end()) return &entries_[it->second];
  size_t place = entries_.size();
  if (place < max_candidates_) {
    entries_.emplace_back();
  } else {
    place = WeakestCandidate();
    index_.erase(Key(entries_[place].name));
  }
  Entry& entry = entries_[place];
  entry.name.assign(name);
  entry.error = entry.count;
  index_.emplace(Key(entry.name), place);
  weakest_candidate_ = std::min(weakest_candidate_, entry.count);
  return &entry;
}

size_t HeavyHitters::WeakestCandidate() {
  while (true) {
    for (size_t n = 0; n < entries_.size(); ++n) {
      cursor_ = cursor_ + 1 < entries_.size() ? cursor_ + 1 : 0;
      const Entry& entry = entries_[cursor_];
      if (!entry.admitted && entry.count <= weakest_candidate_) return cursor_;
    }
    weakest_candidate_ = std::numeric_limits<uint64_t>::max();
    for (const Entry& entry : entries_) {
      if (!entry.admitted) weakest_candidate_ = std::min(weakest_candidate_, entry.count);
    }
  }
}

void HeavyHitters::Challenge(Entry* entry) {
  const uint64_t sure = entry->count - entry->error;
  if (admitted_ == max_admitted_) {
    if (sure < 2 * weakest_admitted_ + kMinLead) return;
    Entry* weakest = nullptr;
    for (Entry& other : entries_) {
      if (other.admitted && (weakest == nullptr || other.count < weakest->count)) weakest = &other;
    }
    weakest_admitted_ = weakest->count;
    if (sure < 2 * weakest_admitted_ + kMinLead) return;
    weakest->admitted = false;
    weakest_candidate_ = std::min(weakest_candidate_, weakest->count);
    --admitted_;
  }
  entry->admitted = true;
  entry->count = sure;
  entry->error = 0;
  weakest_admitted_ = std::min(weakest_admitted_, sure);
  ++admitted_;
}

void HeavyHitters::Age(uint64_t now_ns, uint64_t idle_ns) {
  for (Entry& entry : entries_) {
    if (!entry.admitted || now_ns - entry.seen_ns < idle_ns) continue;
    entry.admitted = false;
    --admitted_;
    weakest_candidate_ = 0;
  }
  if (halved_ns_ == 0) halved_ns_ = now_ns;
  while (now_ns - halved_ns_ >= kHalfLifeNs) {
    halved_ns_ += kHalfLifeNs;
    for (Entry& entry : entries_) {
      const uint64_t sure = (entry.count - entry.error) / 2;
      entry.error /= 2;
      entry.count = entry.error + sure;
    }
    weakest_candidate_ = 0;
    weakest_admitted_ = 0;
  }
}

}  // namespace tlsmeter::agent
