#include "src/attribution/cgroup_tree.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "src/base/unique_fd.h"

namespace tlsmeter::agent {
namespace {

// The type of file handles in cgroup file systems: eight bytes, the id (include/linux/exportfs.h, FILEID_KERNFS; handles by
// id alone since kernel 5.5).
constexpr int kFileIdKernfs = 0xfe;

}  // namespace

absl::StatusOr<CgroupTree> CgroupTree::Open() {
  absl::StatusOr<CgroupDirectory> root = CgroupDirectory::Open("");
  if (!root.ok()) return root.status();
  return CgroupTree(*std::move(root));
}

std::string CgroupTree::PathOf(uint64_t id) const {
  alignas(file_handle) std::array<std::byte, sizeof(file_handle) + sizeof(id)> storage = {};
  auto* const handle = reinterpret_cast<file_handle*>(storage.data());
  handle->handle_bytes = sizeof(id);
  handle->handle_type = kFileIdKernfs;
  std::memcpy(storage.data() + offsetof(file_handle, f_handle), &id, sizeof(id));
  const UniqueFd cgroup(open_by_handle_at(root_.fd(), handle, O_PATH | O_CLOEXEC));
  if (!cgroup.ok()) return "";

  std::array<char, PATH_MAX> buffer;
  const std::string link = "/proc/self/fd/" + std::to_string(cgroup.get());
  const ssize_t length = readlink(link.c_str(), buffer.data(), buffer.size());
  if (length <= 0) return "";
  std::string_view path(buffer.data(), static_cast<size_t>(length));
  // A cgroup outside what is mounted here has no path from here.
  if (!path.starts_with(root_.path())) return "";
  path.remove_prefix(root_.path().size());
  if (path.empty()) return "/";
  return path.front() == '/' ? std::string(path) : "";
}

}  // namespace tlsmeter::agent
