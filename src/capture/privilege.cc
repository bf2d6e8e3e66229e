#include "src/capture/privilege.h"

#include <linux/capability.h>

#include <cstdint>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {

absl::Status CheckCapabilities(std::string_view proc_status) {
  constexpr std::string_view kKey = "CapEff:\t";
  const size_t at = proc_status.find(kKey);
  uint64_t effective = 0;
  if (at == std::string_view::npos ||
      !absl::SimpleHexAtoi(absl::string_view(proc_status.data() + at + kKey.size(), 16), &effective)) {
    return absl::InternalError("/proc/self/status has no CapEff line");
  }
  const auto holds = [effective](int capability) { return (effective >> capability & 1) != 0; };
  if (holds(CAP_SYS_ADMIN) && holds(CAP_NET_ADMIN)) return absl::OkStatus();
  std::string missing;
  const auto need = [&](int capability, const char* name) {
    if (!holds(capability)) absl::StrAppend(&missing, missing.empty() ? "" : ", ", name);
  };
  need(CAP_BPF, "CAP_BPF");
  need(CAP_NET_ADMIN, "CAP_NET_ADMIN");
  need(CAP_PERFMON, "CAP_PERFMON");
  if (missing.empty()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("missing privilege ", missing,
                                                  ": run tlsmeter as root or grant it (setcap ",
                                                  "cap_bpf,cap_net_admin,cap_perfmon+ep tlsmeter)"));
}

}  // namespace tlsmeter::agent
