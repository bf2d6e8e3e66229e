#include "src/capture/privilege.h"

#include <linux/capability.h>

#include <cstdint>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {

absl::StatusOr<std::array<SensorCapability, 4>> ReadCapabilities(std::string_view proc_status) {
  constexpr std::string_view kKey = "CapEff:\t";
  const size_t at = proc_status.find(kKey);
  uint64_t effective = 0;
  if (at == std::string_view::npos ||
      !absl::SimpleHexAtoi(absl::string_view(proc_status.data() + at + kKey.size(), 16), &effective)) {
    return absl::InternalError("/proc/self/status has no CapEff line");
  }
  const auto holds = [effective](int capability) { return (effective >> capability & 1) != 0; };
  const bool admin = holds(CAP_SYS_ADMIN);  // before 5.8 it stood for the two that were split off then
  return std::array<SensorCapability, 4>{{{"CAP_BPF", admin || holds(CAP_BPF), false},
                                          {"CAP_NET_ADMIN", holds(CAP_NET_ADMIN), false},
                                          {"CAP_PERFMON", admin || holds(CAP_PERFMON), false},
                                          {"CAP_SYS_PTRACE", holds(CAP_SYS_PTRACE), true}}};
}

absl::Status CheckCapabilities(std::string_view proc_status, bool library) {
  const absl::StatusOr<std::array<SensorCapability, 4>> capabilities = ReadCapabilities(proc_status);
  if (!capabilities.ok()) return capabilities.status();
  std::string missing;
  for (const SensorCapability& capability : *capabilities) {
    if (capability.held || (capability.library_only && !library)) continue;
    missing += (missing.empty() ? "" : ", ") + std::string(capability.name);
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("missing privilege ", missing, ": run tlsmeter as root or grant it (setcap ",
                   "cap_bpf,cap_net_admin,cap_perfmon", library ? ",cap_sys_ptrace" : "", "+ep tlsmeter)"));
}

}  // namespace tlsmeter::agent
