// Exit codes and the one sentence that goes with them. Any thread.
#ifndef TLSMETER_SRC_AGENT_EXIT_CODE_H_
#define TLSMETER_SRC_AGENT_EXIT_CODE_H_

#include "absl/status/status.h"

namespace tlsmeter::agent {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,      // something broke while running
  kExitUsage = 2,        // wrong flag, argument, path or address
  kExitUnsupported = 3,  // a privilege or kernel feature is missing
};

// ExitCodeOf maps a status to its exit code: PermissionDenied and FailedPrecondition are kExitUnsupported, InvalidArgument
// and NotFound kExitUsage.
ExitCode ExitCodeOf(const absl::Status& status);

// FailWith prints "tlsmeter: MESSAGE" to stderr, on one line, and returns the status's exit code.
ExitCode FailWith(const absl::Status& status);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_EXIT_CODE_H_
