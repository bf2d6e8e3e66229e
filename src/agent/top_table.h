// TopTable: the handshakes of the last seconds, and what they come to by workload, server name or process.
//
// It keeps a few facts of each handshake rather than sums, so that any grouping can be asked for at any time, percentiles
// are exact, and what leaves the window is forgotten to the handshake. Memory is bounded by kMaxTopSamples and kMaxTopNames.
// One thread.
#ifndef TLSMETER_SRC_AGENT_TOP_TABLE_H_
#define TLSMETER_SRC_AGENT_TOP_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "src/base/text.h"
#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// kMaxTopSamples is how many handshakes are kept, 80 bytes each: a minute at 3,300 a second. Of more the oldest go first,
// and the window says how far back it still reaches.
inline constexpr size_t kMaxTopSamples = 200'000;

// kMaxTopNames is how many names of one grouping are told apart within the window: more than anyone reads, and few enough
// for names that a scanner makes up. The handshakes of all others read kLabelOther.
inline constexpr size_t kMaxTopNames = 4096;

// TopGrouping is what a row stands for. Names read as in the metrics (src/base/text.h).
enum class TopGrouping : uint8_t {
  kWorkload,    // "NAMESPACE/WORKLOAD" in Kubernetes, else the unit, container or process
  kServerName,  // as ServerNameLabel
  kProcess,     // "PID/COMM"
};
inline constexpr size_t kTopGroupings = 3;

// TopOrder is what rows are ordered by: the most, the slowest, or the soonest first; rows without the fact last.
enum class TopOrder : uint8_t { kRate, kFailures, kP95, kP50, kExpiry, kName };
inline constexpr size_t kTopOrders = 6;

// TopShare is a value that some handshakes of a row have, and its share (0 to 1) of those that have one.
struct TopShare {
  std::string_view name;  // static storage
  double share = 0;
  bool operator==(const TopShare&) const = default;
};

struct TopRow {
  std::string name;  // valid UTF-8 without control characters
  uint64_t handshakes = 0;
  uint64_t decided = 0;                              // of them: not unknown
  uint64_t failed = 0;                               // ... failed or aborted
  std::optional<double> p50 = {}, p95 = {};          // of HandshakeSeconds; seconds
  std::vector<TopShare> versions = {}, groups = {};  // negotiated; the most frequent first
  std::vector<TopShare> reasons = {};                // of those that failed, likewise
  std::optional<int64_t> expiry = {};  // the earliest end of all certificates that either side showed; Unix seconds
};

// TopView is the window at one moment.
struct TopView {
  std::vector<TopRow> rows;
  TopRow total;        // over all rows, without a name
  double seconds = 0;  // how far back it reaches
};

class TopTable {
 public:
  // TopTable looks `window_ns` back from now. Times are nanoseconds of one clock that never goes back, from `start_ns` on.
  TopTable(uint64_t window_ns, uint64_t start_ns, size_t max_samples = kMaxTopSamples, size_t max_names = kMaxTopNames);

  // Add adds a record; it counts from now on.
  void Add(const HandshakeRecord& record, uint64_t now_ns);

  // View returns what is in the window; rows in no order.
  TopView View(TopGrouping by, uint64_t now_ns);

 private:
  // Names are those that samples bear. Index 0 is kLabelOther.
  class Names {
   public:
    explicit Names(size_t max_names) : max_names_(max_names) {}

    uint32_t Take(std::string_view name);
    void Drop(uint32_t index);
    const std::string& text(uint32_t index) const { return entries_[index].text; }
    size_t size() const { return entries_.size(); }

   private:
    struct Entry {
      std::string text;
      size_t samples = 0;
    };

    size_t max_names_;
    std::vector<Entry> entries_ = {{.text = std::string(kLabelOther)}};  // which is never looked for
    std::vector<uint32_t> free_;
    absl::flat_hash_map<std::string, uint32_t> index_;
  };

  struct Sample {
    uint64_t time_ns;
    std::array<uint32_t, kTopGroupings> names;
    Result result;
    FailureReason reason;
    std::optional<float> seconds;
    std::string_view version;  // empty: not negotiated, or not seen
    std::string_view group;
    std::optional<int64_t> expiry;
  };

  class Sum;

  void DropOldest();
  void Advance(uint64_t now_ns);

  uint64_t window_ns_;
  size_t max_samples_;
  uint64_t since_ns_;           // nothing after it is missing
  std::deque<Sample> samples_;  // in order of time
  std::array<Names, kTopGroupings> names_;
};

// SortTopRows orders rows, equal ones by name. `reverse` turns the order round, but for rows without the fact.
void SortTopRows(TopOrder order, bool reverse, std::vector<TopRow>* rows);

// TopNameMatches returns whether `name` is what a person filters for, without regard to case: `pattern` is part of it, or as
// a glob (with *, ? or [) the whole of it. A leading ! turns it round; the empty pattern matches all.
bool TopNameMatches(std::string_view pattern, std::string_view name);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_TOP_TABLE_H_
