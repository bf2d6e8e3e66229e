#include "src/attribution/proc_fs.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <climits>
#include <string_view>

#include "src/base/read_file.h"
#include "src/base/unique_fd.h"

namespace tlsmeter::agent {
namespace {

// /proc/PID/stat is one line; /proc/PID/cgroup has one path per hierarchy, of which there are at most some sixteen.
constexpr size_t kMaxProcFile = 16 * (PATH_MAX + 64);

// Times in /proc/PID/stat are in units of USER_HZ, which is 100 on every architecture that BPF programs of ours run on.
constexpr uint64_t kNsPerTick = 1'000'000'000 / 100;

// Field 22 of /proc/PID/stat, the start in ticks since boot (proc_pid_stat(5)). comm, field 2, is in parentheses and may
// hold anything, also parentheses and spaces: fields are counted from the last one.
std::optional<uint64_t> StartTicks(std::string_view stat) {
  const size_t end = stat.rfind(')');
  if (end == std::string_view::npos) return std::nullopt;
  stat.remove_prefix(end + 1);
  for (int field = 2; field < 22; ++field) {
    const size_t space = stat.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    stat.remove_prefix(space + 1);
  }
  uint64_t ticks = 0;
  if (std::from_chars(stat.data(), stat.data() + stat.size(), ticks).ec != std::errc()) return std::nullopt;
  return ticks;
}

}  // namespace

std::optional<ProcessFacts> ProcFs::Read(uint32_t pid, uint64_t start_time_ns) const {
  // The directory stays that of one process: once it has ended, nothing can be read there, whoever has the pid.
  const UniqueFd process(open((root_ + "/" + std::to_string(pid)).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!process.ok()) return std::nullopt;
  const std::optional<std::string> stat = ReadFileAt(process.get(), "stat", kMaxProcFile);
  if (!stat.has_value() || StartTicks(*stat) != start_time_ns / kNsPerTick) return std::nullopt;
  std::optional<std::string> cgroup = ReadFileAt(process.get(), "cgroup", kMaxProcFile);
  if (!cgroup.has_value()) return std::nullopt;

  ProcessFacts facts{.executable = "", .cgroup = *std::move(cgroup)};
  std::array<char, PATH_MAX> path;
  const ssize_t length = readlinkat(process.get(), "exe", path.data(), path.size());
  if (length > 0) facts.executable.assign(path.data(), static_cast<size_t>(length));
  return facts;
}

}  // namespace tlsmeter::agent
