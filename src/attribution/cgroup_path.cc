#include "src/attribution/cgroup_path.h"

#include <algorithm>
#include <array>
#include <optional>

namespace tlsmeter::agent {
namespace {

constexpr size_t kContainerIdLength = 64;
constexpr size_t kStaticPodUidLength = 32;

bool IsHexDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool IsContainerId(std::string_view text) {
  return text.size() == kContainerIdLength && std::all_of(text.begin(), text.end(), IsHexDigit);
}

// A UUID (RFC 9562, section 4), with '_' for '-' in the names of systemd slices; or the hash of a static pod's file.
std::optional<std::string> PodUid(std::string_view text) {
  if (text.size() == kStaticPodUidLength && std::all_of(text.begin(), text.end(), IsHexDigit)) return std::string(text);
  std::string uid(text);
  std::replace(uid.begin(), uid.end(), '_', '-');
  if (uid.size() != 36) return std::nullopt;
  for (size_t i = 0; i < uid.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? uid[i] != '-' : !IsHexDigit(uid[i])) return std::nullopt;
  }
  return uid;
}

bool TakePrefix(std::string_view prefix, std::string_view* text) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

bool TakeSuffix(std::string_view suffix, std::string_view* text) {
  if (!text->ends_with(suffix)) return false;
  text->remove_suffix(suffix.size());
  return true;
}

PodQos QosOf(std::string_view name) {
  if (name == "burstable") return PodQos::kBurstable;
  if (name == "besteffort") return PodQos::kBestEffort;
  return PodQos::kGuaranteed;
}

struct Pod {
  std::string uid;
  std::optional<PodQos> qos;  // absent where the folder above says it
};

// "podUID" below kubepods (cgroupfs driver), or "[ROOT-]kubepods[-QOS]-podUID.slice" (systemd driver; ROOT is the kubelet's
// --cgroup-root, "kubelet" in kind).
std::optional<Pod> PodOf(std::string_view part) {
  if (TakePrefix("pod", &part)) {
    const std::optional<std::string> uid = PodUid(part);
    return uid.has_value() ? std::optional(Pod{*uid, std::nullopt}) : std::nullopt;
  }
  if (!TakeSuffix(".slice", &part)) return std::nullopt;
  const size_t at = part.rfind("-pod");
  if (at == std::string_view::npos) return std::nullopt;
  const std::optional<std::string> uid = PodUid(part.substr(at + 4));
  std::string_view above = part.substr(0, at);
  const size_t root = above.find("kubepods");
  if (!uid.has_value() || root == std::string_view::npos) return std::nullopt;
  above.remove_prefix(root);
  return Pod{*uid, QosOf(above.substr(std::min(above.find('-'), above.size() - 1) + 1))};
}

struct Container {
  ContainerRuntime runtime;
  std::string id;
};

struct Prefix {
  std::string_view text;
  ContainerRuntime runtime;
};
// crio-conmon- and libpod-conmon- are the monitors of containers and not inside them: they leave no id and do not match.
constexpr std::array<Prefix, 8> kPrefixes = {{
    {"cri-containerd-", ContainerRuntime::kContainerd},
    {"cri-containerd:", ContainerRuntime::kContainerd},
    {"nerdctl-", ContainerRuntime::kContainerd},
    {"crio-", ContainerRuntime::kCrio},
    {"docker-", ContainerRuntime::kDocker},
    {"libpod-payload-", ContainerRuntime::kPodman},
    {"libpod-", ContainerRuntime::kPodman},
    {"", ContainerRuntime::kUnknown},
}};

// A container's folder, below a folder called `parent`.
std::optional<Container> ContainerOf(std::string_view part, std::string_view parent) {
  TakeSuffix(".scope", &part);
  for (const Prefix& prefix : kPrefixes) {
    std::string_view id = part;
    if (!TakePrefix(prefix.text, &id) || !IsContainerId(id)) continue;
    const bool docker = prefix.text.empty() && parent == "docker";
    return Container{docker ? ContainerRuntime::kDocker : prefix.runtime, std::string(id)};
  }
  return std::nullopt;
}

// Removes and returns what stands before the first `separator`, or all.
std::string_view TakePart(char separator, std::string_view* text) {
  const size_t end = std::min(text->find(separator), text->size());
  const std::string_view part = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return part;
}

}  // namespace

CgroupPath ParseCgroupPath(std::string_view path) {
  CgroupPath found;
  std::string_view parent;
  bool in_kubepods = false;
  PodQos qos = PodQos::kGuaranteed;
  while (!path.empty()) {
    std::string_view part = TakePart('/', &path);
    // "SLICE:PREFIX:ID" is a path for systemd that a runtime without systemd took as it was.
    if (const size_t colon = part.find(".slice:"); colon != std::string_view::npos) {
      path = std::string_view(part.data() + colon + 7, path.data() + path.size());
      part = part.substr(0, colon + 6);
    }
    if (part == "kubepods" || part == "kubepods.slice") {
      in_kubepods = true;
    } else if (std::optional<Pod> pod = PodOf(part); pod.has_value() && (in_kubepods || pod->qos.has_value())) {
      found.pod_uid = std::move(pod->uid);
      found.qos = pod->qos.value_or(qos);
      // A container above is the node in which the kubelet runs (kind).
      found.container_id.clear();
      found.runtime = ContainerRuntime::kUnknown;
    } else if (in_kubepods && (part == "burstable" || part == "besteffort")) {
      qos = QosOf(part);
    } else if (found.container_id.empty()) {
      if (std::optional<Container> container = ContainerOf(part, parent)) {
        found.container_id = std::move(container->id);
        found.runtime = container->runtime;
      } else if (part.ends_with(".service")) {
        found.unit = part;
      } else if (part.ends_with(".scope")) {
        found.scope = part;
      }
    }
    parent = part;
  }
  return found;
}

std::string_view PathFromProcCgroup(std::string_view text) {
  std::string_view unified;
  while (!text.empty()) {
    std::string_view line = TakePart('\n', &text);
    const std::string_view hierarchy = TakePart(':', &line);
    const std::string_view controllers = TakePart(':', &line);
    const CgroupPath found = ParseCgroupPath(line);
    if (!found.container_id.empty() || !found.pod_uid.empty()) return line;
    if (hierarchy == "0" && controllers.empty()) unified = line;
  }
  return unified;
}

}  // namespace tlsmeter::agent
