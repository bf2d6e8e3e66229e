#include "src/agent/syscall_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {
namespace {

// Allowed with any arguments. A name that an architecture does not have is passed over.
constexpr std::array kAllowed = {
    // Files: read only, by the rule for openat(2) below.
    "read", "readv", "pread64", "preadv", "write", "writev", "close", "lseek", "fstat", "newfstatat", "statx", "fstatfs",
    "statfs", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "fadvise64", "dup", "dup3",
    "fcntl", "pipe2",
    // Images are watched for changes.
    "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
    // Memory; mmap(2) and mprotect(2) have rules below.
    "brk", "munmap", "mremap", "madvise", "membarrier",
    // Threads.
    "futex", "set_robust_list", "set_tid_address", "rseq", "gettid", "getpid", "sched_yield", "sched_getaffinity", "getcpu",
    "exit", "exit_group", "restart_syscall",
    // Signals.
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
    // Time and waiting.
    "clock_gettime", "clock_getres", "gettimeofday", "time", "nanosleep", "clock_nanosleep", "poll", "ppoll", "select",
    "pselect6", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2", "timerfd_create",
    "timerfd_settime",
    // Network; socket(2) has a rule below. bind(2) is for the netlink socket of getaddrinfo(3), and a new listener cannot be
    // made of it: listen(2) is missing.
    "connect", "accept", "accept4", "bind", "getsockname", "getpeername", "getsockopt", "setsockopt", "shutdown", "sendto",
    "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg",
    // About itself.
    "getuid", "geteuid", "getgid", "getegid", "getrusage", "sysinfo", "uname", "getrandom", "capget"};

// What the wire sensor reads: counters, and how full its maps are.
constexpr std::array kReadCommands = {BPF_MAP_LOOKUP_ELEM, BPF_MAP_GET_NEXT_KEY, BPF_OBJ_GET_INFO_BY_FD};

// What attaching to another image takes.
constexpr std::array kAttachCommands = {BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM, BPF_LINK_CREATE};

// Sockets for clients and the kubelet, and those that resolving a name takes.
constexpr std::array kSocketFamilies = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK};

// Non-blocking sockets; the size and the modes of a terminal.
constexpr std::array<uint32_t, 7> kIoctls = {FIONBIO, FIONREAD, TIOCGWINSZ, TCGETS, TCSETS, TCSETSW, TCSETSF};

constexpr std::array<uint32_t, 3> kPerfIoctls = {PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_DISABLE, PERF_EVENT_IOC_SET_BPF};

constexpr int kSetVma = 0x53564d41;  // PR_SET_VMA, by which libraries name their memory

// Filter builds a filter; the first error is kept and told at the end.
class Filter {
 public:
  // seccomp_init cannot fail but for want of memory.
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM)), &seccomp_release) {
    if (context_ == nullptr) error_ = ENOMEM;
  }

  void Allow(const char* name, const std::vector<scmp_arg_cmp>& conditions = {}) { Add(SCMP_ACT_ALLOW, name, conditions); }

  // AllowWhere allows calls whose argument `argument` is `value`.
  template <typename Value>
  void AllowWhere(const char* name, unsigned argument, Value value) {
    AllowMasked(name, argument, UINT32_MAX, static_cast<uint32_t>(value));
  }

  // AllowMasked allows calls of whose argument the bits of `mask` are those of `bits`. The upper half is not looked at: the
  // arguments meant are of 32 bits, and the kernel passes over the rest too.
  void AllowMasked(const char* name, unsigned argument, uint32_t mask, uint32_t bits) {
    Allow(name, {SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, mask, bits)});
  }

  void Add(uint32_t action, const char* name, const std::vector<scmp_arg_cmp>& conditions = {}) {
    const int number = seccomp_syscall_resolve_name(name);
    if (error_ != 0 || number == __NR_SCMP_ERROR) return;
    error_ =
        -seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(conditions.size()), conditions.data());
  }

  int Load() { return error_ != 0 ? error_ : -seccomp_load(context_.get()); }

 private:
  std::unique_ptr<void, decltype(&seccomp_release)> context_;
  int error_ = 0;
};

void AddMemoryRules(Filter* filter) {
  for (const int protection : {0, PROT_WRITE, PROT_EXEC}) {
    filter->AllowMasked("mmap", 2, PROT_WRITE | PROT_EXEC, static_cast<uint32_t>(protection));
  }
  filter->AllowMasked("mprotect", 2, PROT_EXEC, 0);
}

void AddThreadRules(Filter* filter) {
  filter->AllowMasked("clone", 0, CLONE_THREAD, CLONE_THREAD);
  // Its flags lie in memory, out of a filter's sight; on ENOSYS the C library turns to clone(2).
  filter->Add(SCMP_ACT_ERRNO(ENOSYS), "clone3");
  filter->AllowWhere("tgkill", 0, getpid());  // abort(3), raise(3)
  filter->AllowWhere("setpriority", 0, PRIO_PROCESS);
  for (const int option : {PR_SET_NAME, PR_GET_NAME, kSetVma}) filter->AllowWhere("prctl", 0, option);
  // getrlimit(3): a limit is asked for, none is set.
  filter->Allow("prlimit64", {SCMP_CMP64(2, SCMP_CMP_EQ, 0, 0)});
}

void AddBpfRules(Filter* filter, const FilterOptions& options) {
  for (const bpf_cmd command : kReadCommands) filter->AllowWhere("bpf", 0, command);
  if (!options.library) return;
  for (const bpf_cmd command : kAttachCommands) filter->AllowWhere("bpf", 0, command);
  if (!options.perf_uprobes) return;
  filter->Allow("perf_event_open");
  for (const uint32_t request : kPerfIoctls) filter->AllowWhere("ioctl", 1, request);
}

}  // namespace

absl::Status InstallSyscallFilter(const FilterOptions& options) {
  Filter filter;
  for (const char* name : kAllowed) filter.Allow(name);
  // Not for writing, and nothing is made or cut short.
  filter.AllowMasked("openat", 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
  filter.AllowMasked("open_by_handle_at", 2, O_ACCMODE, O_RDONLY);  // from the id of a cgroup to its path
  AddMemoryRules(&filter);
  AddThreadRules(&filter);
  for (const int family : kSocketFamilies) filter.AllowWhere("socket", 0, family);
  for (const uint32_t request : kIoctls) filter.AllowWhere("ioctl", 1, request);
  AddBpfRules(&filter, options);
  if (const int error = filter.Load(); error != 0) {
    return absl::FailedPreconditionError(absl::StrCat("the kernel takes no system call filter: ", strerror(error)));
  }
  return absl::OkStatus();
}

}  // namespace tlsmeter::agent
