// tlsmeter: from the words of the command line to the command.

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "src/agent/cli.h"
#include "src/agent/settings.h"

namespace tlsmeter::agent {
namespace {

ExitCode FailUsage(const std::string& what) {
  const std::string sentence = absl::StrReplaceAll(what, {{"\n", " "}});
  std::fprintf(stderr, "tlsmeter: %s; see tlsmeter --help\n", sentence.c_str());
  return kExitUsage;
}

// Parses the arguments and does what `then` says; or prints help, or the one sentence on what is wrong.
template <typename Then>
ExitCode WithParsed(const std::vector<std::string>& arguments, Then then) {
  Cli cli;
  try {
    cli.Parse(arguments);
  } catch (const CLI::Success& e) {
    return static_cast<ExitCode>(cli.app().exit(e));  // --help, --version
  } catch (const CLI::ParseError& e) {
    return FailUsage(e.what());
  }
  return then(&cli);
}

ExitCode Run(Cli* cli, const std::vector<std::string>& arguments) {
  const CLI::App* command = cli->command();
  if (command == nullptr) {
    std::string names;
    for (const CLI::App* known : cli->app().get_subcommands([](const CLI::App*) { return true; })) {
      absl::StrAppend(&names, names.empty() ? "" : ", ", known->get_name());
    }
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
