#include "src/attribution/oci_bundle.h"

#include <fcntl.h>

#include <array>
#include <nlohmann/json.hpp>

#include "src/attribution/json_text.h"
#include "src/base/read_file.h"

namespace tlsmeter::agent {
namespace {

// Where the bundle of a container is: before and after its id.
struct Place {
  std::string_view before;
  std::string_view after;
};
constexpr std::array<Place, 4> kPlaces = {{
    {"/run/containerd/io.containerd.runtime.v2.task/k8s.io/", "/config.json"},
    {"/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/", "/config.json"},
    {"/run/containers/storage/overlay-containers/", "/userdata/config.json"},      // CRI-O
    {"/var/lib/containers/storage/overlay-containers/", "/userdata/config.json"},  // CRI-O and podman
}};

}  // namespace

std::optional<ContainerNames> ParseBundle(std::string_view config) {
  const nlohmann::json json = nlohmann::json::parse(config, nullptr, /*allow_exceptions=*/false);
  const nlohmann::json* const annotations = JsonMember(json, "annotations");
  if (annotations == nullptr) return std::nullopt;
  const auto either = [annotations](const char* containerd, const char* crio) {
    const std::string_view text = JsonText(*annotations, containerd);
    return std::string(text.empty() ? JsonText(*annotations, crio) : text);
  };
  ContainerNames names{.container = either("io.kubernetes.cri.container-name", "io.kubernetes.container.name"),
                       .pod = either("io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"),
                       .namespace_name = either("io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"),
                       .pod_uid = either("io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid")};
  if (names.container.empty() && names.pod.empty()) return std::nullopt;
  return names;
}

std::optional<ContainerNames> OciBundles::Find(std::string_view container_id) const {
  for (const Place& place : kPlaces) {
    std::string path = root_;
    path.append(place.before).append(container_id).append(place.after);
    const std::optional<std::string> config = ReadFileAt(AT_FDCWD, path, kMaxBundleBytes);
    if (!config.has_value()) continue;
    if (std::optional<ContainerNames> names = ParseBundle(*config)) return names;
  }
  return std::nullopt;
}

}  // namespace tlsmeter::agent
