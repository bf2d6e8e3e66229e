// What the process must be allowed to do before BPF programs can be loaded. Any thread.
#ifndef TLSMETER_SRC_CAPTURE_PRIVILEGE_H_
#define TLSMETER_SRC_CAPTURE_PRIVILEGE_H_

#include <array>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tlsmeter::agent {

// SensorCapability is one capability that a sensor needs.
struct SensorCapability {
  std::string_view name;      // "CAP_BPF", static storage
  bool held = false;          // itself, or CAP_SYS_ADMIN where that stands for it
  bool library_only = false;  // the wire sensor does without
};

// ReadCapabilities reads the CapEff line in the text of /proc/self/status. Internal when there is none.
absl::StatusOr<std::array<SensorCapability, 4>> ReadCapabilities(std::string_view proc_status);

// CheckCapabilities looks at the CapEff line in the text of /proc/self/status. PermissionDenied names each capability that
// the process lacks: CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON load and attach the programs, CAP_SYS_ADMIN in place of the
// first and the last; `library`: CAP_SYS_PTRACE, without which the processes of other users show no libraries.
absl::Status CheckCapabilities(std::string_view proc_status, bool library);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_PRIVILEGE_H_
