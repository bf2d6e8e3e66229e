// AskAgent asks a running agent for one of its pages. Blocks; any thread.
#ifndef TLSMETER_SRC_AGENT_ASK_AGENT_H_
#define TLSMETER_SRC_AGENT_ASK_AGENT_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "src/agent/commands.h"

namespace tlsmeter::agent {

// kMaxAgentAnswer bounds an answer by default: a status is some 10 KiB.
inline constexpr size_t kMaxAgentAnswer = 1 << 20;

// AskAgent returns the page `path`, within five seconds. InvalidArgument of an address that is none and of a file with a
// mistake; Unavailable, DeadlineExceeded or PermissionDenied say what happened.
absl::StatusOr<std::string> AskAgent(const AgentAddress& agent, std::string_view path, size_t max_bytes = kMaxAgentAnswer);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_ASK_AGENT_H_
