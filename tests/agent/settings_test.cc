#include "src/agent/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "src/agent/cli.h"

namespace tlsmeter::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class SettingsTest : public ::testing::Test {
 protected:
  // Of its own for each process: ctest runs the tests of this suite side by side.
  void SetUp() override { file_ = ::testing::TempDir() + "/settings_test-" + std::to_string(getpid()) + ".yaml"; }
  void TearDown() override {
    std::remove(file_.c_str());
    for (const char* variable : {"TLSMETER_COUNT", "TLSMETER_CGROUP", "TLSMETER_SNI", "TLSMETER_FIELDS"}) unsetenv(variable);
  }

  void WriteFile(const std::string& text) {
    FILE* file = fopen(file_.c_str(), "w");
    ASSERT_NE(file, nullptr);
    fputs(text.c_str(), file);
    fclose(file);
  }

  std::vector<std::string> Arguments(const std::vector<std::string>& arguments) {
    Cli cli;
    EXPECT_TRUE(cli.Parse(arguments).ok());
    const auto all = ArgumentsWith(arguments, *cli.command(), file_);
    EXPECT_TRUE(all.ok()) << all.status();
    return all.value_or(std::vector<std::string>());
  }

  std::string file_;
};

std::string ErrorOf(const std::string& text) {
  const auto settings = ParseSettings(text, "f.yaml");
  EXPECT_EQ(settings.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(settings.status().message());
}

TEST_F(SettingsTest, ReadsWhatTheFileSaysOfEachCommand) {
  const auto settings = ParseSettings("serve:\n  listen: ':9744'\n  trace: true\ntrace:\n  sni: [a.b, '!c']\n", "f.yaml");
  ASSERT_TRUE(settings.ok()) << settings.status();
  ASSERT_EQ(settings->size(), 3u);
  EXPECT_EQ(settings->front().command, "serve");
  EXPECT_EQ(settings->front().flag, "listen");
  EXPECT_EQ(settings->front().source, "f.yaml:2:11");
  EXPECT_THAT(settings->back().values, ElementsAre("a.b", "!c"));
}

TEST_F(SettingsTest, SaysWhereAMistakeStands) {
  EXPECT_THAT(ErrorOf("serve:\n  lisen: x\n"), StartsWith("f.yaml:2:3: unknown key \"lisen\"; known here: listen"));
  EXPECT_THAT(ErrorOf("server:\n  listen: x\n"), StartsWith("f.yaml:1:1: unknown key \"server\"; known here: trace"));
  EXPECT_THAT(ErrorOf("trace:\n  count: many\n"), StartsWith("f.yaml:2:10: --count: 'many'"));
  EXPECT_THAT(ErrorOf("trace:\n  library: maybe\n"), StartsWith("f.yaml:2:12: "));
  EXPECT_THAT(ErrorOf("trace:\n  count: [1, 2]\n"), StartsWith("f.yaml:2:10: count must be a single value"));
  EXPECT_THAT(ErrorOf("trace:\n  sni: [a, {b: c}]\n"), StartsWith("f.yaml:2:12: a value must be"));
  EXPECT_THAT(ErrorOf("trace: 5\n"), StartsWith("f.yaml:1:8: trace must be a mapping"));
  EXPECT_THAT(ErrorOf("trace:\n  count: 1\n  count: 2\n"), StartsWith("f.yaml:3:3: \"count\" is given twice"));
  EXPECT_THAT(ErrorOf("trace: [\n"), StartsWith("f.yaml:2:1: "));
  EXPECT_THAT(ErrorOf("trace:\n  config: x\n"), StartsWith("f.yaml:2:3: unknown key"));  // it would not be read
}

TEST_F(SettingsTest, TakesAnEmptyFileForNoSetting) {
  for (const char* text : {"", "# nothing\n", "serve:\n"}) {
    const auto settings = ParseSettings(text, "f.yaml");
    ASSERT_TRUE(settings.ok()) << settings.status();
    EXPECT_TRUE(settings->empty());
  }
}

TEST_F(SettingsTest, AFlagGoesBeforeTheEnvironmentAndThatBeforeTheFile) {
  WriteFile("trace:\n  count: 3\n  cgroup: /file\n  comm: [a, b]\n");
  EXPECT_THAT(Arguments({"trace"}), ElementsAre("trace", "--cgroup=/file", "--count=3", "--comm=a", "--comm=b"));
  setenv("TLSMETER_COUNT", "2", 1);
  EXPECT_THAT(Arguments({"trace"}), ElementsAre("trace", "--cgroup=/file", "--count=2", "--comm=a", "--comm=b"));
  EXPECT_THAT(Arguments({"trace", "-N", "1", "-c", "z"}), ElementsAre("trace", "--cgroup=/file", "-N", "1", "-c", "z"));
}

TEST_F(SettingsTest, AVariableOfAFlagThatCanBeRepeatedHoldsAList) {
  WriteFile("trace:\n  sni: [x]\n");
  setenv("TLSMETER_SNI", "a.b,!c", 1);
  setenv("TLSMETER_FIELDS", "sni,comm", 1);  // no such flag: one value, with a comma in it
  EXPECT_THAT(Arguments({"trace"}), ElementsAre("trace", "--fields=sni,comm", "--sni=a.b", "--sni=!c"));
  EXPECT_THAT(Arguments({"trace", "-S", "d"}), ElementsAre("trace", "--fields=sni,comm", "-S", "d"));
}

TEST_F(SettingsTest, NamesTheVariableWhoseValueCannotBe) {
  WriteFile("");
  setenv("TLSMETER_COUNT", "many", 1);
  Cli cli;
  ASSERT_TRUE(cli.Parse({"trace"}).ok());
  const auto all = ArgumentsWith({"trace"}, *cli.command(), file_);
  EXPECT_EQ(all.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(all.status().message()), HasSubstr("TLSMETER_COUNT"));
}

TEST_F(SettingsTest, AFileThatIsNamedMustBeThere) {
  EXPECT_EQ(LoadSettings(file_ + ".none").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SettingsTest, PrintsWhatIsInForceAsAFileThatSaysTheSame) {
  WriteFile("trace:\n  comm: ['it''s', b]\n  count: 3\n");
  setenv("TLSMETER_CGROUP", "/env", 1);
  const auto text = EffectiveText(file_);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, HasSubstr("  comm: ['it''s', 'b']  # " + file_ + ":2:9\n"));
  EXPECT_THAT(*text, HasSubstr("  cgroup: '/env'  # TLSMETER_CGROUP\n"));
  EXPECT_THAT(*text, HasSubstr("  listen: '127.0.0.1:9743'  # default\n"));
  EXPECT_THAT(*text, HasSubstr("  # kubelet-url: not set\n"));
  unsetenv("TLSMETER_CGROUP");
  WriteFile(*text);
  const auto again = EffectiveText(file_);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(*again, HasSubstr("  comm: ['it''s', 'b']  # "));
  EXPECT_THAT(*again, Not(HasSubstr("# default")));
}

TEST_F(SettingsTest, NamesVariablesAfterFlags) {
  EXPECT_EQ(VariableOf("kubelet-url"), "TLSMETER_KUBELET_URL");
  EXPECT_EQ(VariableOf("web.config.file"), "TLSMETER_WEB_CONFIG_FILE");
}

}  // namespace
}  // namespace tlsmeter::agent
