#include "src/base/process_stat.h"

#include <charconv>
#include <system_error>

namespace tlsmeter::agent {
namespace {

constexpr int kFlagsField = 9;
constexpr int kStartField = 22;
constexpr uint64_t kKernelThread = 0x0020'0000;  // PF_KTHREAD of linux/sched.h

}  // namespace

// comm, field 2, is in parentheses and may hold anything, also parentheses and spaces: fields are counted from the last one.
std::optional<ProcessStat> ParseProcessStat(std::string_view text) {
  const size_t end = text.rfind(')');
  if (end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(end + 1);
  ProcessStat stat;
  for (int field = 3; field <= kStartField; ++field) {
    const size_t space = text.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    text.remove_prefix(space + 1);
    if (field != kFlagsField && field != kStartField) continue;
    uint64_t number = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) return std::nullopt;
    if (field == kFlagsField) {
      stat.kernel_thread = (number & kKernelThread) != 0;
    } else {
      stat.start_ticks = number;
    }
  }
  return stat;
}

}  // namespace tlsmeter::agent
