// tlsmeter: from the words of the command line to the command.

#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/agent/cli.h"
#include "src/agent/settings.h"

namespace tlsmeter::agent {
namespace {

ExitCode FailUsage(const std::string& what) {
  std::fprintf(stderr, "tlsmeter: %s; see tlsmeter --help\n", what.c_str());
  return kExitUsage;
}

// Parses the arguments and does what `then` says; or prints the one sentence on what is wrong.
template <typename Then>
ExitCode WithParsed(const std::vector<std::string>& arguments, Then then) {
  Cli cli;
  if (const absl::Status status = cli.Parse(arguments); !status.ok()) return FailUsage(std::string(status.message()));
  return cli.answered() ? kExitOk : then(&cli);
}

ExitCode Run(Cli* cli, const std::vector<std::string>& arguments) {
  const std::optional<Command> command = cli->command();
  if (!command) {
    std::string names;
    for (const Command& known : cli->tree().commands) absl::StrAppend(&names, names.empty() ? "" : ", ", known.name);
    return FailUsage("a command is required: " + names);
  }
  const auto complete = [&] { return ArgumentsWith(arguments, *command, cli->config_file()); };
  if (SettingsOf(*command).empty()) return cli->Run(complete);
  const absl::StatusOr<std::vector<std::string>> all = complete();
  if (!all.ok()) return FailWith(all.status());
  return WithParsed(*all, [&complete](Cli* completed) { return completed->Run(complete); });
}

}  // namespace
}  // namespace tlsmeter::agent

int main(int argc, char** argv) {
  using namespace tlsmeter::agent;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return WithParsed(arguments, [&arguments](Cli* cli) { return Run(cli, arguments); });
}
