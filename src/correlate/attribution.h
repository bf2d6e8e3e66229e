// Attribution: who the owner of a connection was, beyond pid and comm. The value that src/attribution fills in and that
// aggregate and export read.
//
// A plain value. Strings are raw: whoever prints them makes them fit (src/base/text.h). Empty means not known.
#ifndef TLSMETER_SRC_CORRELATE_ATTRIBUTION_H_
#define TLSMETER_SRC_CORRELATE_ATTRIBUTION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tlsmeter::agent {

// AttributionSource is what named the workload (JSON `tlsmeter.attribution.source`, metric label `source`).
enum class AttributionSource : uint8_t {
  kNone,       // nothing: the sensor named no process
  kComm,       // the process's own name
  kSystemd,    // the systemd unit in its cgroup path
  kCgroup,     // the container in its cgroup path
  kOciBundle,  // what the container's runtime or engine wrote beside it: annotations of the bundle, or its name
  kKubelet,    // the kubelet's list of pods
};
inline constexpr size_t kAttributionSources = static_cast<size_t>(AttributionSource::kKubelet) + 1;
std::string_view AttributionSourceName(AttributionSource source);

// AttributionResult is how much became known (JSON `tlsmeter.attribution.result`, metric label `result`).
enum class AttributionResult : uint8_t {
  kUnknown,   // no process was named
  kGone,      // process and cgroup had ended before they were looked at: only pid and comm are known
  kPartial,   // a container, but not what it is called
  kComplete,  // all that this kind of workload has
};
inline constexpr size_t kAttributionResults = static_cast<size_t>(AttributionResult::kComplete) + 1;
std::string_view AttributionResultName(AttributionResult result);

// WorkloadKind is what kind of thing the workload is. The Kubernetes kinds begin at kDeployment.
enum class WorkloadKind : uint8_t {
  kProcess,
  kSystemdUnit,
  kContainer,  // outside Kubernetes
  kDeployment,
  kReplicaSet,
  kStatefulSet,
  kDaemonSet,
  kJob,
  kCronJob,
  kPod,        // a pod of its own
  kStaticPod,  // a pod that the kubelet reads from a file
  kOther,      // another controller, of a custom resource say
  kUnknown,    // a pod, and nothing tells what controls it
};
constexpr bool IsKubernetes(WorkloadKind kind) { return kind >= WorkloadKind::kDeployment; }

// WorkloadKindName returns the Kubernetes kind ("Deployment", a static pod is a "Pod"), "" for others and for kUnknown.
std::string_view WorkloadKindName(WorkloadKind kind);

struct Attribution {
  std::string executable;      // path in the process's own mount namespace
  std::string container_id;    // 64 hexadecimal digits
  std::string container_name;  // in Kubernetes the name within the pod
  std::string pod_uid;
  std::string pod_name;
  std::string namespace_name;  // of Kubernetes
  std::string workload;        // what metrics are kept by; empty where only comm is known
  WorkloadKind kind = WorkloadKind::kProcess;
  std::string systemd_unit;  // full name, "nginx.service"
  AttributionSource source = AttributionSource::kNone;
  AttributionResult result = AttributionResult::kUnknown;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_ATTRIBUTION_H_
