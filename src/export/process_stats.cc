#include "src/export/process_stats.h"

#include <dirent.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <vector>

namespace tlsmeter::agent {
namespace {

// Fields of /proc/PID/stat after the name, counted from `state` (proc(5): field 3).
constexpr size_t kUserTime = 11;
constexpr size_t kSystemTime = 12;
constexpr size_t kStartTime = 19;
constexpr size_t kVirtualBytes = 20;
constexpr size_t kResidentPages = 21;

std::optional<double> ReadBootTime() {
  std::ifstream file("/proc/stat");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string key;
    double seconds = 0;
    if (words >> key >> seconds && key == "btime") return seconds;
  }
  return std::nullopt;
}

std::optional<double> CountOpenFds() {
  DIR* const directory = opendir("/proc/self/fd");
  if (directory == nullptr) return std::nullopt;
  double count = 0;
  while (const dirent* const entry = readdir(directory)) {
    if (entry->d_name[0] != '.') ++count;
  }
  closedir(directory);
  return count - 1;  // without the directory itself
}

}  // namespace

void ParseProcessStat(std::string_view line, std::optional<double> boot_time, ProcessStats* stats) {
  const size_t name_end = line.rfind(") ");
  if (name_end == std::string_view::npos) return;
  std::istringstream words{std::string(line.substr(name_end + 2))};
  std::string state;
  words >> state;
  std::vector<double> fields = {0};
  double value = 0;
  while (fields.size() <= kResidentPages && words >> value) fields.push_back(value);
  if (fields.size() <= kResidentPages) return;

  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  stats->cpu_seconds = (fields[kUserTime] + fields[kSystemTime]) / ticks;
  stats->virtual_bytes = fields[kVirtualBytes];
  stats->resident_bytes = fields[kResidentPages] * static_cast<double>(sysconf(_SC_PAGESIZE));
  if (boot_time.has_value()) stats->start_time_seconds = *boot_time + fields[kStartTime] / ticks;
}

ProcessStats ReadProcessStats() {
  ProcessStats stats;
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (std::getline(file, line)) ParseProcessStat(line, ReadBootTime(), &stats);
  stats.open_fds = CountOpenFds();
  return stats;
}

}  // namespace tlsmeter::agent
