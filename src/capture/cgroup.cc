#include "src/capture/cgroup.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tlsmeter::agent {
namespace {

// mountinfo writes space, tab, newline and backslash as \ooo.
std::string UnescapeOctal(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 3 < text.size();
    if (!escape) {
      out.push_back(text[i]);
      continue;
    }
    out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
    i += 3;
  }
  return out;
}

}  // namespace

std::string ParseCgroup2Mount(std::string_view mountinfo) {
  // 36 35 98:0 ROOT MOUNT_POINT OPTIONS [OPTIONAL...] - TYPE SOURCE SUPER_OPTIONS (proc_pid_mountinfo(5))
  while (!mountinfo.empty()) {
    const size_t end = mountinfo.find('\n');
    const std::string_view line = mountinfo.substr(0, end);
    mountinfo.remove_prefix(end == std::string_view::npos ? mountinfo.size() : end + 1);
    const std::vector<std::string> fields = absl::StrSplit(absl::string_view(line.data(), line.size()), ' ');
    size_t dash = 6;
    while (dash < fields.size() && fields[dash] != "-") ++dash;
    if (dash + 1 < fields.size() && fields[dash + 1] == "cgroup2") return UnescapeOctal(fields[4]);
  }
  return "";
}

absl::StatusOr<CgroupDirectory> CgroupDirectory::Open(const std::string& path) {
  std::string directory = path;
  if (directory.empty()) {
    std::ifstream file("/proc/self/mountinfo");
    const std::string mountinfo{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    directory = ParseCgroup2Mount(mountinfo);
    if (directory.empty()) {
      return absl::FailedPreconditionError(
          "no cgroup v2 file system is mounted: mount one (mount -t cgroup2 none /sys/fs/cgroup) or name a directory with "
          "--cgroup");
    }
  }
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return absl::InvalidArgumentError(absl::StrCat("cannot open cgroup directory ", directory, ": ", strerror(errno),
                                                   "; name an existing one with --cgroup"));
  }
  CgroupDirectory cgroup(fd, directory, 0);
  struct statfs fs;
  struct stat st;
  if (fstatfs(fd, &fs) != 0 || fstat(fd, &st) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("cannot examine ", directory, ": ", strerror(errno)));
  }
  if (fs.f_type != CGROUP2_SUPER_MAGIC) {
    return absl::InvalidArgumentError(absl::StrCat(
        directory, " is not in a cgroup v2 hierarchy; /proc/self/mountinfo says where one of type cgroup2 is mounted"));
  }
  cgroup.id_ = st.st_ino;
  return cgroup;
}

CgroupDirectory::CgroupDirectory(CgroupDirectory&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), id_(other.id_) {}

CgroupDirectory::~CgroupDirectory() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace tlsmeter::agent
