// What a cgroup path says: container, pod and systemd unit. Pure functions, any thread.
//
// Paths are written by container runtimes, the kubelet and systemd, and any process that may make cgroups can imitate them:
// what does not have the exact form of an id is not taken for one.
#ifndef TLSMETER_SRC_ATTRIBUTION_CGROUP_PATH_H_
#define TLSMETER_SRC_ATTRIBUTION_CGROUP_PATH_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace tlsmeter::agent {

// ContainerRuntime is who started a container, as far as the path tells.
enum class ContainerRuntime : uint8_t { kUnknown, kContainerd, kCrio, kDocker, kPodman };

// PodQos is the quality-of-service class of a pod; the path of a guaranteed pod names none.
enum class PodQos : uint8_t { kNone, kGuaranteed, kBurstable, kBestEffort };

struct CgroupPath {
  // The container that this host's runtime started: the outermost one of the path, but inside a pod the pod's own. What runs
  // in a container that was started within it is attributed to it.
  ContainerRuntime runtime = ContainerRuntime::kUnknown;
  std::string container_id;  // 64 lower-case hexadecimal digits

  std::string pod_uid;  // a UUID, or the 32 digits of a static pod
  PodQos qos = PodQos::kNone;

  // The innermost *.service and the innermost *.scope that is no container, both outside the container.
  std::string unit;
  std::string scope;

  bool operator==(const CgroupPath&) const = default;
};

// ParseCgroupPath reads an absolute path of either cgroup version. It never fails: a part that means nothing says nothing.
CgroupPath ParseCgroupPath(std::string_view path);

// PathFromProcCgroup returns one path out of the text of /proc/PID/cgroup: that of the first hierarchy in which the process
// is in a container or pod, else that of cgroup v2 (the line "0::PATH"), else "". Where cgroup v1 controllers are in use,
// runtimes place containers there and leave v2 alone.
std::string_view PathFromProcCgroup(std::string_view text);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_ATTRIBUTION_CGROUP_PATH_H_
