// Finding and naming cgroup v2 directories. Any thread.
#ifndef TLSMETER_SRC_CAPTURE_CGROUP_H_
#define TLSMETER_SRC_CAPTURE_CGROUP_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tlsmeter::agent {

// ParseCgroup2Mount returns the mount point of the first cgroup2 file system in the text of /proc/self/mountinfo, "" when
// there is none. In hybrid trees it is not at /sys/fs/cgroup.
std::string ParseCgroup2Mount(std::string_view mountinfo);

// CgroupDirectory is an open cgroup v2 directory. Owns the descriptor.
class CgroupDirectory {
 public:
  // Open opens `path`, or the cgroup v2 root of this mount namespace when `path` is empty. NotFound or InvalidArgument name
  // the path and what to do; FailedPrecondition when no cgroup v2 is mounted.
  static absl::StatusOr<CgroupDirectory> Open(const std::string& path);

  ~CgroupDirectory();
  CgroupDirectory(CgroupDirectory&& other) noexcept;
  CgroupDirectory& operator=(CgroupDirectory&&) = delete;

  int fd() const { return fd_; }
  const std::string& path() const { return path_; }
  // id is the cgroup's id in the kernel: the directory's inode number. 1 is the root of the hierarchy.
  uint64_t id() const { return id_; }

 private:
  CgroupDirectory(int fd, std::string path, uint64_t id) : fd_(fd), path_(std::move(path)), id_(id) {}
  int fd_;
  std::string path_;
  uint64_t id_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_CGROUP_H_
