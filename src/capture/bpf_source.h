// BpfSource: the live source. Loads and attaches the BPF programs, drains their ring buffer and reads their counters.
//
// Everything it attaches is a link that the kernel drops with the descriptor: destroying the source, or the death of the
// process in any way, detaches all of it. One thread uses a source.
#ifndef TLSMETER_SRC_CAPTURE_BPF_SOURCE_H_
#define TLSMETER_SRC_CAPTURE_BPF_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/capture/chunk.h"
#include "src/capture/hello_filter.h"
#include "src/capture/hook_table.h"
#include "src/capture/library_event.h"
#include "src/capture/library_sensor.h"
#include "src/capture/source_counters.h"
#include "src/image/process_maps.h"

namespace tlsmeter::agent {

struct BpfSourceOptions {
  std::string cgroup_path;    // watch sockets of this cgroup v2 directory and below; empty = all
  bool measure_time = false;  // let the kernel time each program run (costs some 50 ns a run)
  bool library = false;       // also load the programs for probes in TLS libraries
  // How to attach those; nullopt: in the best way that the kernel has. A test sets it.
  std::optional<UprobeAttach> uprobes = std::nullopt;
  HelloFilter hellos;
};

struct ProgramStats {
  std::string program;
  uint64_t runs = 0;
  uint64_t run_time_ns = 0;
};

struct MapStats {
  std::string map;
  uint64_t entries = 0;  // in use now
  uint64_t max_entries = 0;
};

class BpfSource {
 public:
  // Open loads and attaches. PermissionDenied names the missing capability, FailedPrecondition the missing kernel feature,
  // InvalidArgument a wrong cgroup. Programs that this kernel lacks are left out and said in hooks(); only the packet hooks
  // are indispensable.
  static absl::StatusOr<std::unique_ptr<BpfSource>> Open(const BpfSourceOptions& options);
  virtual ~BpfSource() = default;

  // Takers are called with what the rings hold. Views in it are valid during the call only.
  struct Takers {
    absl::FunctionRef<void(const Chunk&)> chunk;
    absl::FunctionRef<void(const LibraryEvent&)> library;
    absl::FunctionRef<void(const MappingEvent&)> mapping;
  };

  // Poll waits up to `timeout_ms`, less when a ring fills or a file is mapped that is not known, then hands over everything
  // that is in the rings, each in its ring's order.
  virtual absl::Status Poll(int timeout_ms, const Takers& takers) = 0;

  // library is where images are configured and what their probes are attached with; null when options.library was false or
  // the kernel refused the program, which hooks() then says. Lives as long as the source.
  virtual LibrarySensor* library() = 0;

  virtual const std::vector<Hook>& hooks() const = 0;
  // counters sums the programs' per-CPU counters and adds the decoder's own.
  virtual std::vector<SourceCounter> counters() const = 0;
  // program_stats is empty unless options.measure_time.
  virtual std::vector<ProgramStats> program_stats() const = 0;
  // map_stats counts the entries of the hash maps by walking them.
  virtual std::vector<MapStats> map_stats() const = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_BPF_SOURCE_H_
