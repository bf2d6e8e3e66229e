// What /proc/PID/stat says of a process (proc_pid_stat(5)). Pure functions, any thread.
#ifndef TLSMETER_SRC_BASE_PROCESS_STAT_H_
#define TLSMETER_SRC_BASE_PROCESS_STAT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tlsmeter::agent {

// kNsPerTick is the unit of times in it: USER_HZ is 100 on every architecture that BPF programs of ours run on.
inline constexpr uint64_t kNsPerTick = 1'000'000'000 / 100;

// kMaxProcessStat is more than the line has: 52 numbers of at most 20 digits, and comm.
inline constexpr size_t kMaxProcessStat = 2048;

struct ProcessStat {
  uint64_t start_ticks = 0;  // since boot; with the pid it names the process for good
  bool kernel_thread = false;
};

// ParseProcessStat returns nullopt for a text that is cut short or has no number where one belongs.
std::optional<ProcessStat> ParseProcessStat(std::string_view text);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_BASE_PROCESS_STAT_H_
