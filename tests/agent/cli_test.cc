// What is made of the table of commands and flags, and the manual, which is written by hand beside it.

#include "src/agent/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "src/agent/completion.h"
#include "src/agent/server_name_mode.h"

namespace tlsmeter::agent {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

template <typename Look>
void ForEachCommand(const Command& program, Look look) {
  for (const Command& command : program.commands) {
    look(command);
    ForEachCommand(command, look);
  }
}

std::vector<std::string> FlagsOf(const Command& command) {
  std::vector<std::string> flags;
  for (const Flag& flag : command.flags) {
    for (const std::string& name : flag.short_names) flags.push_back("-" + name);
    for (const std::string& name : flag.long_names) flags.push_back("--" + name);
  }
  return flags;
}

TEST(CliTest, TheManualSaysEveryCommandAndFlag) {
  std::ifstream stream(TLSMETER_MANUAL);
  const std::string manual{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  const Command program = Cli().tree();
  size_t flags = 0;
  ForEachCommand(program, [&](const Command& command) {
    EXPECT_THAT(manual, HasSubstr("*" + command.name + "*"));
    for (const std::string& flag : FlagsOf(command)) {
      ++flags;
      EXPECT_THAT(manual, HasSubstr("*" + flag + "*")) << "of " << command.name;
    }
  });
  EXPECT_GT(flags, 50u);
}

TEST(CliTest, EveryHelpHasTwoExamples) {
  const Command program = Cli().tree();
  const auto check = [](const Command& command) {
    EXPECT_THAT(command.examples, StartsWith("Examples:\n")) << command.name;
    size_t examples = 0;
    for (const auto& line : absl::StrSplit(command.examples, '\n')) {
      examples += absl::StrContains(line, "tlsmeter ") ? 1 : 0;
    }
    EXPECT_GE(examples, 2u) << command.name;
  };
  check(program);
  ForEachCommand(program, check);
}

TEST(CliTest, EveryCompletionHasEveryCommandAndFlag) {
  const Command program = Cli().tree();
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = Completion(program, shell);
    ForEachCommand(program, [&](const Command& command) {
      EXPECT_THAT(script, HasSubstr(command.name));
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
  ASSERT_TRUE(cli.Parse({"config", "check", "/no/such/file"}).ok());
  ASSERT_TRUE(cli.command());
  EXPECT_EQ(cli.command()->name, "config");
  EXPECT_EQ(cli.Run(nullptr), kExitUsage);
}

TEST(CliTest, KnowsThatNoCommandWasGiven) {
  Cli cli;
  EXPECT_TRUE(cli.Parse({}).ok());
  EXPECT_FALSE(cli.command());
  EXPECT_FALSE(cli.answered());
}

TEST(CliTest, SaysInOneSentenceWhatIsWrong) {
  Cli unknown;
  const absl::Status status = unknown.Parse({"trace", "--nonsense"});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("--nonsense"), Not(HasSubstr("\n"))));
  Cli incomplete;
  EXPECT_EQ(incomplete.Parse({"read"}).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(CliTest, PrintsHelpAndHasNothingToRunThen) {
  Cli cli;
  ::testing::internal::CaptureStdout();
  EXPECT_TRUE(cli.Parse({"top", "--help"}).ok());
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), AllOf(HasSubstr("--interval"), HasSubstr("Examples:\n")));
  EXPECT_TRUE(cli.answered());
}

TEST(CliTest, KnowsWhatOfAFlagWasGivenAndWhatItTakes) {
  Cli cli;
  ASSERT_TRUE(cli.Parse({"trace", "-o", "json", "-q"}).ok());
  std::map<std::string, Flag> flags;
  const Command trace = cli.command().value_or(Command());
  for (const Flag& flag : trace.flags) flags[flag.long_names.empty() ? "" : flag.long_names.front()] = flag;
  EXPECT_TRUE(flags["output"].given && flags["output"].takes_value);
  EXPECT_EQ(flags["output"].standard, "columns");
  EXPECT_EQ(flags["output"].type, "FORMAT");
  EXPECT_FALSE(flags["output"].repeatable);
  EXPECT_TRUE(flags["quiet"].given);
  EXPECT_FALSE(flags["quiet"].takes_value);
  EXPECT_TRUE(flags["sni"].repeatable);
  EXPECT_FALSE(flags["sni"].given);
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
