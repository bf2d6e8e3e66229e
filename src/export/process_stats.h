// ProcessStats: what the kernel says of this process, for the process_* metrics. Any thread.
#ifndef TLSMETER_SRC_EXPORT_PROCESS_STATS_H_
#define TLSMETER_SRC_EXPORT_PROCESS_STATS_H_

#include <optional>
#include <string>
#include <string_view>

namespace tlsmeter::agent {

// ProcessStats holds a value for each metric; absent where /proc could not be read.
struct ProcessStats {
  std::optional<double> cpu_seconds;
  std::optional<double> resident_bytes;
  std::optional<double> virtual_bytes;
  std::optional<double> open_fds;
  std::optional<double> start_time_seconds;
};

// ReadProcessStats reads /proc/self and, for the boot time, /proc/stat.
ProcessStats ReadProcessStats();

// ParseProcessStat fills in the values of one line of /proc/PID/stat; `boot_time` is in Unix seconds. A line that is not in
// that form leaves *stats as it was. The process name in it may hold any character.
void ParseProcessStat(std::string_view line, std::optional<double> boot_time, ProcessStats* stats);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_PROCESS_STATS_H_
