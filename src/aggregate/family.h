// Family: the series of one metric, counters or histograms, under their ceiling.
//
// A count stays in the series that it was made in. A series that is no longer wanted vanishes with its count; nothing is
// added to __other__ for it, which would look like a burst. So at any time
//
//   observations = counts of all series + expired
//
// holds exactly. Labels that come back later begin a new series at 0, which Prometheus takes for a counter reset. One thread
// at a time; snapshots are values of their own.
#ifndef TLSMETER_SRC_AGGREGATE_FAMILY_H_
#define TLSMETER_SRC_AGGREGATE_FAMILY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "src/aggregate/catalogue.h"
#include "src/aggregate/label_limiter.h"
#include "src/aggregate/label_pool.h"
#include "src/aggregate/server_names.h"
#include "src/aggregate/workloads.h"

namespace tlsmeter::agent {

// kDemotedIdleNs is how long a series whose server name lost its place keeps its last value: several scrapes and a rule's
// range, then it vanishes.
inline constexpr uint64_t kDemotedIdleNs = 900'000'000'000;

// Exemplar is one observation of a histogram bucket: the handshake to look up in `trace` or the JSON API.
struct Exemplar {
  std::array<uint8_t, 32> client_random = {};
  uint32_t pid = 0;      // 0: not known
  double seconds = 0;    // the value observed
  uint64_t time_ns = 0;  // of the ClientHello, Unix time; 0: no exemplar
};

// HistogramValue is one series of durations: counts[i] are the observations in bucket i alone, the last place those above
// all bounds. exemplars[i] is the latest of them.
struct HistogramValue {
  std::array<uint64_t, kDurationBuckets.size() + 1> counts = {};
  double sum = 0;
  std::array<Exemplar, kDurationBuckets.size() + 1> exemplars = {};

  // Observe counts `exemplar.seconds`.
  void Observe(const Exemplar& exemplar);
  // count returns the observations in all buckets.
  uint64_t count() const;
};

// FamilySnapshot is one family at one moment. One of `counts` (counters), `histograms` and `values` (gauges), as the type
// says, holds one value for each of `sets`; the others are empty.
struct FamilySnapshot {
  const MetricSpec* spec = nullptr;
  std::vector<LabelSet> sets;
  std::vector<uint64_t> counts;
  std::vector<HistogramValue> histograms;
  std::vector<double> values;
  size_t limit = 0;
  std::vector<uint64_t> overflow;  // by label of the family, see LabelLimiter
  uint64_t expired = 0;            // observations whose series vanished
};

class Family {
 public:
  // Family keeps the series of `spec`, a counter or a histogram. Values are interned in `pool`, which must outlive it.
  Family(const MetricSpec& spec, LabelPool* pool);

  // SeriesOf returns the number of the series that counts observations with `labels`. It is good, and the answer for these
  // labels, as long as epoch stays the same.
  uint32_t SeriesOf(std::span<Label> labels);

  // epoch changes whenever series vanish. Not 0.
  uint32_t epoch() const { return epoch_; }

  // Count counts one observation in a series. Times are nanoseconds of one clock that never goes back.
  void Count(uint32_t series, uint64_t now_ns);

  // Observe counts `exemplar.seconds` in a series of a histogram.
  void Observe(uint32_t series, const Exemplar& exemplar, uint64_t now_ns);

  // Expire removes the series of workloads that were forgotten, and those of names that lost their place and were idle for
  // kDemotedIdleNs.
  void Expire(const ServerNames& names, const Workloads& workloads, uint64_t now_ns);

  // ExpireNames removes at once the series of names that `names` does not admit.
  void ExpireNames(const ServerNames& names);

  // size returns how many label sets are in use.
  size_t size() const { return limiter_.size(); }

  FamilySnapshot Snapshot() const;

 private:
  static constexpr size_t kNone = kMaxLabels;

  void Touch(uint32_t series, uint64_t now_ns);
  void Remove(size_t index);
  uint64_t CountOf(size_t index) const;

  const MetricSpec* spec_;
  LabelLimiter limiter_;
  size_t namespace_place_ = kNone;  // of the label; workload and workload_type follow
  size_t name_place_ = kNone;       // of server_name
  // By index of the limiter.
  std::vector<uint64_t> counts_;
  std::vector<HistogramValue> histograms_;
  std::vector<uint64_t> seen_ns_;
  uint64_t expired_ = 0;
  uint32_t epoch_ = 1;  // one step for each sweep at most: lasts for centuries
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGGREGATE_FAMILY_H_
