// LruCache: a map with a ceiling; the entry that was not asked for the longest makes room. One thread at a time.
#ifndef TLSMETER_SRC_ATTRIBUTION_LRU_CACHE_H_
#define TLSMETER_SRC_ATTRIBUTION_LRU_CACHE_H_

#include <cstddef>
#include <list>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace tlsmeter::agent {

template <typename Key, typename Value>
class LruCache {
 public:
  explicit LruCache(size_t max_entries) : max_entries_(max_entries) {}

  // Find returns the value of `key`, null when there is none. Valid until the next Put.
  Value* Find(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }

  // Put sets the value of `key` and returns it, valid until the next Put.
  Value* Put(const Key& key, Value value) {
    if (Value* const known = Find(key)) {
      *known = std::move(value);
      return known;
    }
    if (entries_.size() >= max_entries_) {
      index_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, std::move(value));
    index_.emplace(key, entries_.begin());
    return &entries_.front().second;
  }

  void Clear() {
    index_.clear();
    entries_.clear();
  }

  size_t size() const { return entries_.size(); }

 private:
  using Entries = std::list<std::pair<Key, Value>>;
  size_t max_entries_;
  Entries entries_;  // the last one asked for first
  absl::flat_hash_map<Key, typename Entries::iterator> index_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_ATTRIBUTION_LRU_CACHE_H_
