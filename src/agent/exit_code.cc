#include "src/agent/exit_code.h"

#include <cstdio>
#include <string>

namespace tlsmeter::agent {

ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
      return kExitUsage;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kFailedPrecondition:
      return kExitUnsupported;
    default:
      return kExitFailure;
  }
}

ExitCode FailWith(const absl::Status& status) {
  const std::string message(status.message());
  std::fprintf(stderr, "tlsmeter: %s\n", message.c_str());
  return ExitCodeOf(status);
}

}  // namespace tlsmeter::agent
