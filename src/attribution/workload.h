// From a pod to the workload that it is one of: by owner reference, or by the way Kubernetes makes names. Pure functions,
// any thread.
#ifndef TLSMETER_SRC_ATTRIBUTION_WORKLOAD_H_
#define TLSMETER_SRC_ATTRIBUTION_WORKLOAD_H_

#include <string>
#include <string_view>

#include "src/correlate/attribution.h"

namespace tlsmeter::agent {

struct PodWorkload {
  std::string name;
  WorkloadKind kind = WorkloadKind::kUnknown;
  bool operator==(const PodWorkload&) const = default;
};

// WorkloadOfOwner returns the workload of a pod whose controller, by its metadata.ownerReferences, is `name` of kind `kind`.
// A ReplicaSet whose name ends with `pod_template_hash`, the pod's label of that name, is a Deployment's
// (deployment_controller). A Job whose name ends with the minutes of a plausible time is a CronJob's (cronjob_controllerv2).
// A pod whose owner is the Node is a static pod, its own workload under `pod`.
PodWorkload WorkloadOfOwner(std::string_view kind, std::string_view name, std::string_view pod_template_hash,
                            std::string_view pod);

// WorkloadOfPodName returns what the name of a pod tells of its controller, where nothing better is known:
//   NAME-HASH-SUFFIX     a Deployment's       NAME-0        a StatefulSet's
//   NAME-MINUTES-SUFFIX  a CronJob's          NAME-SUFFIX   of a DaemonSet, a Job or a ReplicaSet: kUnknown
// A name of another form is that of a pod by itself.
PodWorkload WorkloadOfPodName(std::string_view pod);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_ATTRIBUTION_WORKLOAD_H_
