// ServerNameMode: the text of `serve --server-names`. Pure but for the file that it reads; any thread.
#ifndef TLSMETER_SRC_AGENT_SERVER_NAME_MODE_H_
#define TLSMETER_SRC_AGENT_SERVER_NAME_MODE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/aggregate/server_names.h"

namespace tlsmeter::agent {

// CheckServerNameMode says whether `text` is a mode: "exact", "suffix:N" with N from 1 to 10, "allowlist:FILE" or "off".
// InvalidArgument says what would be.
absl::Status CheckServerNameMode(const std::string& text);

// ParseServerNameMode reads a mode and, where it names one, its file: a server name a line; empty lines and those that begin
// with # are passed over. NotFound where the file cannot be read, InvalidArgument where it holds no name or more than
// kMaxServerNames.
absl::StatusOr<ServerNameOptions> ParseServerNameMode(const std::string& text);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_SERVER_NAME_MODE_H_
