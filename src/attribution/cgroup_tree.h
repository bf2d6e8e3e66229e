// CgroupTree: from the id of a cgroup, as the kernel's programs report it, to its path. One thread at a time.
#ifndef TLSMETER_SRC_ATTRIBUTION_CGROUP_TREE_H_
#define TLSMETER_SRC_ATTRIBUTION_CGROUP_TREE_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "src/capture/cgroup.h"

namespace tlsmeter::agent {

class CgroupTree {
 public:
  // Open opens the cgroup v2 root of this mount namespace. Errors as CgroupDirectory::Open says.
  static absl::StatusOr<CgroupTree> Open();

  // PathOf returns the path from the mounted root, "/" for the root itself; "" when there is no such cgroup any more or the
  // right to open by handle (CAP_DAC_READ_SEARCH) is missing. Walks nothing: three system calls.
  std::string PathOf(uint64_t id) const;

 private:
  explicit CgroupTree(CgroupDirectory root) : root_(std::move(root)) {}
  CgroupDirectory root_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_ATTRIBUTION_CGROUP_TREE_H_
