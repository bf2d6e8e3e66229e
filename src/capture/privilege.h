// What the process must be allowed to do before BPF programs can be loaded. Any thread.
#ifndef TLSMETER_SRC_CAPTURE_PRIVILEGE_H_
#define TLSMETER_SRC_CAPTURE_PRIVILEGE_H_

#include <array>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tlsmeter::agent {

// WireCapability is one capability that the wire sensor needs to load and attach its programs.
struct WireCapability {
  std::string_view name;  // "CAP_BPF", static storage
  bool held = false;      // itself, or CAP_SYS_ADMIN where that stands for it
};

// ReadWireCapabilities reads the CapEff line in the text of /proc/self/status. Internal when there is none.
absl::StatusOr<std::array<WireCapability, 3>> ReadWireCapabilities(std::string_view proc_status);

// CheckCapabilities looks at the CapEff line in the text of /proc/self/status. PermissionDenied names each capability that
// the wire sensor needs and the process lacks: CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON, or CAP_SYS_ADMIN in place of them.
absl::Status CheckCapabilities(std::string_view proc_status);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_PRIVILEGE_H_
