// Answers of a kubelet to GET /pods: PodList of the Kubernetes API (v1), cut down to what matters.
#ifndef TLSMETER_TESTS_ATTRIBUTION_POD_LISTS_H_
#define TLSMETER_TESTS_ATTRIBUTION_POD_LISTS_H_

#include <string_view>

namespace tlsmeter::agent {

inline constexpr std::string_view kPodList = R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[
{"metadata":{"name":"web-6c54bd5869-x9z2k","generateName":"web-6c54bd5869-","namespace":"shop",
   "uid":"0f5a3c1e-2b4d-4f6a-8c9e-1a2b3c4d5e6f","resourceVersion":"1234","creationTimestamp":"2026-11-24T12:00:00Z",
   "labels":{"app":"web","pod-template-hash":"6c54bd5869"},
   "annotations":{"kubernetes.io/config.seen":"2026-11-24T12:00:00.1Z","kubernetes.io/config.source":"api"},
   "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-6c54bd5869",
     "uid":"22222222-2222-2222-2222-222222222222","controller":true,"blockOwnerDeletion":true}]},
 "spec":{"containers":[{"name":"nginx","image":"nginx:1.25"}],"nodeName":"node1"},
 "status":{"phase":"Running","qosClass":"Burstable",
   "initContainerStatuses":[{"name":"init","containerID":
     "containerd://1111111111111111111111111111111111111111111111111111111111111111","state":{"terminated":{"exitCode":0}}}],
   "containerStatuses":[{"name":"nginx","ready":true,"restartCount":0,"containerID":
     "containerd://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
     {"name":"waiting","ready":false,"state":{"waiting":{"reason":"ContainerCreating"}}}],
   "ephemeralContainerStatuses":[{"name":"debugger","containerID":
     "cri-o://2222222222222222222222222222222222222222222222222222222222222222"}]}},
{"metadata":{"name":"etcd-node1","namespace":"kube-system","uid":"d6e7f8091a2b3c4d5e6f708192a3b4c5",
   "annotations":{"kubernetes.io/config.hash":"d6e7f8091a2b3c4d5e6f708192a3b4c5","kubernetes.io/config.source":"file"}},
 "spec":{},"status":{"phase":"Pending"}},
{"metadata":{"name":"agent-x9z2k","namespace":"kube-system","uid":"33333333-3333-3333-3333-333333333333",
   "ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"other","uid":"x"},
     {"apiVersion":"apps/v1","kind":"DaemonSet","name":"agent","uid":"y","controller":true}]},
 "spec":{},"status":{}},
{"metadata":{"name":"debug","namespace":"default","uid":"44444444-4444-4444-4444-444444444444"}}
]})";

}  // namespace tlsmeter::agent

#endif  // TLSMETER_TESTS_ATTRIBUTION_POD_LISTS_H_
