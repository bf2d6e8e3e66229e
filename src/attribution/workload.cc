#include "src/attribution/workload.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace tlsmeter::agent {
namespace {

// The letters of generated names: no vowels, nothing that looks like another (apimachinery/pkg/util/rand).
constexpr std::string_view kSafeLetters = "bcdfghjklmnpqrstvwxz2456789";

// Of generateName.
constexpr size_t kSuffixLength = 5;

// A template hash is a 32-bit number in decimal, each digit replaced by a safe letter: below eight digits is one in 430.
constexpr size_t kMinHashLength = 8;
constexpr size_t kMaxHashLength = 10;

// Minutes since the epoch that a CronJob's name can hold: 2015 to 2084. Dates like 20261231 are below.
constexpr uint64_t kMinMinutes = 24'000'000;
constexpr uint64_t kMaxMinutes = 60'000'000;

bool IsSafe(std::string_view text) { return text.find_first_not_of(kSafeLetters) == std::string_view::npos; }

// Takes what follows the last '-' off `name`, which must have something before it.
std::optional<std::string_view> TakeLast(std::string_view* name) {
  const size_t dash = name->rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  const std::string_view last = name->substr(dash + 1);
  *name = name->substr(0, dash);
  return last;
}

std::optional<uint64_t> Number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  return value;
}

// "NAME-MINUTES" of a Job that a CronJob made; NAME.
std::optional<std::string_view> CronJobOf(std::string_view job) {
  const std::optional<std::string_view> last = TakeLast(&job);
  const std::optional<uint64_t> minutes = last.has_value() ? Number(*last) : std::nullopt;
  if (!minutes.has_value() || *minutes < kMinMinutes || *minutes > kMaxMinutes) return std::nullopt;
  return job;
}

// "NAME-HASH" of a ReplicaSet that a Deployment made; NAME.
std::optional<std::string_view> DeploymentOf(std::string_view replica_set) {
  const std::optional<std::string_view> last = TakeLast(&replica_set);
  if (!last.has_value() || last->size() < kMinHashLength || last->size() > kMaxHashLength || !IsSafe(*last))
    return std::nullopt;
  return replica_set;
}

}  // namespace

PodWorkload WorkloadOfOwner(std::string_view kind, std::string_view name, std::string_view pod_template_hash,
                            std::string_view pod) {
  const auto of = [](std::string_view what, WorkloadKind workload_kind) {
    return PodWorkload{std::string(what), workload_kind};
  };
  if (kind == "ReplicaSet") {
    std::string_view rest = name;
    const bool deployment = !pod_template_hash.empty() && TakeLast(&rest) == pod_template_hash;
    return deployment ? of(rest, WorkloadKind::kDeployment) : of(name, WorkloadKind::kReplicaSet);
  }
  if (kind == "Job") {
    if (const std::optional<std::string_view> cron_job = CronJobOf(name)) return of(*cron_job, WorkloadKind::kCronJob);
    return of(name, WorkloadKind::kJob);
  }
  if (kind == "StatefulSet") return of(name, WorkloadKind::kStatefulSet);
  if (kind == "DaemonSet") return of(name, WorkloadKind::kDaemonSet);
  if (kind == "Node") return of(pod, WorkloadKind::kStaticPod);
  return of(name, WorkloadKind::kOther);
}

PodWorkload WorkloadOfPodName(std::string_view pod) {
  std::string_view stem = pod;
  const std::optional<std::string_view> last = TakeLast(&stem);
  if (!last.has_value() || last->empty()) return {std::string(pod), WorkloadKind::kPod};
  if (last->size() == kSuffixLength && IsSafe(*last)) {
    if (const auto deployment = DeploymentOf(stem)) return {std::string(*deployment), WorkloadKind::kDeployment};
    if (const auto cron_job = CronJobOf(stem)) return {std::string(*cron_job), WorkloadKind::kCronJob};
    return {std::string(stem), WorkloadKind::kUnknown};
  }
  if (Number(*last).has_value()) return {std::string(stem), WorkloadKind::kStatefulSet};
  return {std::string(pod), WorkloadKind::kPod};
}

}  // namespace tlsmeter::agent
