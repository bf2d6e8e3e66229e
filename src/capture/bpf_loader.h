// Loads the BPF programs into the kernel: all that it takes, without those that can be spared and that it refuses.
//
// One thread at a time: libbpf reports through a callback of the whole process.
#ifndef TLSMETER_SRC_CAPTURE_BPF_LOADER_H_
#define TLSMETER_SRC_CAPTURE_BPF_LOADER_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "src/capture/hello_filter.h"
#include "src/capture/hook_table.h"
#include "src/image/uprobe_link.h"

struct tlsmeter_bpf;

namespace tlsmeter::agent {

struct BpfSkeletonDeleter {
  void operator()(tlsmeter_bpf* skeleton) const;
};

// BpfSkeleton owns the loaded programs and their maps.
using BpfSkeleton = std::unique_ptr<tlsmeter_bpf, BpfSkeletonDeleter>;

struct LoadOptions {
  uint64_t target_cgroup = 0;  // id of the cgroup v2 whose sockets are looked at, and those below; 0: all
  HelloFilter hellos;
  bool library = false;  // also the programs for probes in TLS libraries
  // How those are going to be attached; nullopt: in the best way that the kernel has.
  std::optional<UprobeAttach> uprobes;
};

struct LoadedPrograms {
  BpfSkeleton skeleton;
  HookTable hooks;  // which were loaded, none attached yet
  UprobeAttach uprobes = UprobeAttach::kMulti;
};

// LoadPrograms loads what the kernel takes. PermissionDenied names the capabilities, FailedPrecondition the kernel that is
// needed; InvalidArgument where `hellos` has too many ports.
absl::StatusOr<LoadedPrograms> LoadPrograms(const LoadOptions& options);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_BPF_LOADER_H_
