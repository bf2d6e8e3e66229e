#include "src/image/plan_cache.h"

#include <sys/types.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {
namespace {

// kSiteBytes is how much code at each probe must be the same for a plan to fit another file of the same build.
constexpr size_t kSiteBytes = 8;

// The bytes at each probe, from the file itself; empty when they are not there.
std::vector<uint8_t> CodeAtProbes(const ImagePlan& plan, int fd) {
  std::vector<uint8_t> code(plan.probes.size() * kSiteBytes);
  for (size_t i = 0; i < plan.probes.size(); ++i) {
    const ssize_t n = pread(fd, code.data() + i * kSiteBytes, kSiteBytes, static_cast<off_t>(plan.probes[i].file_offset));
    if (n != static_cast<ssize_t>(kSiteBytes)) return {};
  }
  return code;
}

}  // namespace

std::string PlanCache::KeyOf(const ElfFile& file, const ElfFile* crypto) {
  return absl::StrCat(file.build_id(), "+", crypto != nullptr ? crypto->build_id() : "");
}

const PlanCache::Entry* PlanCache::Find(const std::string& key, uint64_t size, int fd) const {
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.size != size) return nullptr;
  return found->second.code == CodeAtProbes(found->second.plan, fd) ? &found->second : nullptr;
}

void PlanCache::Add(const std::string& key, uint64_t size, int fd, const ImagePlan& plan) {
  if (plan.build_id.empty() || entries_.size() >= kMaxPlans) return;
  entries_[key] = {.size = size, .plan = plan, .code = CodeAtProbes(plan, fd)};
}

void PlanCache::Distrust(const std::string& key) {
  if (const auto found = entries_.find(key); found != entries_.end()) found->second.distrusted = true;
}

}  // namespace tlsmeter::agent
