// What is made of the table of commands and flags, and the manual, which is written by hand beside it.

#include "src/agent/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "src/agent/completion.h"
#include "src/agent/server_name_mode.h"

namespace tlsmeter::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename Look>
void ForEachCommand(const CLI::App& app, Look look) {
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    look(*command);
    ForEachCommand(*command, look);
  }
}

std::vector<std::string> FlagsOf(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options([](const CLI::Option* each) { return each->nonpositional(); })) {
    for (const std::string& name : option->get_snames()) flags.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

TEST(CliTest, TheManualSaysEveryCommandAndFlag) {
  std::ifstream stream(TLSMETER_MANUAL);
  const std::string manual{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  const Cli cli;
  size_t flags = 0;
  ForEachCommand(cli.app(), [&](const CLI::App& command) {
    EXPECT_THAT(manual, HasSubstr("*" + command.get_name() + "*"));
    for (const std::string& flag : FlagsOf(command)) {
      ++flags;
      EXPECT_THAT(manual, HasSubstr("*" + flag + "*")) << "of " << command.get_name();
    }
  });
  EXPECT_GT(flags, 50u);
}

TEST(CliTest, EveryHelpHasTwoExamples) {
  const Cli cli;
  const auto check = [](const CLI::App& command) {
    const std::string help = command.help();
    const size_t at = help.find("Examples:\n");
    ASSERT_NE(at, std::string::npos) << command.get_name();
    size_t examples = 0;
    for (const auto& line : absl::StrSplit(help.substr(at), '\n')) {
      examples += absl::StrContains(line, "tlsmeter ") ? 1 : 0;
    }
    EXPECT_GE(examples, 2u) << command.get_name();
  };
  check(cli.app());
  ForEachCommand(cli.app(), check);
}

TEST(CliTest, EveryCompletionHasEveryCommandAndFlag) {
  const Cli cli;
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = Completion(cli.app(), shell);
    ForEachCommand(cli.app(), [&](const CLI::App& command) {
      EXPECT_THAT(script, HasSubstr(command.get_name()));
      for (const std::string& flag : FlagsOf(command)) {
        const bool is_long = flag.starts_with("--");
        const std::string name = flag.substr(is_long ? 2 : 1);
        EXPECT_THAT(script, HasSubstr(std::string(shell) != "fish" ? flag : (is_long ? "-l " : "-s ") + name)) << shell;
      }
    });
  }
}

TEST(CliTest, RunsTheCommandThatWasParsed) {
  Cli cli;
  cli.Parse({"config", "check", "/no/such/file"});
  ASSERT_NE(cli.command(), nullptr);
  EXPECT_EQ(cli.command()->get_name(), "config");
  EXPECT_EQ(cli.Run(nullptr), kExitUsage);
}

TEST(CliTest, KnowsThatNoCommandWasGiven) {
  Cli cli;
  cli.Parse({});
  EXPECT_EQ(cli.command(), nullptr);
}

TEST(ServerNameModeTest, ReadsEveryMode) {
  EXPECT_EQ(ParseServerNameMode("exact")->mode, ServerNameOptions::Mode::kExact);
  EXPECT_EQ(ParseServerNameMode("off")->mode, ServerNameOptions::Mode::kOff);
  EXPECT_EQ(ParseServerNameMode("suffix:3")->mode, ServerNameOptions::Mode::kSuffix);
  EXPECT_EQ(ParseServerNameMode("suffix:3")->suffix_parts, 3u);
  for (const char* text : {"", "Exact", "suffix:", "suffix:0", "suffix:11", "suffix:two", "allowlist:", "allowlist"}) {
    EXPECT_EQ(CheckServerNameMode(text).code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ServerNameModeTest, ReadsAListWithACeiling) {
  const std::string file = ::testing::TempDir() + "/server_names-" + std::to_string(getpid()) + ".txt";
  std::ofstream(file) << "# ours\n\n  api.example.com \nwww.example.com\n";
  const auto options = ParseServerNameMode("allowlist:" + file);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->mode, ServerNameOptions::Mode::kAllowlist);
  EXPECT_THAT(options->allowlist, ElementsAre("api.example.com", "www.example.com"));
  {
    std::ofstream many(file);
    for (size_t i = 0; i <= kMaxServerNames; ++i) many << "name" << i << "\n";
  }
  EXPECT_EQ(ParseServerNameMode("allowlist:" + file).status().code(), absl::StatusCode::kInvalidArgument);
  std::ofstream(file) << "# none\n";
  EXPECT_EQ(ParseServerNameMode("allowlist:" + file).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ParseServerNameMode("allowlist:" + file + ".none").status().code(), absl::StatusCode::kNotFound);
  std::remove(file.c_str());
}

}  // namespace
}  // namespace tlsmeter::agent
