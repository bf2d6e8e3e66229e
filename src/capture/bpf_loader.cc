#include "src/capture/bpf_loader.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bpf/events.h"
#include "tlsmeter.skel.h"

namespace tlsmeter::agent {
namespace {

static_assert(kMaxHelloPorts == TM_SERVER_PORTS);

// libbpf reports through one global callback; the last lines explain a failed load.
std::string& LibbpfLog() {
  static std::string* const log = new std::string;
  return *log;
}
constexpr size_t kMaxLibbpfLog = 64 * 1024;

int KeepLog(libbpf_print_level level, const char* format, va_list args) {
  if (level != LIBBPF_WARN || LibbpfLog().size() >= kMaxLibbpfLog) return 0;
  char line[512];
  const int n = vsnprintf(line, sizeof(line), format, args);
  if (n > 0) LibbpfLog().append(line, std::min<size_t>(n, sizeof(line) - 1));
  return n;
}

struct BtfDeleter {
  void operator()(btf* b) const { btf__free(b); }
};

void SetConstants(const LoadOptions& options, tlsmeter_bpf* skeleton) {
  const HelloFilter& hellos = options.hellos;
  auto* const constants = skeleton->rodata;
  constants->tm_target_cgroup = options.target_cgroup;
  if (hellos.ipv6.has_value()) constants->tm_family = *hellos.ipv6 ? AF_INET6 : AF_INET;
  constants->tm_server_port_count = static_cast<uint8_t>(hellos.server_ports.size());
  std::copy(hellos.server_ports.begin(), hellos.server_ports.end(), constants->tm_server_ports);
}

// Maps that only the library sensor needs are left out with it.
void ConfigureLibrary(UprobeAttach attach, tlsmeter_bpf* skeleton) {
  const bool wanted = bpf_program__autoload(skeleton->progs.tm_library);
  const auto& maps = skeleton->maps;
  for (bpf_map* map : {maps.tm_target, maps.tm_library_ring, maps.tm_images, maps.tm_objects, maps.tm_steps, maps.tm_current,
                       maps.tm_verifications, maps.tm_leaves, maps.tm_imports, maps.tm_certificates, maps.tm_scratch,
                       maps.tm_mapping_ring, maps.tm_known_files}) {
    bpf_map__set_autocreate(map, wanted);
  }
  if (!wanted) return;
  // The kernel wants to know at load how the program will be attached.
  if (attach == UprobeAttach::kMulti) {
    bpf_program__set_expected_attach_type(skeleton->progs.tm_library, static_cast<bpf_attach_type>(kUprobeMulti));
  }
  if (getrandom(&skeleton->rodata->tm_certificate_key, sizeof(skeleton->rodata->tm_certificate_key), 0) < 0) {
    skeleton->rodata->tm_certificate_key = static_cast<uint64_t>(absl::GetCurrentTimeNanos());  // no random bytes at boot
  }
}

absl::Status Refused(std::optional<size_t> program, int error) {
  const std::string what = absl::StrCat(
      "the kernel refuses to load ",
      program ? absl::StrCat("BPF program ", HookTable::ProgramName(*program)) : "the BPF programs", ": ", strerror(error));
  if (error == EPERM || error == EACCES) {
    return absl::PermissionDeniedError(
        absl::StrCat(what, "; CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are needed, in the initial user namespace"));
  }
  return absl::FailedPreconditionError(absl::StrCat(what, "; tlsmeter needs Linux 5.15 or newer"));
}

}  // namespace

void BpfSkeletonDeleter::operator()(tlsmeter_bpf* skeleton) const { tlsmeter_bpf__destroy(skeleton); }

absl::StatusOr<LoadedPrograms> LoadPrograms(const LoadOptions& options) {
  if (options.hellos.server_ports.size() > kMaxHelloPorts) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMaxHelloPorts, " server ports for the kernel to compare"));
  }
  libbpf_set_print(KeepLog);
  const std::unique_ptr<btf, BtfDeleter> kernel(btf__load_vmlinux_btf());
  if (!kernel) {
    return absl::FailedPreconditionError(
        "this kernel has no BTF (/sys/kernel/btf/vmlinux): tlsmeter needs one built with CONFIG_DEBUG_INFO_BTF=y, 5.15 or "
        "newer");
  }
  const bool multi = btf__find_by_name_kind(kernel.get(), "bpf_uprobe_multi_link", BTF_KIND_STRUCT) > 0;
  LoadedPrograms loaded{.skeleton = nullptr,
                        .hooks = HookTable(kernel.get(), options.library),
                        .uprobes = options.uprobes.value_or(multi ? UprobeAttach::kMulti : UprobeAttach::kPerf)};
  // Each turn but the last spares a program.
  for (size_t attempt = 0; attempt <= HookTable::kPrograms; ++attempt) {
    LibbpfLog().clear();
    loaded.skeleton.reset(tlsmeter_bpf__open());
    tlsmeter_bpf* const skeleton = loaded.skeleton.get();
    if (skeleton == nullptr) return absl::InternalError(absl::StrCat("cannot open the BPF object: ", strerror(errno)));
    SetConstants(options, skeleton);
    for (size_t i = 0; i < HookTable::kPrograms; ++i) {
      bpf_program__set_autoload(bpf_object__find_program_by_name(skeleton->obj, HookTable::ProgramName(i)),
                                loaded.hooks.wanted(i));
    }
    ConfigureLibrary(loaded.uprobes, skeleton);
    const int error = -tlsmeter_bpf__load(skeleton);
    if (error == 0) return loaded;
    const std::optional<size_t> failed = HookTable::FailedIn(LibbpfLog());
    if (!failed || !loaded.hooks.Spare(*failed, absl::StrCat("the kernel refuses the program: ", strerror(error)))) {
      return Refused(failed, error);
    }
  }
  return absl::InternalError("no set of BPF programs could be loaded");
}

}  // namespace tlsmeter::agent
