#include "src/attribution/pod_table.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/string_view.h"
#include "src/attribution/json_text.h"

namespace tlsmeter::agent {
namespace {

using Json = nlohmann::json;

const Json kNothing;

const Json& MemberOrNothing(const Json& object, const char* name) {
  const Json* const member = JsonMember(object, name);
  return member != nullptr ? *member : kNothing;
}

// The owner that manages the pod (ObjectMeta.ownerReferences: at most one has "controller": true).
const Json* ControllerOf(const Json& metadata) {
  for (const Json& owner : MemberOrNothing(metadata, "ownerReferences")) {
    if (MemberOrNothing(owner, "controller") == true) return &owner;
  }
  return nullptr;
}

PodWorkload WorkloadOf(const Json& metadata, std::string_view pod) {
  const std::string_view source = JsonText(MemberOrNothing(metadata, "annotations"), "kubernetes.io/config.source");
  if (source == "file" || source == "http") return {std::string(pod), WorkloadKind::kStaticPod};
  const Json* const owner = ControllerOf(metadata);
  if (owner == nullptr) return {std::string(pod), WorkloadKind::kPod};
  return WorkloadOfOwner(JsonText(*owner, "kind"), JsonText(*owner, "name"),
                         JsonText(MemberOrNothing(metadata, "labels"), "pod-template-hash"), pod);
}

}  // namespace

absl::StatusOr<PodTable> PodTable::Parse(std::string_view pod_list) {
  const Json json = Json::parse(pod_list, nullptr, /*allow_exceptions=*/false);
  const Json& items = MemberOrNothing(json, "items");
  // Go writes an empty list as null.
  const bool empty = JsonMember(json, "items") != nullptr && items.is_null();
  if (JsonText(json, "kind") != "PodList" || (!items.is_array() && !empty)) {
    return absl::InvalidArgumentError("the answer is not a PodList of the Kubernetes API");
  }
  PodTable table;
  for (const Json& item : items) {
    const Json& metadata = MemberOrNothing(item, "metadata");
    const std::string_view hash = JsonText(MemberOrNothing(metadata, "annotations"), "kubernetes.io/config.hash");
    const std::string uid(hash.empty() ? JsonText(metadata, "uid") : hash);
    const std::string name(JsonText(metadata, "name"));
    if (uid.empty() || name.empty() || table.pods_.size() >= kMaxPods) continue;
    table.pods_[uid] = Pod{name, std::string(JsonText(metadata, "namespace")), WorkloadOf(metadata, name)};

    const Json& status = MemberOrNothing(item, "status");
    for (const char* list : {"initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"}) {
      for (const Json& container : MemberOrNothing(status, list)) {
        // "containerd://ID"
        const std::string_view id = JsonText(container, "containerID");
        const size_t scheme = id.find("://");
        if (scheme == std::string_view::npos || table.containers_.size() >= kMaxPodContainers) continue;
        table.containers_[std::string(id.substr(scheme + 3))] = JsonText(container, "name");
      }
    }
  }
  return table;
}

const PodTable::Pod* PodTable::FindPod(std::string_view uid) const {
  const auto found = pods_.find(absl::string_view(uid.data(), uid.size()));
  return found == pods_.end() ? nullptr : &found->second;
}

std::string_view PodTable::ContainerName(std::string_view container_id) const {
  const auto found = containers_.find(absl::string_view(container_id.data(), container_id.size()));
  return found == containers_.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace tlsmeter::agent
