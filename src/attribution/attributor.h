// Attributor: from the owner of a connection, as the sensor names it, to container, pod, workload and systemd unit.
//
// One thread, the event thread. Nothing here waits for another program or the network: a process that is seen for the first
// time costs some ten system calls on /proc and the cgroup tree, a container the reading of its bundle and of the files of
// its engine, both once. What is not found is looked for again, kRetryNs later at the earliest. Memory is bounded by two
// caches.
#ifndef TLSMETER_SRC_ATTRIBUTION_ATTRIBUTOR_H_
#define TLSMETER_SRC_ATTRIBUTION_ATTRIBUTOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "src/attribution/container_store.h"
#include "src/attribution/lru_cache.h"
#include "src/attribution/oci_bundle.h"
#include "src/attribution/pod_table.h"
#include "src/attribution/proc_fs.h"
#include "src/capture/chunk.h"
#include "src/correlate/attribution.h"
#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// kMaxProcesses is how many processes are remembered: those of the handshakes of the last seconds on a host where each
// request is a process. Some 400 bytes each.
inline constexpr size_t kMaxProcesses = 8192;

// kMaxGroups is how many cgroups are remembered: several times the containers and units of a full node. Some 600 bytes each.
inline constexpr size_t kMaxGroups = 2048;

// kRetryNs is how long a container that could not be named stays so.
inline constexpr uint64_t kRetryNs = 5'000'000'000;

struct AttributorOptions {
  std::string proc_root = "/proc";
  std::string bundle_root;  // see OciBundles and ContainerStores

  // cgroup_path returns the path of the cgroup with this id, "" when it is not to be had (CgroupTree::PathOf). May be empty.
  std::function<std::string(uint64_t)> cgroup_path;

  // pods returns the newest list of the kubelet, null while there is none. Empty where no kubelet is asked. Must not wait.
  std::function<std::shared_ptr<const PodTable>()> pods;
};

// AttributionCounts is how many records were attributed, by source and result.
using AttributionCounts = std::array<std::array<uint64_t, kAttributionResults>, kAttributionSources>;

class Attributor {
 public:
  explicit Attributor(AttributorOptions options);

  // SetPods names pods by another list from now on, see AttributorOptions::pods. What is known of cgroups is looked up anew.
  void SetPods(std::function<std::shared_ptr<const PodTable>()> pods);

  // See looks an owner up as soon as the sensor names it: it may have ended when its record is made. Times are Unix
  // nanoseconds.
  void See(const OwnerChunk& owner, uint64_t now_ns);

  // Attribute returns who `owner` is and counts the answer.
  Attribution Attribute(const Owner& owner, uint64_t now_ns);

  const AttributionCounts& counts() const { return counts_; }

 private:
  // What is known of a process. comm and cgroup_id are those with which it was looked up: a process that executes another
  // program or moves to another cgroup is looked up again.
  struct Process {
    std::string comm;
    uint64_t cgroup_id = 0;
    std::string executable;
    std::string cgroup_path;
  };
  // What is known of all processes in a cgroup.
  struct Group {
    Attribution facts;
    uint64_t retry_ns = 0;  // when it is worth another look; 0 never
  };
  using ProcessKey = std::pair<uint32_t, uint64_t>;  // pid, start time

  const Process& LookUp(const OwnerChunk& owner);
  const Attribution& LookUpGroup(const std::string& path, uint64_t now_ns);
  Group ReadGroup(const std::string& path, uint64_t now_ns) const;
  void NameContainer(Attribution* facts) const;

  AttributorOptions options_;
  ProcFs proc_;
  OciBundles bundles_;
  ContainerStores stores_;
  LruCache<ProcessKey, Process> processes_{kMaxProcesses};
  LruCache<std::string, Group> groups_{kMaxGroups};
  AttributionCounts counts_ = {};
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_ATTRIBUTION_ATTRIBUTOR_H_
