#include "src/image/stack_state.h"

#include <array>

namespace tlsmeter::agent {

std::string_view StackStateName(StackState state) {
  static constexpr std::array<std::string_view, kStackStateCount> kNames = {
      "openssl", "gnutls", "pending", "unsupported", "failed", "distrusted", "overwritten", "go", "java", "nss", "none"};
  return kNames.at(static_cast<size_t>(state));
}

}  // namespace tlsmeter::agent
