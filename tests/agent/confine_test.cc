#include "src/agent/confine.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <thread>

namespace tlsmeter::agent {
namespace {

constexpr FilterOptions kWire = {};
constexpr FilterOptions kLibrary = {.library = true};
constexpr FilterOptions kPerfLibrary = {.library = true, .perf_uprobes = true};

constexpr uint64_t kAll = (uint64_t{1} << (CAP_LAST_CAP + 1)) - 1;

uint64_t Set(std::initializer_list<int> capabilities) {
  uint64_t set = 0;
  for (const int capability : capabilities) set |= uint64_t{1} << capability;
  return set;
}

// A filter cannot be taken off again: `body` runs in a process of its own, which ends with what it returns.
int InChild(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

constexpr int kNoFilter = 77;

// What `call`, which returns -1 where it fails, gives as errno under the filter; 0 where it succeeds.
int ErrorUnderFilter(const FilterOptions& options, const std::function<int64_t()>& call) {
  return InChild([&] {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !InstallSyscallFilter(options).ok()) return kNoFilter;
    return call() == -1 ? errno : 0;
  });
}

// The bytes of an empty bpf_attr: a command that is let through complains of them, or of missing privilege where it has one.
int64_t Bpf(int command) {
  bpf_attr attr = {};
  attr.map_fd = UINT32_MAX;
  return syscall(SYS_bpf, command, &attr, sizeof(attr));
}

int64_t Map(int protection) {
  return mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

TEST(CapabilitiesToKeepTest, WireKeepsWhatAttributionReadsWith) {
  EXPECT_EQ(CapabilitiesToKeep(kAll, kWire, false), Set({CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH}));
}

TEST(CapabilitiesToKeepTest, WireKeepsNothingOfWhatItAttachedWith) {
  EXPECT_EQ(CapabilitiesToKeep(Set({CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON}), kWire, false), 0u);
}

TEST(CapabilitiesToKeepTest, WireKeepsBpfWhereTheKernelWantsItForMaps) {
  EXPECT_EQ(CapabilitiesToKeep(Set({CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON}), kWire, true), Set({CAP_BPF}));
}

TEST(CapabilitiesToKeepTest, LibraryKeepsWhatAttachingToAnotherImageTakes) {
  EXPECT_EQ(CapabilitiesToKeep(kAll, kLibrary, false),
            Set({CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_CHECKPOINT_RESTORE}));
}

TEST(CapabilitiesToKeepTest, PerfUprobesKeepTheAdministratorsRight) {
  EXPECT_EQ(CapabilitiesToKeep(kAll, kPerfLibrary, false) & ~CapabilitiesToKeep(kAll, kLibrary, false),
            Set({CAP_SYS_ADMIN}));
}

TEST(CapabilitiesToKeepTest, TheAdministratorsRightStandsForTheOnesThatAreNotHeld) {
  const uint64_t old = Set({CAP_SYS_ADMIN, CAP_NET_ADMIN});
  EXPECT_EQ(CapabilitiesToKeep(old, kWire, false), 0u);
  EXPECT_EQ(CapabilitiesToKeep(old, kWire, true), Set({CAP_SYS_ADMIN}));
  EXPECT_EQ(CapabilitiesToKeep(old, kLibrary, false), Set({CAP_SYS_ADMIN}));
}

TEST(CapabilitiesToKeepTest, NothingComesOfNothing) { EXPECT_EQ(CapabilitiesToKeep(0, kPerfLibrary, true), 0u); }

TEST(SyscallFilterTest, NoOtherProcess) {
  EXPECT_EQ(ErrorUnderFilter(kPerfLibrary, [] { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }), EPERM);
  EXPECT_EQ(ErrorUnderFilter(kPerfLibrary, [] { return kill(getppid(), 0); }), EPERM);
}

TEST(SyscallFilterTest, ThreadsStart) {
  EXPECT_EQ(ErrorUnderFilter(kWire,
                             [] {
                               std::thread([] {}).join();
                               return 0;
                             }),
            0);
}

TEST(SyscallFilterTest, FilesAreOnlyRead) {
  EXPECT_EQ(ErrorUnderFilter(kPerfLibrary, [] { return open("/dev/null", O_RDONLY | O_CLOEXEC); }), 0);
  EXPECT_EQ(ErrorUnderFilter(kPerfLibrary, [] { return open("/dev/null", O_WRONLY); }), EPERM);
  EXPECT_EQ(ErrorUnderFilter(kPerfLibrary, [] { return open("/dev/null", O_RDWR); }), EPERM);
  EXPECT_EQ(ErrorUnderFilter(kPerfLibrary, [] { return open("/dev/null", O_RDONLY | O_TRUNC); }), EPERM);
  EXPECT_EQ(ErrorUnderFilter(kPerfLibrary, [] { return open("/tmp", O_TMPFILE | O_RDWR, 0600); }), EPERM);
  EXPECT_EQ(ErrorUnderFilter(kPerfLibrary, [] { return unlink("/nonexistent"); }), EPERM);
  EXPECT_EQ(ErrorUnderFilter(kPerfLibrary, [] { return chmod("/nonexistent", 0); }), EPERM);
}

TEST(SyscallFilterTest, NoMemoryIsBothWritableAndExecutable) {
  EXPECT_EQ(ErrorUnderFilter(kWire, [] { return Map(PROT_READ | PROT_WRITE); }), 0);
  EXPECT_EQ(ErrorUnderFilter(kWire, [] { return Map(PROT_READ | PROT_EXEC); }), 0);  // a library that is loaded late
  EXPECT_EQ(ErrorUnderFilter(kWire, [] { return Map(PROT_WRITE | PROT_EXEC); }), EPERM);
}

TEST(SyscallFilterTest, OnlyOrdinarySockets) {
  EXPECT_EQ(ErrorUnderFilter(kWire, [] { return socket(AF_INET, SOCK_STREAM, 0); }), 0);
  EXPECT_EQ(ErrorUnderFilter(kWire, [] { return socket(AF_PACKET, SOCK_RAW, 0); }), EPERM);
  EXPECT_EQ(ErrorUnderFilter(kWire, [] { return listen(-1, 1); }), EPERM);
}

TEST(SyscallFilterTest, BpfIsWhatTheSensorsDo) {
  if (ErrorUnderFilter(kWire, [] { return Bpf(BPF_MAP_LOOKUP_ELEM); }) == EPERM) {
    GTEST_SKIP() << "bpf(2) is refused here by something else";
  }
  for (const FilterOptions& options : {kWire, kLibrary, kPerfLibrary}) {
    for (const int command :
         {BPF_PROG_LOAD, BPF_MAP_CREATE, BPF_OBJ_PIN, BPF_OBJ_GET, BPF_PROG_ATTACH, BPF_PROG_DETACH, BPF_PROG_GET_FD_BY_ID,
          BPF_MAP_GET_FD_BY_ID, BPF_LINK_GET_FD_BY_ID, BPF_BTF_LOAD, BPF_RAW_TRACEPOINT_OPEN}) {
      EXPECT_EQ(ErrorUnderFilter(options, [&] { return Bpf(command); }), EPERM) << command;
    }
  }
  EXPECT_EQ(ErrorUnderFilter(kWire, [] { return Bpf(BPF_MAP_UPDATE_ELEM); }), EPERM);
  EXPECT_EQ(ErrorUnderFilter(kLibrary, [] { return Bpf(BPF_MAP_UPDATE_ELEM); }), EBADF);
}

TEST(SyscallFilterTest, PerfEventsAreForKernelsThatNeedThem) {
  const auto open_event = [] { return syscall(SYS_perf_event_open, nullptr, -1, 0, -1, 0); };
  EXPECT_EQ(ErrorUnderFilter(kLibrary, open_event), EPERM);
  EXPECT_EQ(ErrorUnderFilter(kPerfLibrary, open_event), EFAULT);
}

int64_t Execute() {
  char name[] = "/bin/true";
  char* const argv[] = {name, nullptr};
  return execve(name, argv, nullptr);
}

int64_t MakeMap() {
  bpf_attr attr = {};
  attr.map_type = BPF_MAP_TYPE_ARRAY;
  attr.key_size = attr.value_size = 4;
  attr.max_entries = 1;
  return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

// "return 0", as a socket filter: the one program that needs the least.
int64_t LoadProgram() {
  const bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0},
                           {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  bpf_attr attr = {};
  attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attr.insns = reinterpret_cast<uint64_t>(code);
  attr.insn_cnt = 2;
  attr.license = reinterpret_cast<uint64_t>("Dual BSD/GPL");
  return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

int64_t ReadParent() {
  char byte = 0;
  const iovec here = {&byte, 1};
  return process_vm_readv(getppid(), &here, 1, &here, 1, 0);
}

struct Call {
  const char* name;
  int64_t (*make)();  // -1 with errno where it fails
};
constexpr Call kRefused[] = {
    {"execve", Execute},
    {"BPF_MAP_CREATE", MakeMap},
    {"BPF_PROG_LOAD", LoadProgram},
    {"PTRACE_TRACEME", [] { return int64_t{ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)}; }},
    {"PTRACE_SEIZE", [] { return int64_t{ptrace(PTRACE_SEIZE, getppid(), nullptr, nullptr)}; }},
    {"process_vm_readv", ReadParent},
    {"memfd_create", [] { return int64_t{memfd_create("x", 0)}; }},
    {"unshare", [] { return int64_t{unshare(CLONE_FILES)}; }},
    {"socket(AF_PACKET)", [] { return int64_t{socket(AF_PACKET, SOCK_RAW, 0)}; }},
};

// Each succeeds without Confine, so that nothing else can be what refuses it.
TEST(ConfineTest, RefusesWhatTheProcessCouldDoBefore) {
  int proven = 0;
  for (const Call& call : kRefused) {
    if (InChild([&] { return call.make() == -1 ? errno : 0; }) != 0) continue;  // refused here by something else too
    ++proven;
    for (const FilterOptions& options : {kWire, kLibrary, kPerfLibrary}) {
      EXPECT_EQ(InChild([&] {
                  if (!Confine(options).ok()) return kNoFilter;
                  return call.make() == -1 ? errno : 0;
                }),
                EPERM)
          << call.name;
    }
  }
  RecordProperty("proven", proven);
  EXPECT_GE(proven, 4) << "no more than this can be done here without any privilege";
}

TEST(ConfineTest, RefusesWhereAnotherThreadRuns) {
  EXPECT_EQ(InChild([] {
              std::thread other([] { pause(); });
              const bool refused = absl::IsFailedPrecondition(Confine(kWire));
              const bool untouched = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
              _exit(refused && untouched ? 0 : 1);
              return 0;
            }),
            0);
}

TEST(ConfineTest, LeavesNoCapabilityThatIsNotKept) {
  EXPECT_EQ(InChild([] {
              if (!Confine(kWire).ok()) return 1;
              __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
              __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
              if (syscall(SYS_capget, &header, data) != 0) return 2;
              const uint64_t permitted = data[0].permitted | uint64_t{data[1].permitted} << 32;
              const uint64_t left = permitted & ~Set({CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_BPF});
              return left == 0 && data[0].inheritable == 0 && data[1].inheritable == 0 ? 0 : 3;
            }),
            0);
}

}  // namespace
}  // namespace tlsmeter::agent
