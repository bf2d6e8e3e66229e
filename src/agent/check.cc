// What this machine lets tlsmeter see. The programs are loaded and attached for a moment: a kernel that has a hook in its
// BTF may still refuse it.

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "src/agent/commands.h"
#include "src/capture/bpf_source.h"
#include "src/capture/cgroup.h"
#include "src/capture/privilege.h"
#include "src/image/image_manager.h"

namespace tlsmeter::agent {
namespace {

constexpr const char* kKernelBtf = "/sys/kernel/btf/vmlinux";

// What there is beside the kernel's hooks to see by.
struct Surroundings {
  std::string kernel;
  bool btf = false;
  std::string cgroup;  // the directory that would be watched; empty: none
  std::vector<SensorCapability> capabilities;
  std::map<StackView, size_t> stacks;  // watched processes by what is to be had of their TLS library
};

// Looks at the files that processes below `cgroup` map, as the library sensor does, and attaches nothing.
std::map<StackView, size_t> CountStacks(const std::string& cgroup) {
  ImageManager survey({.cgroup = cgroup,
                       .configure = [](uint32_t, const ImagePlan&) { return absl::OkStatus(); },
                       .attach = [](int, uint32_t, const std::vector<Probe>&) { return UprobeLink(); },
                       .know = nullptr});
  survey.PollAll();
  std::map<StackView, size_t> stacks = survey.ProcessCounts();
  stacks.erase(StackView());  // ended before it could be looked at
  return stacks;
}

// Nothing is attached, so the state is told only where nothing will be.
std::string StackName(StackView stack) {
  std::string name(StackKindName(stack.kind));
  const bool plain = stack.state == StackState::kInstrumented || stack.state == StackState::kBlind;
  return plain ? name : name + " (" + std::string(StackStateName(stack.state)) + ")";
}

Surroundings LookAround(const std::string& cgroup_path) {
  Surroundings found;
  utsname name;
  if (uname(&name) == 0) found.kernel = std::string(name.release) + " " + name.machine;
  found.btf = access(kKernelBtf, R_OK) == 0;
  if (const auto cgroup = CgroupDirectory::Open(cgroup_path); cgroup.ok()) {
    found.cgroup = cgroup->path();
    found.stacks = CountStacks(cgroup_path);
  }
  std::ifstream file("/proc/self/status");
  const std::string status{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (const auto capabilities = ReadCapabilities(status); capabilities.ok()) {
    found.capabilities.assign(capabilities->begin(), capabilities->end());
  }
  return found;
}

void PrintText(const Surroundings& found, const std::vector<Hook>& hooks, const absl::Status& verdict) {
  std::printf("kernel        %s\n", found.kernel.c_str());
  std::printf("BTF           %s\n", found.btf ? kKernelBtf : "none");
  std::printf("cgroup v2     %s\n", found.cgroup.empty() ? "none" : found.cgroup.c_str());
  for (const SensorCapability& capability : found.capabilities) {
    std::printf("capability    %-28.*s %s\n", static_cast<int>(capability.name.size()), capability.name.data(),
                capability.held           ? "held"
                : capability.library_only ? "missing, for --library only"
                                          : "missing");
  }
  for (const Hook& hook : hooks) {
    std::printf("hook          %-28s %s\n", hook.name.c_str(), hook.attached ? "can" : ("cannot: " + hook.missing).c_str());
  }
  for (const Hook& hook : hooks) {
    if (!hook.attached) std::printf("invisible     %s\n", hook.blind.c_str());
  }
  for (const auto& [stack, count] : found.stacks) {
    const std::string name = StackName(stack);
    std::printf("TLS library   %-28s %zu of the processes%s\n", name.c_str(), count,
                stack.state == StackState::kInstrumented ? ", seen with --library" : ", seen on the wire only");
  }
  std::printf("verdict       %s\n", verdict.ok() ? "the wire sensor works" : std::string(verdict.message()).c_str());
}

void PrintJson(const Surroundings& found, const std::vector<Hook>& hooks, const absl::Status& verdict) {
  nlohmann::ordered_json json = {{"kernel", found.kernel}, {"btf", found.btf}};
  if (!found.cgroup.empty()) json["cgroup"] = found.cgroup;
  for (const SensorCapability& capability : found.capabilities) {
    json["capabilities"][std::string(capability.name)] = capability.held;
  }
  json["hooks"] = nlohmann::ordered_json::array();
  for (const Hook& hook : hooks) {
    nlohmann::ordered_json entry = {{"name", hook.name}, {"can", hook.attached}};
    if (!hook.attached) {
      entry["reason"] = hook.missing;
      entry["invisible"] = hook.blind;
    }
    json["hooks"].push_back(std::move(entry));
  }
  json["processes"] = nlohmann::ordered_json::object();
  for (const auto& [stack, count] : found.stacks) json["processes"][StackName(stack)] = count;
  json["works"] = verdict.ok();
  if (!verdict.ok()) json["reason"] = std::string(verdict.message());
  // A path from the command line may hold any byte.
  std::printf("%s\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
}

}  // namespace

ExitCode RunCheck(const CheckOptions& options) {
  const Surroundings found = LookAround(options.cgroup);
  // The library sensor's hooks too, where what it needs is held: the verdict is on the wire sensor.
  const bool library = std::all_of(found.capabilities.begin(), found.capabilities.end(),
                                   [](const SensorCapability& capability) { return capability.held; });
  const absl::StatusOr<std::unique_ptr<BpfSource>> source = BpfSource::Open(
      BpfSourceOptions{.cgroup_path = options.cgroup, .measure_time = false, .library = library, .hellos = {}});
  if (ExitCodeOf(source.status()) == kExitUsage) return FailWith(source.status());
  const std::vector<Hook> hooks = source.ok() ? (*source)->hooks() : std::vector<Hook>();
  (options.json ? PrintJson : PrintText)(found, hooks, source.status());
  return ExitCodeOf(source.status());
}

}  // namespace tlsmeter::agent
