#include "src/attribution/proc_fs.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <climits>

#include "src/base/process_stat.h"
#include "src/base/read_file.h"
#include "src/base/unique_fd.h"

namespace tlsmeter::agent {
namespace {

// /proc/PID/cgroup has one path per hierarchy, of which there are at most some sixteen.
constexpr size_t kMaxProcFile = 16 * (PATH_MAX + 64);

}  // namespace

std::optional<ProcessFacts> ProcFs::Read(uint32_t pid, uint64_t start_time_ns) const {
  // The directory stays that of one process: once it has ended, nothing can be read there, whoever has the pid.
  const UniqueFd process(open((root_ + "/" + std::to_string(pid)).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!process.ok()) return std::nullopt;
  const std::optional<std::string> text = ReadFileAt(process.get(), "stat", kMaxProcessStat);
  const std::optional<ProcessStat> stat = ParseProcessStat(text.value_or(""));
  if (!stat.has_value() || stat->start_ticks != start_time_ns / kNsPerTick) return std::nullopt;
  std::optional<std::string> cgroup = ReadFileAt(process.get(), "cgroup", kMaxProcFile);
  if (!cgroup.has_value()) return std::nullopt;

  ProcessFacts facts{.executable = "", .cgroup = *std::move(cgroup)};
  std::array<char, PATH_MAX> path;
  const ssize_t length = readlinkat(process.get(), "exe", path.data(), path.size());
  if (length > 0) facts.executable.assign(path.data(), static_cast<size_t>(length));
  return facts;
}

}  // namespace tlsmeter::agent
