// StackState: how well the TLS of a process, or of one file that it maps, is seen at the library. A plain value, any thread.
#ifndef TLSMETER_SRC_IMAGE_STACK_STATE_H_
#define TLSMETER_SRC_IMAGE_STACK_STATE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tlsmeter::agent {

// StackState of a process is the best of its files: the least.
enum class StackState : uint8_t {
  kOpenSsl,      // instrumented
  kGnuTls,       // instrumented
  kPending,      // found, not yet attached
  kUnsupported,  // a build that is not understood: never touched
  kFailed,       // understood, but it could not be attached, or a ceiling was reached
  kDistrusted,   // what its probes read made no sense: detached for good
  kOverwritten,  // it was written to while it was mapped: detached, left alone
  kGo,           // a Go program: its crypto/tls is not instrumented
  kJava,         // a Java virtual machine: JSSE is not instrumented
  kNss,          // Mozilla's library: not instrumented
  kNone,         // no TLS code that we know: another implementation such as BoringSSL, linked in without symbols, or none
};
inline constexpr size_t kStackStateCount = 11;

// IsInstrumented is true where facts of the library can be had.
constexpr bool IsInstrumented(StackState state) { return state == StackState::kOpenSsl || state == StackState::kGnuTls; }

// StackStateName returns the name for metrics and records: "openssl", "gnutls", "pending", "unsupported", "failed",
// "distrusted", "overwritten", "go", "java", "nss", "none".
std::string_view StackStateName(StackState state);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_IMAGE_STACK_STATE_H_
