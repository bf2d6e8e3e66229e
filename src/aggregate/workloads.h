// Workloads: which workloads a node's metrics tell apart, and what is remembered of each.
//
// First come, first admitted; a workload that makes no handshake for kWorkloadIdleNs makes room for another. One thread at a
// time.
#ifndef TLSMETER_SRC_AGGREGATE_WORKLOADS_H_
#define TLSMETER_SRC_AGGREGATE_WORKLOADS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "src/aggregate/label_pool.h"
#include "src/aggregate/labels.h"
#include "src/aggregate/series_memos.h"
#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// kMaxWorkloads is how many workloads a node's metrics tell apart: a Kubernetes node runs 110 pods by default, and as many
// daemons.
inline constexpr size_t kMaxWorkloads = 200;

// kWorkloadIdleNs is how long a workload's series stay without a handshake.
inline constexpr uint64_t kWorkloadIdleNs = 3600'000'000'000;

// kMaxPairsPerWorkload is how many combinations of cipher and group one workload's metrics tell apart. A server with the
// usual suites, old clients included, has five.
inline constexpr size_t kMaxPairsPerWorkload = 10;

// kMaxVersionHistory is of how many servers a workload's highest version is remembered; services that call more are rare.
inline constexpr size_t kMaxVersionHistory = 64;

// kVersionHistoryNs is how long a version that is not seen again is remembered: a server that was reconfigured for good is
// reported for a day.
inline constexpr uint64_t kVersionHistoryNs = 86400'000'000'000;

// WorkloadText is the labels namespace, workload and workload_type of one record.
struct WorkloadText {
  std::string name_space;  // empty outside Kubernetes
  std::string workload;
  std::string type;  // as in kubernetes-mixin, and process, systemd_unit, container
};

// WorkloadOf returns whose handshake it was, as label values of bounded length: the workload that the record was attributed
// to, and the process's name where there is none. Of a unit that is an instance of a template
// ("sshd@12-192.0.2.7.service") the workload is the template ("sshd@.service"): instances can be as many as connections and
// hold addresses. The only place that decides it.
WorkloadText WorkloadOf(const HandshakeRecord& record);

class Workload {
 public:
  // labels returns namespace, workload and workload_type.
  const std::array<LabelValue, 3>& labels() const { return labels_; }

  // AdmitPair returns true when the combination has a place. Both are static text.
  bool AdmitPair(std::string_view cipher, std::string_view group);

  // memos is what is remembered of its series in `role`.
  SeriesMemos& memos(Role role) { return memos_[static_cast<size_t>(role)]; }

  // BelowHistory returns true when this workload, as a client, negotiated a higher version with that server before.
  // `server_name` is as sent. Of servers without a name or without a place the answer is false.
  bool BelowHistory(std::string_view server_name, ProtocolVersion version, uint64_t now_ns);

 private:
  friend class Workloads;
  explicit Workload(std::array<LabelValue, 3> labels) : labels_(std::move(labels)) {}

  struct Highest {
    ProtocolVersion version;
    uint64_t seen_ns = 0;
  };

  std::array<LabelValue, 3> labels_;
  uint64_t seen_ns_ = 0;
  std::vector<std::pair<std::string_view, std::string_view>> pairs_;
  absl::flat_hash_map<std::string, Highest> history_;
  std::array<SeriesMemos, kRoleLabels> memos_;  // by Role
};

class Workloads {
 public:
  // Workloads interns labels in `pool`, which must outlive it.
  explicit Workloads(LabelPool* pool);

  // Admit returns the workload with these labels, or the one that stands for all without a place: it reads __other__. Valid
  // until Age. Times are nanoseconds of one clock that never goes back.
  Workload& Admit(const WorkloadText& text, uint64_t now_ns);

  // IsAdmitted returns true for labels (namespace, workload, workload_type) that Admit gave out and Age did not take back.
  bool IsAdmitted(const LabelValue& name_space, const LabelValue& workload, const LabelValue& type) const;

  // Age forgets idle workloads.
  void Age(uint64_t now_ns);

  size_t size() const { return workloads_.size(); }

 private:
  using Key = std::array<uint64_t, 3>;  // ids of the pool

  LabelPool* pool_;
  Workload other_;
  absl::flat_hash_map<Key, std::unique_ptr<Workload>> workloads_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGGREGATE_WORKLOADS_H_
