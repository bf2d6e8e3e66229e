// What a container runtime wrote beside a container: the annotations in the config.json of its OCI bundle (OCI runtime
// specification, config.md, "Annotations"). No network, and no right but to read files of root. One thread at a time.
#ifndef TLSMETER_SRC_ATTRIBUTION_OCI_BUNDLE_H_
#define TLSMETER_SRC_ATTRIBUTION_OCI_BUNDLE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tlsmeter::agent {

// kMaxBundleBytes bounds a config.json. Runtimes write 10 to 50 KiB; the annotations of a Kubernetes object are at most 256
// KiB, and CRI-O repeats them.
inline constexpr size_t kMaxBundleBytes = 2 * 1024 * 1024;

// ContainerNames is what Kubernetes calls a container. Empty is not known: the pause container has no name, and a container
// outside Kubernetes has no pod.
struct ContainerNames {
  std::string container;
  std::string pod;
  std::string namespace_name;
  std::string pod_uid;
  bool operator==(const ContainerNames&) const = default;
};

// ParseBundle reads the text of a config.json; nullopt when it is not one or names nothing. Knows the annotations of
// containerd (pkg/cri/annotations) and those of CRI-O (the kubelet's labels of containers).
std::optional<ContainerNames> ParseBundle(std::string_view config);

class OciBundles {
 public:
  // OciBundles looks below `root`: "" for the file system as it is.
  explicit OciBundles(std::string root) : root_(std::move(root)) {}

  // Find returns the names of the container from the first bundle that has some; nullopt when there is none.
  std::optional<ContainerNames> Find(std::string_view container_id) const;

 private:
  std::string root_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_ATTRIBUTION_OCI_BUNDLE_H_
