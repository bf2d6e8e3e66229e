#include "src/agent/server_name_mode.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {
namespace {

constexpr std::string_view kSuffix = "suffix:";
constexpr std::string_view kAllowlist = "allowlist:";
constexpr size_t kMaxSuffixParts = 10;

// The mode without the contents of its file.
absl::StatusOr<ServerNameOptions> ParseMode(const std::string& text) {
  using Mode = ServerNameOptions::Mode;
  ServerNameOptions options;
  if (text == "exact") return options;
  if (text == "off") {
    options.mode = Mode::kOff;
    return options;
  }
  if (text.starts_with(kAllowlist) && text.size() > kAllowlist.size()) {
    options.mode = Mode::kAllowlist;
    return options;
  }
  size_t parts = 0;
  if (text.starts_with(kSuffix) && absl::SimpleAtoi(text.substr(kSuffix.size()), &parts) && parts >= 1 &&
      parts <= kMaxSuffixParts) {
    options.mode = Mode::kSuffix;
    options.suffix_parts = parts;
    return options;
  }
  return absl::InvalidArgumentError(absl::StrCat("'", text,
                                                 "' is no mode for server names: exact, suffix:N with N from 1 to ",
                                                 kMaxSuffixParts, ", allowlist:FILE or off"));
}

}  // namespace

absl::Status CheckServerNameMode(const std::string& text) { return ParseMode(text).status(); }

absl::StatusOr<ServerNameOptions> ParseServerNameMode(const std::string& text) {
  absl::StatusOr<ServerNameOptions> options = ParseMode(text);
  if (!options.ok() || options->mode != ServerNameOptions::Mode::kAllowlist) return options;
  const std::string file = text.substr(kAllowlist.size());
  std::ifstream stream(file);
  if (!stream)
    return absl::NotFoundError(absl::StrCat("cannot read the list of server names ", file, ": ", strerror(errno)));
  std::string line;
  while (std::getline(stream, line)) {
    absl::StripAsciiWhitespace(&line);
    if (line.empty() || line.front() == '#') continue;
    if (options->allowlist.size() == kMaxServerNames) {
      return absl::InvalidArgumentError(absl::StrCat(file, ": more than ", kMaxServerNames, " server names"));
    }
    options->allowlist.push_back(line);
  }
  if (options->allowlist.empty()) return absl::InvalidArgumentError(absl::StrCat(file, ": no server name in it"));
  return options;
}

}  // namespace tlsmeter::agent
