#include "src/attribution/attributor.h"

#include <optional>
#include <string_view>

#include "src/attribution/cgroup_path.h"

namespace tlsmeter::agent {
namespace {

bool InContainer(std::string_view path) {
  const CgroupPath parsed = ParseCgroupPath(path);
  return !parsed.container_id.empty() || !parsed.pod_uid.empty();
}

// The service manager of a user runs whatever the user runs: it names no workload.
bool IsWorkload(std::string_view unit) { return !unit.empty() && !unit.starts_with("user@"); }

// The uid of a static pod is a hash and no UUID.
bool IsStaticPod(std::string_view uid) { return !uid.empty() && uid.find('-') == std::string_view::npos; }

PodWorkload WorkloadOfBundle(const Attribution& facts) {
  if (facts.pod_name.empty()) return {facts.container_name, WorkloadKind::kContainer};
  if (IsStaticPod(facts.pod_uid)) return {facts.pod_name, WorkloadKind::kStaticPod};
  return WorkloadOfPodName(facts.pod_name);
}

void SetWorkload(const PodWorkload& workload, Attribution* facts) {
  facts->workload = workload.name;
  facts->kind = workload.kind;
}

}  // namespace

Attributor::Attributor(AttributorOptions options)
    : options_(std::move(options)),
      proc_(options_.proc_root),
      bundles_(options_.bundle_root),
      stores_(options_.bundle_root) {}

void Attributor::SetPods(std::function<std::shared_ptr<const PodTable>()> pods) {
  options_.pods = std::move(pods);
  groups_.Clear();
}

void Attributor::See(const OwnerChunk& owner, uint64_t now_ns) {
  if (owner.pid == 0) return;
  const Process& process = LookUp(owner);
  if (!process.cgroup_path.empty()) LookUpGroup(process.cgroup_path, now_ns);
}

Attribution Attributor::Attribute(const Owner& owner, uint64_t now_ns) {
  Attribution who;
  if (owner.pid != 0) {
    const Process& process = LookUp({owner.pid, owner.start_time_ns, owner.cgroup_id, owner.uid, owner.comm});
    if (!process.cgroup_path.empty()) who = LookUpGroup(process.cgroup_path, now_ns);
    who.executable = process.executable;
    if (who.source == AttributionSource::kNone) {
      who.source = AttributionSource::kComm;
      who.result = process.cgroup_path.empty() ? AttributionResult::kGone : AttributionResult::kComplete;
    }
  }
  ++counts_[static_cast<size_t>(who.source)][static_cast<size_t>(who.result)];
  return who;
}

const Attributor::Process& Attributor::LookUp(const OwnerChunk& owner) {
  const ProcessKey key{owner.pid, owner.start_time_ns};
  const Process* const known = processes_.Find(key);
  if (known != nullptr && known->comm == owner.comm && known->cgroup_id == owner.cgroup_id) return *known;

  Process process{.comm = std::string(owner.comm), .cgroup_id = owner.cgroup_id, .executable = "", .cgroup_path = ""};
  if (options_.cgroup_path) process.cgroup_path = options_.cgroup_path(owner.cgroup_id);
  if (std::optional<ProcessFacts> facts = proc_.Read(owner.pid, owner.start_time_ns)) {
    process.executable = std::move(facts->executable);
    // Under cgroup v1 the container may be in another hierarchy than the one that the id is of.
    const std::string_view path = PathFromProcCgroup(facts->cgroup);
    if (process.cgroup_path.empty() || (!InContainer(process.cgroup_path) && InContainer(path))) process.cgroup_path = path;
  }
  return *processes_.Put(key, std::move(process));
}

const Attribution& Attributor::LookUpGroup(const std::string& path, uint64_t now_ns) {
  const Group* group = groups_.Find(path);
  if (group == nullptr || (group->retry_ns != 0 && now_ns >= group->retry_ns))
    group = groups_.Put(path, ReadGroup(path, now_ns));
  return group->facts;
}

Attributor::Group Attributor::ReadGroup(const std::string& path, uint64_t now_ns) const {
  const CgroupPath parsed = ParseCgroupPath(path);
  Group group;
  Attribution& facts = group.facts;
  facts.systemd_unit = parsed.unit.empty() ? parsed.scope : parsed.unit;
  facts.container_id = parsed.container_id;
  facts.pod_uid = parsed.pod_uid;
  if (!facts.container_id.empty() || !facts.pod_uid.empty()) {
    facts.kind = facts.pod_uid.empty() ? WorkloadKind::kContainer : WorkloadKind::kUnknown;
    facts.source = AttributionSource::kCgroup;
    facts.result = AttributionResult::kPartial;
    NameContainer(&facts);
    const bool kubelet_may_know = options_.pods && !facts.pod_uid.empty() && facts.source != AttributionSource::kKubelet;
    if (facts.result == AttributionResult::kPartial || kubelet_may_know) group.retry_ns = now_ns + kRetryNs;
  } else if (IsWorkload(parsed.unit)) {
    SetWorkload({parsed.unit, WorkloadKind::kSystemdUnit}, &facts);
    facts.source = AttributionSource::kSystemd;
    facts.result = AttributionResult::kComplete;
  }
  return group;
}

void Attributor::NameContainer(Attribution* facts) const {
  std::optional<ContainerNames> names;
  if (!facts->container_id.empty()) {
    names = bundles_.Find(facts->container_id);
    if (!names.has_value()) {
      ContainerNames outside_kubernetes;
      outside_kubernetes.container = stores_.FindName(facts->container_id);
      if (!outside_kubernetes.container.empty()) names = std::move(outside_kubernetes);
    }
  }
  if (names.has_value()) {
    facts->container_name = std::move(names->container);
    facts->pod_name = std::move(names->pod);
    facts->namespace_name = std::move(names->namespace_name);
    if (facts->pod_uid.empty()) facts->pod_uid = std::move(names->pod_uid);
    facts->source = AttributionSource::kOciBundle;
    facts->result = AttributionResult::kComplete;
    SetWorkload(WorkloadOfBundle(*facts), facts);
  }
  const std::shared_ptr<const PodTable> pods = options_.pods ? options_.pods() : nullptr;
  const PodTable::Pod* const pod = pods != nullptr ? pods->FindPod(facts->pod_uid) : nullptr;
  if (pod == nullptr) return;
  const std::string_view container = pods->ContainerName(facts->container_id);
  if (!container.empty()) facts->container_name = container;
  facts->pod_name = pod->name;
  facts->namespace_name = pod->namespace_name;
  SetWorkload(pod->workload, facts);
  facts->source = AttributionSource::kKubelet;
  facts->result = AttributionResult::kComplete;
}

}  // namespace tlsmeter::agent
