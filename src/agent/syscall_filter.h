// The system calls that a running tlsmeter may still make (seccomp(2)). Any thread; holds for it and the threads it starts.
#ifndef TLSMETER_SRC_AGENT_SYSCALL_FILTER_H_
#define TLSMETER_SRC_AGENT_SYSCALL_FILTER_H_

#include "absl/status/status.h"

namespace tlsmeter::agent {

// FilterOptions says which sensors go on attaching probes.
struct FilterOptions {
  bool library = false;       // probes are attached to TLS libraries as they appear
  bool perf_uprobes = false;  // and each through a perf event, as kernels before 6.6 want it
};

// InstallSyscallFilter allows what reading events and /proc, answering HTTP and asking a kubelet take; all else fails with
// EPERM. Refused with it: another program or process, a file opened for writing, memory that is both writable and
// executable, BPF programs and maps. Cannot be undone. The process must have PR_SET_NO_NEW_PRIVS or CAP_SYS_ADMIN.
// FailedPrecondition where the kernel has no seccomp filters.
absl::Status InstallSyscallFilter(const FilterOptions& options);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_SYSCALL_FILTER_H_
