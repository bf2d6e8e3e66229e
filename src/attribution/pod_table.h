// PodTable: the pods of a node, from the kubelet's answer to GET /pods: a PodList of the Kubernetes API (v1). Immutable once
// made; any thread.
#ifndef TLSMETER_SRC_ATTRIBUTION_POD_TABLE_H_
#define TLSMETER_SRC_ATTRIBUTION_POD_TABLE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "src/attribution/workload.h"

namespace tlsmeter::agent {

// kMaxPodListBytes bounds an answer. A pod takes 5 to 30 KiB with its managedFields, and a node runs 110 of them by default,
// 500 at most.
inline constexpr size_t kMaxPodListBytes = 16 * 1024 * 1024;

// kMaxPods bounds the table, with room for pods that have ended and are not deleted yet; kMaxPodContainers its containers.
inline constexpr size_t kMaxPods = 2048;
inline constexpr size_t kMaxPodContainers = 16384;

class PodTable {
 public:
  struct Pod {
    std::string name;
    std::string namespace_name;
    PodWorkload workload;
  };

  // Parse reads a PodList. InvalidArgument when it is none; what is missing in a pod is missing in the table, and what is
  // over the ceilings too.
  static absl::StatusOr<PodTable> Parse(std::string_view pod_list);

  // FindPod returns the pod with the uid that its cgroup path has, null when there is none.
  const Pod* FindPod(std::string_view uid) const;

  // ContainerName returns the name within its pod of the container with this id, "" when there is none.
  std::string_view ContainerName(std::string_view container_id) const;

  size_t size() const { return pods_.size(); }

 private:
  absl::flat_hash_map<std::string, Pod> pods_;                // by uid; static pods by the hash of their file
  absl::flat_hash_map<std::string, std::string> containers_;  // names by id
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_ATTRIBUTION_POD_TABLE_H_
