#include "src/capture/hook_table.h"

#include <bpf/btf.h>

#include <array>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {
namespace {

// A program: what it is called, what must be in the kernel's BTF for it, what is invisible without it. Those of the library
// sensor come last.
struct ProgramSpec {
  const char* program;
  const char* hook;
  const char* btf_type;  // nullptr: none needed
  uint32_t btf_kind;
  const char* blind;  // nullptr: tlsmeter cannot work without it
};

constexpr std::array<ProgramSpec, HookTable::kPrograms> kSpecs = {{
    {"tm_ingress", "cgroup_skb/ingress", nullptr, 0, nullptr},
    {"tm_egress", "cgroup_skb/egress", nullptr, 0, nullptr},
    {"tm_state", "tp_btf/inet_sock_set_state", "btf_trace_inet_sock_set_state", BTF_KIND_TYPEDEF,
     "TCP timing, how connections end, and owners of clients"},
    {"tm_read", "tp_btf/tcp_rcv_space_adjust", "btf_trace_tcp_rcv_space_adjust", BTF_KIND_TYPEDEF,
     "owners of servers, and of sockets passed between processes"},
    {"tm_open_sockets", "iter/task_file", "bpf_iter__task_file", BTF_KIND_STRUCT, "owners of connections open before start"},
    {"tm_library", "uprobe/tls_library", nullptr, 0,
     "what TLS 1.3 encrypts: certificates, the library's own reason for a failure, the application protocol"},
    {"tm_mapping", "tp_btf/vm_unmapped_area", "btf_trace_vm_unmapped_area", BTF_KIND_TYPEDEF,
     "TLS libraries until the next look at their process, up to half a minute after they are loaded"},
    {"tm_exec", "tp_btf/sched_process_exec", "btf_trace_sched_process_exec", BTF_KIND_TYPEDEF,
     "TLS libraries of a new program until the next look at its process"},
}};
constexpr size_t kLibraryProgram = 5;
static_assert(std::string_view(kSpecs[kLibraryProgram].program) == "tm_library");

}  // namespace

HookTable::HookTable(const btf* kernel, bool library) {
  for (size_t i = 0; i < (library ? kPrograms : kLibraryProgram); ++i) {
    const ProgramSpec& spec = kSpecs[i];
    Hook& hook = hooks_.emplace_back();
    hook.name = spec.hook;
    if (spec.btf_type == nullptr || btf__find_by_name_kind(kernel, spec.btf_type, spec.btf_kind) >= 0) continue;
    hook.missing = absl::StrCat("the kernel's BTF has no ", spec.btf_type);
    hook.blind = spec.blind;
  }
}

const char* HookTable::ProgramName(size_t program) { return kSpecs[program].program; }

bool HookTable::wanted(size_t program) const { return program < hooks_.size() && hooks_[program].missing.empty(); }

std::optional<size_t> HookTable::FailedIn(std::string_view log) {
  for (size_t i = 0; i < kPrograms; ++i) {
    if (log.find(absl::StrCat("prog '", kSpecs[i].program, "': failed to load")) != std::string_view::npos) return i;
  }
  return std::nullopt;
}

bool HookTable::Spare(size_t program, std::string missing) {
  if (program >= hooks_.size() || kSpecs[program].blind == nullptr) return false;
  hooks_[program].missing = std::move(missing);
  hooks_[program].blind = kSpecs[program].blind;
  if (program != kLibraryProgram) return true;
  for (size_t i = kLibraryProgram + 1; i < hooks_.size(); ++i) {
    if (wanted(i)) (void)Spare(i, absl::StrCat("of no use without ", hooks_[kLibraryProgram].name));
  }
  return true;
}

}  // namespace tlsmeter::agent
