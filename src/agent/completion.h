// Completion: scripts that make shells complete commands and flags. Pure function, any thread.
#ifndef TLSMETER_SRC_AGENT_COMPLETION_H_
#define TLSMETER_SRC_AGENT_COMPLETION_H_

#include <string>
#include <string_view>

#include "src/agent/command_tree.h"

namespace tlsmeter::agent {

// Completion returns the script for a shell: "bash", "zsh" or "fish". It completes the commands of `program`, the commands
// below them, and their flags; values are left to the shell's completion of file names.
std::string Completion(const Command& program, std::string_view shell);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_COMPLETION_H_
