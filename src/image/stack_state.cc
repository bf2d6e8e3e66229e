#include "src/image/stack_state.h"

#include <array>

namespace tlsmeter::agent {

std::string_view StackKindName(StackKind kind) {
  static constexpr std::array<std::string_view, 6> kNames = {"openssl", "gnutls", "go", "java", "nss", "none"};
  return kNames.at(static_cast<size_t>(kind));
}

std::string_view StackStateName(StackState state) {
  static constexpr std::array<std::string_view, 7> kNames = {"instrumented", "pending",     "unsupported", "failed",
                                                             "distrusted",   "overwritten", "blind"};
  return kNames.at(static_cast<size_t>(state));
}

}  // namespace tlsmeter::agent
