// Settings: what a configuration file and the environment say in place of flags.
//
// The table of settings is the command line itself (SettingsOf): `--kubelet-url` of serve is `kubelet-url` below `serve` in
// the file and TLSMETER_KUBELET_URL in the environment. A flag goes before the environment, and that before the file. Pure
// but for the files that they read; main thread.
#ifndef TLSMETER_SRC_AGENT_SETTINGS_H_
#define TLSMETER_SRC_AGENT_SETTINGS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "src/agent/command_tree.h"

namespace tlsmeter::agent {

// kDefaultConfigFile is read where no other is named, if it is there.
inline constexpr char kDefaultConfigFile[] = "/etc/tlsmeter/tlsmeter.yaml";

// kMaxConfigBytes bounds a configuration file; all flags together take a few kilobytes.
inline constexpr size_t kMaxConfigBytes = 1 << 20;

// Setting is one flag of one command, and where it was found.
struct Setting {
  std::string command;              // "serve"
  std::string flag;                 // "kubelet-url"
  std::vector<std::string> values;  // several of a flag that can be repeated
  std::string source;               // "FILE:LINE:COLUMN" or the name of the variable
};

// SettingsOf returns the flags of a command that are settings: all that have a long name, but for --help and --config.
std::vector<Flag> SettingsOf(const Command& command);

// VariableOf returns the environment variable of a flag, "TLSMETER_KUBELET_URL".
std::string VariableOf(std::string_view flag);

// ParseSettings reads `text`, the contents of `file`. A key that is no setting, a key given twice, and a value that its flag
// would refuse are InvalidArgument with line and column.
absl::StatusOr<std::vector<Setting>> ParseSettings(const std::string& text, std::string_view file);

// LoadSettings reads a file; "" is kDefaultConfigFile, if there is one. NotFound where it cannot be read.
absl::StatusOr<std::vector<Setting>> LoadSettings(const std::string& file);

// EnvironmentSettings returns what the environment says of the flags of `command`; of one that can be repeated, values
// with commas between them. InvalidArgument names the variable whose
// value the flag would refuse.
absl::StatusOr<std::vector<Setting>> EnvironmentSettings(const Command& command);

// ArgumentsWith returns the arguments of a command line, the first of which is the command, with what its flags do not say
// taken from the environment, and from `file` or the default one. `parsed` is the command as `arguments` alone make it.
absl::StatusOr<std::vector<std::string>> ArgumentsWith(std::vector<std::string> arguments, const Command& parsed,
                                                       const std::string& file);

// EffectiveText returns every setting with its value and source, as YAML that can be a configuration file.
absl::StatusOr<std::string> EffectiveText(const std::string& file);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_SETTINGS_H_
