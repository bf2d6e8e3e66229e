#include "src/agent/confine.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {
namespace {

constexpr uint64_t Bit(int capability) { return uint64_t{1} << capability; }

struct CapabilitySets {
  uint64_t effective = 0;
  uint64_t permitted = 0;
};

absl::Status Refused(std::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(std::string(what), ": ", strerror(errno)));
}

// Version 3 has two elements of 32 bits each (capget(2)); the C library has no wrapper.
using CapabilityData = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

absl::Status GetCapabilities(CapabilitySets* sets) {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  CapabilityData data = {};
  if (syscall(SYS_capget, &header, data.data()) != 0) return Refused("capget");
  sets->effective = data[0].effective | uint64_t{data[1].effective} << 32;
  sets->permitted = data[0].permitted | uint64_t{data[1].permitted} << 32;
  return absl::OkStatus();
}

// The inheritable set is emptied.
absl::Status SetCapabilities(const CapabilitySets& sets) {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  CapabilityData data = {};
  data[0].effective = static_cast<uint32_t>(sets.effective);
  data[0].permitted = static_cast<uint32_t>(sets.permitted);
  data[1].effective = static_cast<uint32_t>(sets.effective >> 32);
  data[1].permitted = static_cast<uint32_t>(sets.permitted >> 32);
  return syscall(SYS_capset, &header, data.data()) == 0 ? absl::OkStatus() : Refused("capset");
}

// Since kernel 5.19 CAP_BPF is asked for where something is made, not where what one holds is read. The question is asked
// before the descriptor is looked at, so none is needed to find out: EBADF is the answer of those that let us. To be called
// without effective capabilities.
bool MapsNeedBpf() {
  uint64_t key = 0;
  bpf_attr attr = {};
  attr.map_fd = UINT32_MAX;
  attr.key = reinterpret_cast<uint64_t>(&key);
  attr.next_key = reinterpret_cast<uint64_t>(&key);
  return syscall(SYS_bpf, BPF_MAP_GET_NEXT_KEY, &attr, sizeof(attr)) != 0 && errno == EPERM;
}

// The links of /proc/self/task are ".", ".." and one for each thread.
bool IsSingleThreaded() {
  struct stat st;
  return stat("/proc/self/task", &st) == 0 && st.st_nlink == 3;
}

absl::Status EmptyBoundingSet() {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return Refused("PR_CAPBSET_DROP");
  }
  return absl::OkStatus();
}

absl::Status DropCapabilities(const FilterOptions& options) {
  CapabilitySets sets;
  if (absl::Status s = GetCapabilities(&sets); !s.ok()) return s;
  if (sets.effective & Bit(CAP_SETPCAP)) {
    if (absl::Status s = EmptyBoundingSet(); !s.ok()) return s;
  }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return Refused("PR_CAP_AMBIENT_CLEAR_ALL");
  if (absl::Status s = SetCapabilities({.effective = 0, .permitted = sets.permitted}); !s.ok()) return s;
  const uint64_t keep = CapabilitiesToKeep(sets.permitted, options, MapsNeedBpf());
  return SetCapabilities({.effective = keep, .permitted = keep});
}

}  // namespace

uint64_t CapabilitiesToKeep(uint64_t held, const FilterOptions& options, bool maps_need_bpf) {
  // Attribution: the executable of another user's process; a cgroup by its handle, and bundles of container runtimes.
  uint64_t wanted = Bit(CAP_SYS_PTRACE) | Bit(CAP_DAC_READ_SEARCH);
  uint64_t bpf = maps_need_bpf ? Bit(CAP_BPF) : 0;
  if (options.library) {
    bpf |= Bit(CAP_BPF) | Bit(CAP_PERFMON);
    wanted |= Bit(CAP_CHECKPOINT_RESTORE);  // /proc/PID/map_files
  }
  wanted |= bpf;
  // Perf uprobes are the administrator's since the fix of CVE-2025-38466; and who was given CAP_SYS_ADMIN in place of the
  // capabilities that were split off it has nothing else.
  if (options.perf_uprobes || (bpf & ~held) != 0) wanted |= Bit(CAP_SYS_ADMIN);
  return held & wanted;
}

absl::Status Confine(const FilterOptions& options) {
  if (!IsSingleThreaded()) return absl::FailedPreconditionError("another thread runs already");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Refused("PR_SET_NO_NEW_PRIVS");
  if (absl::Status s = DropCapabilities(options); !s.ok()) return s;
  return InstallSyscallFilter(options);
}

}  // namespace tlsmeter::agent
