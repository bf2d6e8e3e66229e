#include "src/correlate/attribution.h"

namespace tlsmeter::agent {

std::string_view AttributionSourceName(AttributionSource source) {
  switch (source) {
    case AttributionSource::kNone:
      return "none";
    case AttributionSource::kComm:
      return "comm";
    case AttributionSource::kSystemd:
      return "systemd";
    case AttributionSource::kCgroup:
      return "cgroup";
    case AttributionSource::kOciBundle:
      return "oci_bundle";
    case AttributionSource::kKubelet:
      return "kubelet";
  }
  return "";
}

std::string_view AttributionResultName(AttributionResult result) {
  switch (result) {
    case AttributionResult::kUnknown:
      return "unknown";
    case AttributionResult::kGone:
      return "gone";
    case AttributionResult::kPartial:
      return "partial";
    case AttributionResult::kComplete:
      return "complete";
  }
  return "";
}

std::string_view WorkloadKindName(WorkloadKind kind) {
  switch (kind) {
    case WorkloadKind::kProcess:
    case WorkloadKind::kSystemdUnit:
    case WorkloadKind::kContainer:
    case WorkloadKind::kOther:
    case WorkloadKind::kUnknown:
      return "";
    case WorkloadKind::kDeployment:
      return "Deployment";
    case WorkloadKind::kReplicaSet:
      return "ReplicaSet";
    case WorkloadKind::kStatefulSet:
      return "StatefulSet";
    case WorkloadKind::kDaemonSet:
      return "DaemonSet";
    case WorkloadKind::kJob:
      return "Job";
    case WorkloadKind::kCronJob:
      return "CronJob";
    case WorkloadKind::kPod:
    case WorkloadKind::kStaticPod:
      return "Pod";
  }
  return "";
}

}  // namespace tlsmeter::agent
