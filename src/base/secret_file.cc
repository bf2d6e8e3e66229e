#include "src/base/secret_file.h"

#include <fcntl.h>

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/base/read_file.h"

namespace tlsmeter::agent {

absl::StatusOr<std::string> ReadSecret(const std::string& file) {
  const std::optional<std::string> text = ReadFileAt(AT_FDCWD, file, kMaxSecretBytes);
  if (!text.has_value()) return absl::UnavailableError(absl::StrCat("cannot read the secret in ", file));
  constexpr const char* kSpace = " \t\r\n";
  const size_t begin = text->find_first_not_of(kSpace);
  if (begin == std::string::npos) return absl::InvalidArgumentError(absl::StrCat(file, " is empty"));
  const std::string secret = text->substr(begin, text->find_last_not_of(kSpace) + 1 - begin);
  const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
  if (std::any_of(secret.begin(), secret.end(), is_control)) {
    return absl::InvalidArgumentError(absl::StrCat(file, " holds more than one line, or no text"));
  }
  return secret;
}

}  // namespace tlsmeter::agent
