// What this machine takes for a system call and for a trap of a uprobe, by whether the kernel emulates the probed
// instruction or runs a copy of it in a single step. Traps are a large part of what the library sensor costs, and some
// virtual machines take ten times as long for one as others. Probes itself only, without a BPF program; needs root.

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "src/base/unique_fd.h"

extern "C" {
void EmulatedInstruction();
void SteppedInstruction();
}
#if defined(__x86_64__)
asm(".text\nEmulatedInstruction: nop\nret\nSteppedInstruction: xor %eax, %eax\nret\n");
#else
asm(".text\nEmulatedInstruction: nop\nret\nSteppedInstruction: add x0, x0, #0\nret\n");
#endif

namespace {

constexpr int kCalls = 100'000;

template <typename Function>
double NanosecondsOf(Function function) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kCalls; ++i) function();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() / kCalls;
}

// Where the code at `function` lies in this program's file; 0 when it is in none.
uint64_t FileOffset(void (*function)()) {
  const auto address = reinterpret_cast<uint64_t>(function);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0, end = 0, offset = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx %*s %lx", &begin, &end, &offset) == 3 && address >= begin && address < end) {
      return address - begin + offset;
    }
  }
  return 0;
}

// A uprobe on that place, in this process alone, for as long as it lives; not open when there can be none.
tlsmeter::agent::UniqueFd Probe(void (*function)()) {
  perf_event_attr attr = {};
  attr.size = sizeof(attr);
  std::ifstream("/sys/bus/event_source/devices/uprobe/type") >> attr.type;
  attr.config1 = reinterpret_cast<uint64_t>("/proc/self/exe");
  attr.config2 = FileOffset(function);
  if (attr.type == 0 || attr.config2 == 0) {
    errno = ENOENT;
    return {};
  }
  return tlsmeter::agent::UniqueFd(static_cast<int>(syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC)));
}

int Measure(const char* what, void (*function)()) {
  const double plain = NanosecondsOf(function);
  const tlsmeter::agent::UniqueFd probe = Probe(function);
  if (!probe.ok()) {
    std::fprintf(stderr, "trap_bench: no uprobe on itself: %s\n", std::strerror(errno));
    return 1;
  }
  std::printf("%s: %.0f ns\n", what, NanosecondsOf(function) - plain);
  return 0;
}

}  // namespace

int main() {
  std::printf("system call: %.0f ns\n", NanosecondsOf([] { syscall(SYS_getppid); }));
  const int failed = Measure("trap, emulated", EmulatedInstruction);
  return failed != 0 ? failed : Measure("trap, single-stepped", SteppedInstruction);
}
