// Confine: gives up for good what the process needed only to begin.
//
// Capabilities belong to threads: to be called once, after the sensors are attached and the listener is bound, before any
// other thread is started. docs/security.md has the table of what stays and why.
#ifndef TLSMETER_SRC_AGENT_CONFINE_H_
#define TLSMETER_SRC_AGENT_CONFINE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "src/agent/syscall_filter.h"

namespace tlsmeter::agent {

// CapabilitiesToKeep returns, of the set `held`, what the running sensors and attribution use; bit N is capability N of
// linux/capability.h. `maps_need_bpf`: the kernel wants CAP_BPF for reading a map whose descriptor one holds.
uint64_t CapabilitiesToKeep(uint64_t held, const FilterOptions& options, bool maps_need_bpf);

// Confine sets PR_SET_NO_NEW_PRIVS, leaves CapabilitiesToKeep in the permitted and effective sets, empties the inheritable,
// the ambient and, where CAP_SETPCAP is held, the bounding set, and installs the filter of system calls. FailedPrecondition
// when another thread runs already, and nothing is done then; or when the kernel refuses a step, and the steps after it are
// not taken.
absl::Status Confine(const FilterOptions& options);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_CONFINE_H_
