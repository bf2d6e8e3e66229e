// Aggregator: handshake records in, counters and histograms out.
//
// Two threads, one lock: the event thread owns the records and calls Advance, Add and SetSelfStats, the HTTP thread calls
// Snapshot. The lock is held for a few hash look-ups per record, for a sweep over all series every kSweepEveryNs, and while
// a snapshot copies its numbers; label values are shared, never copied. Memory is bounded by the caps of the catalogue.
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
#include "src/aggregate/certificate_catalogue.h"
#include "src/aggregate/certificate_metrics.h"
#include "src/aggregate/family.h"
#include "src/aggregate/label_pool.h"
#include "src/aggregate/labels.h"
#include "src/aggregate/self_stats.h"
#include "src/aggregate/series_memos.h"
#include "src/aggregate/server_names.h"
#include "src/aggregate/workloads.h"
#include "src/base/mutex.h"
#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// kSweepEveryNs is how often idle series are looked for; they vanish this much late at most.
inline constexpr uint64_t kSweepEveryNs = 10'000'000'000;

struct AggregatorOptions {
  ServerNameOptions server_names;
};

// AggregateSnapshot is a copy that later records do not change; families stand in the order of the catalogue.
struct AggregateSnapshot {
  std::vector<FamilySnapshot> families;
  SelfStats self;
};

class Aggregator {
 public:
  explicit Aggregator(const AggregatorOptions& options = {});
  Aggregator(const Aggregator&) = delete;
  Aggregator& operator=(const Aggregator&) = delete;

  // Advance lets time pass: what was idle too long vanishes. `now_ns` is nanoseconds of a clock that never goes back; one
  // that steps would make series vanish early. Event thread.
  void Advance(uint64_t now_ns) ABSL_LOCKS_EXCLUDED(mutex_);

  // Add counts one handshake, at the time of the last Advance, exactly once in each family that it belongs to. Connections
  // without any ClientHello are not for Add: they are counted in SelfStats::connections_without_handshake. Untrusted text is
  // made fit for labels here. Event thread.
  void Add(const HandshakeRecord& record) ABSL_LOCKS_EXCLUDED(mutex_);

  // SetServerNames tells names apart in another way from now on. What is named as the new way would not name it vanishes at
  // once, counted as expired: a name that shall not be shown is not. Sums stay exact. Event thread.
  void SetServerNames(const ServerNameOptions& options) ABSL_LOCKS_EXCLUDED(mutex_);

  // SetSelfStats replaces what the next snapshots say of the meter itself. Event thread.
  void SetSelfStats(SelfStats stats) ABSL_LOCKS_EXCLUDED(mutex_);

  // Snapshot returns everything as it stands. Any thread.
  AggregateSnapshot Snapshot() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Certificates returns the certificate catalogue as it stands. Any thread.
  CertificateView Certificates() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Subject is whose handshake it was. Valid as long as the workload.
  struct Subject {
    std::array<Label, 4> labels;  // role, namespace, workload, workload_type
    SeriesMemos& memos;
  };

  // FixedLabels are values that every record needs, looked up once.
  struct FixedLabels {
    explicit FixedLabels(LabelPool* pool);
    std::array<LabelValue, kRoleLabels> roles;      // by Role
    std::array<LabelValue, kResultLabels> results;  // by Result
  };

  // SeriesOf returns the series of those of the subject's labels that the family has and of `closed`, its values of closed
  // lists (labels.h).
  uint32_t SeriesOf(Metric metric, const Subject& w, std::initializer_list<std::string_view> closed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Count(Metric metric, const Subject& w, std::initializer_list<std::string_view> closed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountHandshake(const HandshakeRecord& record, const Subject& w, std::string_view server_name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Observe(Metric metric, const Subject& w, std::initializer_list<std::string_view> closed,
               const HandshakeRecord& record, std::optional<double> seconds) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddNegotiation(const HandshakeRecord& record, const Subject& w, Workload* workload)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddCertificates(const HandshakeRecord& record, const Workload& workload, std::string_view server_name,
                       const Subject& w) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  CertificateView CopyCertificates() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddSuccess(const HandshakeRecord& record, const Subject& w) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  LabelPool pool_ ABSL_GUARDED_BY(mutex_);
  FixedLabels fixed_ ABSL_GUARDED_BY(mutex_){&pool_};
  std::vector<Family> families_ ABSL_GUARDED_BY(mutex_);  // kCountedFamilies
  ServerNames server_names_;                              // event thread only
  Workloads workloads_ ABSL_GUARDED_BY(mutex_);
  CertificateCatalogue certificates_ ABSL_GUARDED_BY(mutex_);
  SelfStats self_ ABSL_GUARDED_BY(mutex_);
  uint64_t now_ns_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t swept_ns_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGGREGATE_AGGREGATOR_H_
