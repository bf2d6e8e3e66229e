// StackView: which TLS implementation a process, or one file that it maps, uses, and how well it is seen there. A plain
// value, any thread.
#ifndef TLSMETER_SRC_IMAGE_STACK_STATE_H_
#define TLSMETER_SRC_IMAGE_STACK_STATE_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tlsmeter::agent {

// StackKind is an implementation of TLS.
enum class StackKind : uint8_t {
  kOpenSsl,
  kGnuTls,
  kGo,    // crypto/tls of a Go program
  kJava,  // JSSE of a Java virtual machine
  kNss,   // Mozilla's library
  kNone,  // no TLS code that we know: another implementation such as BoringSSL, linked in without symbols, or none
};

// StackState is whether facts of the library can be had. All but the first are blind.
enum class StackState : uint8_t {
  kInstrumented,
  kPending,      // found, not yet attached; of a process: not yet looked at
  kUnsupported,  // a build that is not understood: never touched
  kFailed,       // understood, but it could not be attached, or a ceiling was reached
  kDistrusted,   // what its probes read made no sense: detached for good
  kOverwritten,  // it was written to while it was mapped: detached, left alone
  kBlind,        // nothing that could be probed: an implementation without probes, or none
};

// StackView orders by how much is seen, the best first: that of a process is the least of its files'.
struct StackView {
  StackState state = StackState::kPending;
  StackKind kind = StackKind::kNone;

  auto operator<=>(const StackView&) const = default;
};

// kStackViews is how many there can be: the first two kinds in each state but the last, each other kind blind, and a process
// that was not yet looked at.
inline constexpr size_t kStackViews = 2 * 6 + 4 + 1;

// StackKindName returns the name for metrics and records: "openssl", "gnutls", "go", "java", "nss", "none".
std::string_view StackKindName(StackKind kind);

// StackStateName returns "instrumented", "pending", "unsupported", "failed", "distrusted", "overwritten", "blind".
std::string_view StackStateName(StackState state);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_IMAGE_STACK_STATE_H_
