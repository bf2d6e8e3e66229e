#include "src/aggregate/workloads.h"

#include <algorithm>

#include "absl/strings/string_view.h"
#include "src/base/text.h"

namespace tlsmeter::agent {

namespace {

std::string_view WorkloadTypeLabel(WorkloadKind kind) {
  switch (kind) {
    case WorkloadKind::kProcess:
      return "process";
    case WorkloadKind::kSystemdUnit:
      return "systemd_unit";
    case WorkloadKind::kContainer:
      return "container";
    case WorkloadKind::kDeployment:
      return "deployment";
    case WorkloadKind::kReplicaSet:
      return "replicaset";
    case WorkloadKind::kStatefulSet:
      return "statefulset";
    case WorkloadKind::kDaemonSet:
      return "daemonset";
    case WorkloadKind::kJob:
      return "job";
    case WorkloadKind::kCronJob:
      return "cronjob";
    case WorkloadKind::kPod:
      return "barepod";
    case WorkloadKind::kStaticPod:
      return "staticpod";
    case WorkloadKind::kOther:
      return "other";
    case WorkloadKind::kUnknown:
      return kLabelUnknown;
  }
  return "other";
}

// "name@instance.service" becomes "name@.service" (systemd.unit(5)).
std::string TemplateOf(const std::string& unit) {
  const size_t at = unit.find('@');
  const size_t dot = unit.rfind('.');
  if (at == std::string::npos || dot == std::string::npos || dot < at) return unit;
  return unit.substr(0, at + 1) + unit.substr(dot);
}

}  // namespace

WorkloadText WorkloadOf(const HandshakeRecord& record) {
  const Attribution& who = record.attribution;
  const bool known = !who.workload.empty();
  const WorkloadKind kind = known ? who.kind : WorkloadKind::kProcess;
  const std::string& name = known ? who.workload : record.owner.comm;
  return {.name_space = PrintableUtf8(who.namespace_name, kMaxHostNamePart),
          .workload = WorkloadLabel(kind == WorkloadKind::kSystemdUnit ? TemplateOf(name) : name),
          .type = std::string(WorkloadTypeLabel(kind))};
}

bool Workload::AdmitPair(std::string_view cipher, std::string_view group) {
  const std::pair pair(cipher, group);
  if (std::find(pairs_.begin(), pairs_.end(), pair) != pairs_.end()) return true;
  if (pairs_.size() >= kMaxPairsPerWorkload) return false;
  pairs_.push_back(pair);
  return true;
}

bool Workload::BelowHistory(std::string_view server_name, ProtocolVersion version, uint64_t now_ns) {
  if (server_name.empty() || server_name.size() > kMaxHostName) return false;
  auto it = history_.find(absl::string_view(server_name.data(), server_name.size()));
  if (it == history_.end()) {
    if (history_.size() >= kMaxVersionHistory) {
      absl::erase_if(history_, [now_ns](const auto& e) { return now_ns - e.second.seen_ns >= kVersionHistoryNs; });
      if (history_.size() >= kMaxVersionHistory) return false;
    }
    it = history_.emplace(server_name, Highest{}).first;
  }
  Highest& highest = it->second;
  const bool below = version.value < highest.version.value && now_ns - highest.seen_ns < kVersionHistoryNs;
  if (!below) highest = {version, now_ns};
  return below;
}

Workloads::Workloads(LabelPool* pool)
    : pool_(pool), other_({pool->Intern(kLabelOther), pool->Intern(kLabelOther), pool->Intern(kLabelOther)}) {}

Workload& Workloads::Admit(const WorkloadText& text, uint64_t now_ns) {
  std::array<Label, 3> labels = {Label(text.name_space), Label(text.workload), Label(text.type)};
  bool known = true;
  for (Label& label : labels) known = pool_->Find(&label) && known;
  if (known) {
    if (const auto it = workloads_.find(Key{labels[0].id, labels[1].id, labels[2].id}); it != workloads_.end()) {
      it->second->seen_ns_ = now_ns;
      return *it->second;
    }
  }
  if (workloads_.size() >= kMaxWorkloads) return other_;
  std::unique_ptr<Workload> added(
      new Workload({pool_->Intern(text.name_space), pool_->Intern(text.workload), pool_->Intern(text.type)}));
  added->seen_ns_ = now_ns;
  const Key key = {added->labels_[0].id(), added->labels_[1].id(), added->labels_[2].id()};
  return *workloads_.emplace(key, std::move(added)).first->second;
}

bool Workloads::IsAdmitted(const LabelValue& name_space, const LabelValue& workload, const LabelValue& type) const {
  return workload.id() == other_.labels_[1].id() || workloads_.contains(Key{name_space.id(), workload.id(), type.id()});
}

void Workloads::Age(uint64_t now_ns) {
  absl::erase_if(workloads_, [now_ns](const auto& entry) { return now_ns - entry.second->seen_ns_ >= kWorkloadIdleNs; });
}

}  // namespace tlsmeter::agent
