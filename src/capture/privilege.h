// What the process must be allowed to do before BPF programs can be loaded. Any thread.
#ifndef TLSMETER_SRC_CAPTURE_PRIVILEGE_H_
#define TLSMETER_SRC_CAPTURE_PRIVILEGE_H_

#include <string_view>

#include "absl/status/status.h"

namespace tlsmeter::agent {

// CheckCapabilities looks at the CapEff line in the text of /proc/self/status. PermissionDenied names each capability that
// the wire sensor needs and the process lacks: CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON, or CAP_SYS_ADMIN in place of them.
absl::Status CheckCapabilities(std::string_view proc_status);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_PRIVILEGE_H_
