// ProcFs: what /proc says of a process. One thread at a time.
#ifndef TLSMETER_SRC_ATTRIBUTION_PROC_FS_H_
#define TLSMETER_SRC_ATTRIBUTION_PROC_FS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace tlsmeter::agent {

struct ProcessFacts {
  std::string executable;  // /proc/PID/exe; empty without the right to see it (CAP_SYS_PTRACE) and for kernel threads
  std::string cgroup;      // text of /proc/PID/cgroup
};

class ProcFs {
 public:
  // ProcFs reads below `root`, the mount point of a proc file system.
  explicit ProcFs(std::string root) : root_(std::move(root)) {}

  // Read returns the facts of the process that had `pid` and started `start_time_ns` after boot; nullopt when it has ended,
  // even if another process has the pid by now.
  std::optional<ProcessFacts> Read(uint32_t pid, uint64_t start_time_ns) const;

 private:
  std::string root_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_ATTRIBUTION_PROC_FS_H_
