#include "src/image/uprobe_link.h"

#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {
namespace {

// The part of union bpf_attr that BPF_LINK_CREATE reads for BPF_TRACE_UPROBE_MULTI (linux/bpf.h of 6.6). libbpf of Debian 12
// knows neither.
struct UprobeMultiAttr {
  uint32_t program_fd;
  uint32_t target_fd;
  uint32_t attach_type;
  uint32_t link_flags;
  uint64_t path;
  uint64_t offsets;
  uint64_t reference_counters;
  uint64_t cookies;
  uint32_t count;
  uint32_t flags;
  uint32_t pid;
  uint32_t padding;
};

// The same for BPF_PERF_EVENT, with the cookie of 5.15.
struct PerfLinkAttr {
  uint32_t program_fd;
  uint32_t event_fd;
  uint32_t attach_type;
  uint32_t link_flags;
  uint64_t cookie;
};

template <typename T>
uint64_t Pointer(const T* pointer) {
  return reinterpret_cast<uintptr_t>(pointer);
}

template <typename T>
int LinkCreate(T* attr) {
  return static_cast<int>(syscall(SYS_bpf, BPF_LINK_CREATE, attr, sizeof(*attr)));
}

uint64_t CookieOf(uint32_t slot, const Probe& probe) {
  return uint64_t{probe.where} << 32 | uint64_t{slot} << 8 | static_cast<uint8_t>(probe.kind);
}

absl::Status AttachMulti(int program_fd, const std::string& path, uint32_t slot, std::span<const Probe> probes,
                         std::vector<UniqueFd>* links) {
  std::vector<uint64_t> offsets, cookies;
  for (const Probe& probe : probes) {
    offsets.push_back(probe.file_offset);
    cookies.push_back(CookieOf(slot, probe));
  }
  UprobeMultiAttr attr = {};
  attr.program_fd = static_cast<uint32_t>(program_fd);
  attr.attach_type = kUprobeMulti;
  attr.path = Pointer(path.c_str());
  attr.offsets = Pointer(offsets.data());
  attr.cookies = Pointer(cookies.data());
  attr.count = static_cast<uint32_t>(probes.size());
  UniqueFd link(LinkCreate(&attr));
  if (link.get() < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot attach ", probes.size(), " uprobes"));
  links->push_back(std::move(link));
  return absl::OkStatus();
}

absl::Status AttachPerf(int program_fd, const std::string& path, uint32_t slot, std::span<const Probe> probes,
                        std::vector<UniqueFd>* links) {
  uint32_t type = 0;
  if (std::ifstream file("/sys/bus/event_source/devices/uprobe/type"); !(file >> type)) {
    return absl::FailedPreconditionError("this kernel has no uprobe events (/sys/bus/event_source/devices/uprobe)");
  }
  for (const Probe& probe : probes) {
    perf_event_attr event_attr = {};
    event_attr.type = type;
    event_attr.size = sizeof(event_attr);
    event_attr.uprobe_path = Pointer(path.c_str());
    event_attr.probe_offset = probe.file_offset;
    // Any process, through CPU 0: where an event is counted does not matter to the program that runs for it.
    UniqueFd event(static_cast<int>(syscall(SYS_perf_event_open, &event_attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
    if (event.get() < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open a uprobe at ", probe.file_offset));
    PerfLinkAttr attr = {};
    attr.program_fd = static_cast<uint32_t>(program_fd);
    attr.event_fd = static_cast<uint32_t>(event.get());
    attr.attach_type = BPF_PERF_EVENT;
    attr.cookie = CookieOf(slot, probe);
    UniqueFd link(LinkCreate(&attr));
    if (link.get() < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot attach a uprobe at ", probe.file_offset));
    links->push_back(std::move(link));
    links->push_back(std::move(event));
  }
  return absl::OkStatus();
}

}  // namespace

UprobeLink& UprobeLink::operator=(UprobeLink&& other) noexcept {
  std::swap(links_, other.links_);
  return *this;
}

UprobeLink::~UprobeLink() {
  if (links_.size() <= 1) return;
  try {
    std::thread([links = std::move(links_)] {}).detach();
  } catch (const std::system_error&) {
    // No thread to be had: the links went with the function object that was to run there.
  }
}

absl::StatusOr<UprobeLink> AttachUprobes(int program_fd, UprobeAttach how, int fd, uint32_t slot,
                                         std::span<const Probe> probes) {
  // The file that was decoded, whatever its path means by now and in whichever mount namespace.
  const std::string path = absl::StrCat("/proc/self/fd/", fd);
  UprobeLink link;
  const absl::Status status = how == UprobeAttach::kMulti ? AttachMulti(program_fd, path, slot, probes, &link.links_)
                                                          : AttachPerf(program_fd, path, slot, probes, &link.links_);
  if (!status.ok()) return status;
  return link;
}

}  // namespace tlsmeter::agent
