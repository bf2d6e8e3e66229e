// SeriesMemos: of one workload in one role, which series of each family counted its last handshakes. Most handshakes are
// like others of their workload: those are counted without looking their labels up.
//
// Values are told apart by address, so they must be whole texts of static storage, which those of labels.h are. A text with
// two addresses is looked up twice and nothing worse. One thread at a time.
#ifndef TLSMETER_SRC_AGGREGATE_SERIES_MEMOS_H_
#define TLSMETER_SRC_AGGREGATE_SERIES_MEMOS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "src/aggregate/catalogue.h"

namespace tlsmeter::agent {

// kMaxSeriesMemos is how many series of one family are remembered; few workloads have more of one. The last place is for
// those that come after.
inline constexpr size_t kMaxSeriesMemos = 8;

class SeriesMemos {
 public:
  // Memo says that `series` counted observations with these values, as long as the family has that epoch.
  struct Memo {
    std::array<const char*, 3> values = {};
    uint32_t series = 0;
    uint32_t epoch = 0;  // 0: nothing remembered
  };

  // Of returns the place for a family of the aggregator that counts and for the values, three at most, of its labels behind
  // those of the workload. Valid until the next call.
  Memo& Of(Metric family, std::initializer_list<std::string_view> values) {
    Memo wanted;
    size_t count = 0;
    for (const std::string_view value : values) wanted.values[count++] = value.data();
    std::vector<Memo>& memos = memos_[static_cast<size_t>(family)];
    for (Memo& memo : memos) {
      if (memo.values == wanted.values) return memo;
    }
    if (memos.size() < kMaxSeriesMemos) memos.emplace_back();
    memos.back() = wanted;
    return memos.back();
  }

 private:
  std::array<std::vector<Memo>, kCountedFamilies> memos_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGGREGATE_SERIES_MEMOS_H_
