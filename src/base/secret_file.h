// Passwords and tokens, each alone in a file. Any thread.
#ifndef TLSMETER_SRC_BASE_SECRET_FILE_H_
#define TLSMETER_SRC_BASE_SECRET_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace tlsmeter::agent {

// kMaxSecretBytes bounds such a file; tokens of service accounts are about a kilobyte.
inline constexpr size_t kMaxSecretBytes = 16 * 1024;

// ReadSecret returns what the file holds, without the white space around it. Unavailable where it cannot be read,
// InvalidArgument where it is empty or cannot stand in a header field; neither repeats any of it.
absl::StatusOr<std::string> ReadSecret(const std::string& file);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_BASE_SECRET_FILE_H_
