// UprobeLink: a BPF program attached to all probes of one file, for as long as it lives.
//
// By inode: every process that maps the file, now or later, hits the probes. The cookie of a probe is its `where` << 32
// | image slot << 8 | ProbeKind.
#ifndef TLSMETER_SRC_IMAGE_UPROBE_LINK_H_
#define TLSMETER_SRC_IMAGE_UPROBE_LINK_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/unique_fd.h"
#include "src/image/image_plan.h"

namespace tlsmeter::agent {

// UprobeAttach is how a program was loaded, and so how it must be attached.
enum class UprobeAttach : uint8_t {
  kMulti,  // expected attach type BPF_TRACE_UPROBE_MULTI (kernel 6.6): one link a file
  kPerf,   // none: one perf event and one link a probe; attach cookies need kernel 5.15
};

// kUprobeMulti is BPF_TRACE_UPROBE_MULTI, which the headers of Debian 12 lack: what to load the program with.
inline constexpr uint32_t kUprobeMulti = 48;

class UprobeLink {
 public:
  UprobeLink() = default;
  UprobeLink(UprobeLink&&) noexcept = default;
  UprobeLink& operator=(UprobeLink&& other) noexcept;

  // The destructor detaches. To close one perf event takes the kernel 120 ms, so those are closed by a thread that is left
  // to it.
  ~UprobeLink();

  bool attached() const { return !links_.empty(); }

 private:
  friend absl::StatusOr<UprobeLink> AttachUprobes(int, UprobeAttach, int, uint32_t, std::span<const Probe>);

  std::vector<UniqueFd> links_;  // with kPerf each link is followed by its event
};

// AttachUprobes attaches the program `program_fd` to the open file `fd`. All probes or, on an error of the kernel's, none.
absl::StatusOr<UprobeLink> AttachUprobes(int program_fd, UprobeAttach how, int fd, uint32_t slot,
                                         std::span<const Probe> probes);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_IMAGE_UPROBE_LINK_H_
