// HookTable: the BPF programs that there are, which of them this kernel can run, and what is invisible without the others.
// Knows their names, not the programs. One thread.
#ifndef TLSMETER_SRC_CAPTURE_HOOK_TABLE_H_
#define TLSMETER_SRC_CAPTURE_HOOK_TABLE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct btf;

namespace tlsmeter::agent {

// Hook is one place in the kernel where a program is attached, or could not be.
struct Hook {
  std::string name;  // "cgroup_skb/ingress", "tp_btf/inet_sock_set_state", ...
  bool attached = false;
  std::string missing;  // why not, in one clause; "" when attached
  std::string blind;    // what is therefore invisible
};

class HookTable {
 public:
  // kPrograms is how many programs there are; each function that takes one takes a number below it.
  static constexpr size_t kPrograms = 8;

  HookTable() = default;
  // A table of those programs that `kernel`, the kernel's type information, has what they need for, with or without those
  // of the library sensor. `kernel` need not outlive the call.
  HookTable(const btf* kernel, bool library);

  // ProgramName returns the name of a program in the BPF object; static storage.
  static const char* ProgramName(size_t program);

  // wanted says whether the program is to be loaded and attached.
  bool wanted(size_t program) const;

  // FailedIn returns the program that libbpf says in its log failed to load, if it names one.
  static std::optional<size_t> FailedIn(std::string_view log);

  // Spare leaves a program out that is not to be had, and notes why; with the one in TLS libraries also those that only
  // serve it. False when tlsmeter cannot work without it, and nothing has changed then.
  [[nodiscard]] bool Spare(size_t program, std::string missing);

  void SetAttached(size_t program) { hooks_[program].attached = true; }

  // hooks returns a hook for each program, those of the library sensor only where they were asked for.
  const std::vector<Hook>& hooks() const { return hooks_; }

 private:
  std::vector<Hook> hooks_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_HOOK_TABLE_H_
