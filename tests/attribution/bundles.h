// config.json of OCI bundles and files of container engines, cut down to what matters, in the form in which each runtime
// writes it.
#ifndef TLSMETER_TESTS_ATTRIBUTION_BUNDLES_H_
#define TLSMETER_TESTS_ATTRIBUTION_BUNDLES_H_

#include <string_view>

namespace tlsmeter::agent {

inline constexpr std::string_view kContainerdBundle = R"({
  "ociVersion": "1.1.0",
  "process": {"args": ["nginx", "-g", "daemon off;"], "cwd": "/"},
  "annotations": {
    "io.kubernetes.cri.container-name": "nginx",
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.image-name": "docker.io/library/nginx:1.25",
    "io.kubernetes.cri.sandbox-id": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "io.kubernetes.cri.sandbox-name": "web-6c54bd5869-x9z2k",
    "io.kubernetes.cri.sandbox-namespace": "shop",
    "io.kubernetes.cri.sandbox-uid": "0f5a3c1e-2b4d-4f6a-8c9e-1a2b3c4d5e6f"
  },
  "linux": {"cgroupsPath": "kubepods-burstable-pod0f5a3c1e_2b4d_4f6a_8c9e_1a2b3c4d5e6f.slice:cri-containerd:aa"}
})";

inline constexpr std::string_view kCrioBundle = R"({
  "ociVersion": "1.0.2-dev",
  "annotations": {
    "io.container.manager": "cri-o",
    "io.kubernetes.container.hash": "8e3a1f2c",
    "io.kubernetes.container.name": "agent",
    "io.kubernetes.cri-o.ContainerType": "container",
    "io.kubernetes.cri-o.Labels": "{\"io.kubernetes.pod.name\":\"agent-x9z2k\"}",
    "io.kubernetes.pod.name": "agent-x9z2k",
    "io.kubernetes.pod.namespace": "kube-system",
    "io.kubernetes.pod.uid": "11111111-2222-3333-4444-555555555555"
  }
})";

inline constexpr std::string_view kPodmanBundle = R"({
  "ociVersion": "1.0.2-dev",
  "hostname": "aaaaaaaaaaaa",
  "annotations": {
    "io.container.manager": "libpod",
    "org.opencontainers.image.stopSignal": "15"
  }
})";

// What engines keep of containers beside their bundles, cut down likewise. Ids are 64 times 'a', 'b' and 'c'.
inline constexpr std::string_view kDockerConfig = R"({
  "StreamConfig": {},
  "State": {"Running": true, "Pid": 4711},
  "ID": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  "Created": "2026-11-25T00:48:56.517056405Z",
  "Path": "nginx",
  "Config": {"Hostname": "aaaaaaaaaaaa", "Image": "nginx:1.25", "Labels": {"com.docker.compose.service": "front"}},
  "Name": "/shop-front-1",
  "Driver": "overlay2"
})";

// As podman 4.3.1 writes it.
inline constexpr std::string_view kPodmanContainers =
    R"([{"id":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","names":["shop-db"],"image":"",)"
    R"("layer":"767b7e5bb0a9ee76cf08c7625f2881661986538fc6daaea69f1796b101e46aa5",)"
    R"("metadata":"{\"image-name\":\"\",\"image-id\":\"\",\"name\":\"shop-db\",\"created-at\":1795567736}",)"
    R"("created":"2026-11-25T00:48:56.517056405Z","flags":{"MountLabel":"","ProcessLabel":""}},)"
    R"({"id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","names":["shop-web"],"image":""},)"
    R"({"id":"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc","image":""}])";

}  // namespace tlsmeter::agent

#endif  // TLSMETER_TESTS_ATTRIBUTION_BUNDLES_H_
