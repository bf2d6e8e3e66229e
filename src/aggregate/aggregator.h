// Aggregator: handshake records in, counters and histograms out.
//
// Two threads, one lock: the event thread owns the records and calls Add and SetSelfStats, the HTTP thread calls Snapshot.
// The lock is held for a few hash look-ups per record, and while a snapshot copies its numbers; label values are shared,
// never copied. Memory is bounded by the caps of the catalogue.
#ifndef TLSMETER_SRC_AGGREGATE_AGGREGATOR_H_
#define TLSMETER_SRC_AGGREGATE_AGGREGATOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "src/aggregate/catalogue.h"
#include "src/aggregate/label_limiter.h"
#include "src/aggregate/self_stats.h"
#include "src/base/mutex.h"
#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// kMaxServerNames is how many server names a node's metrics tell apart. Busy proxies meet thousands; the budget of
// tlsmeter_handshakes_total holds 100 with every role and result.
inline constexpr size_t kMaxServerNames = 100;

// kMaxWorkloads is how many workloads a node's metrics tell apart: a Kubernetes node runs 110 pods by default, and as many
// daemons.
inline constexpr size_t kMaxWorkloads = 200;

// HistogramValue is one series of durations: counts[i] are the observations in bucket i alone, the last place those above
// all bounds.
struct HistogramValue {
  std::array<uint64_t, kDurationBuckets.size() + 1> counts = {};
  double sum = 0;

  void Observe(double seconds);
};

// FamilySnapshot is one family at one moment. `counts` (counters) or `histograms` hold one value for each of `sets`.
struct FamilySnapshot {
  const MetricSpec* spec = nullptr;
  std::vector<LabelSet> sets;
  std::vector<uint64_t> counts;
  std::vector<HistogramValue> histograms;
  size_t limit = 0;
  std::vector<uint64_t> overflow;  // by label of the family, see LabelLimiter
};

// AggregateSnapshot is a copy that later records do not change; families stand in the order of the catalogue.
struct AggregateSnapshot {
  std::vector<FamilySnapshot> families;
  SelfStats self;
};

class Aggregator {
 public:
  Aggregator();
  Aggregator(const Aggregator&) = delete;
  Aggregator& operator=(const Aggregator&) = delete;

  // Add counts one handshake, exactly once in each family that it belongs to. Connections without any ClientHello are not
  // for Add: they are counted in SelfStats::connections_without_handshake. Untrusted text is made fit for labels here. Event
  // thread.
  void Add(const HandshakeRecord& record) ABSL_LOCKS_EXCLUDED(mutex_);

  // SetSelfStats replaces what the next snapshots say of the meter itself. Event thread.
  void SetSelfStats(SelfStats stats) ABSL_LOCKS_EXCLUDED(mutex_);

  // Snapshot returns everything as it stands. Any thread.
  AggregateSnapshot Snapshot() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Family {
    explicit Family(const MetricSpec& of) : spec(&of), limiter(of) {}
    const MetricSpec* spec;
    LabelLimiter limiter;
    std::vector<uint64_t> counts;
    std::vector<HistogramValue> histograms;
  };
  // Workload is the W labels after admission, in their order.
  using Workload = std::array<std::string_view, 4>;

  Family& FamilyOf(Metric metric) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Count(Metric metric, const Workload& workload, std::initializer_list<std::string_view> more)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Observe(Metric metric, std::initializer_list<std::string_view> labels, std::optional<double> seconds)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddSuccess(const HandshakeRecord& record, const Workload& w) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::vector<Family> families_ ABSL_GUARDED_BY(mutex_);  // kAggregatedFamilies
  NameAdmission server_names_ ABSL_GUARDED_BY(mutex_){kMaxServerNames};
  NameAdmission workloads_ ABSL_GUARDED_BY(mutex_){kMaxWorkloads};
  SelfStats self_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGGREGATE_AGGREGATOR_H_
