#include "src/attribution/container_store.h"

#include <fcntl.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "src/attribution/json_text.h"
#include "src/base/read_file.h"

namespace tlsmeter::agent {
namespace {

// Newer versions keep containers with --rm in a second file, and a transient store has that below /run.
constexpr std::array<std::string_view, 3> kPodmanStores = {
    "/var/lib/containers/storage/overlay-containers/containers.json",
    "/var/lib/containers/storage/overlay-containers/volatile-containers.json",
    "/run/containers/storage/overlay-containers/volatile-containers.json",
};

}  // namespace

std::string DockerName(std::string_view config, std::string_view id) {
  const nlohmann::json json = nlohmann::json::parse(config, nullptr, /*allow_exceptions=*/false);
  if (JsonText(json, "ID") != id) return "";
  std::string_view name = JsonText(json, "Name");
  if (name.starts_with('/')) name.remove_prefix(1);
  return std::string(name);
}

std::string PodmanName(std::string_view containers, std::string_view id) {
  const nlohmann::json json = nlohmann::json::parse(containers, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return "";
  for (const nlohmann::json& container : json) {
    if (JsonText(container, "id") != id) continue;
    const nlohmann::json* const names = JsonMember(container, "names");
    if (names == nullptr || !names->is_array() || names->empty() || !names->front().is_string()) return "";
    return names->front().get<std::string>();
  }
  return "";
}

std::string ContainerStores::FindName(std::string_view container_id) const {
  std::string docker = root_;
  docker.append("/var/lib/docker/containers/").append(container_id).append("/config.v2.json");
  if (const std::optional<std::string> config = ReadFileAt(AT_FDCWD, docker, kMaxStoreBytes)) {
    return DockerName(*config, container_id);
  }
  for (const std::string_view store : kPodmanStores) {
    const std::optional<std::string> containers = ReadFileAt(AT_FDCWD, root_ + std::string(store), kMaxStoreBytes);
    if (!containers.has_value()) continue;
    if (std::string name = PodmanName(*containers, container_id); !name.empty()) return name;
  }
  return "";
}

}  // namespace tlsmeter::agent
