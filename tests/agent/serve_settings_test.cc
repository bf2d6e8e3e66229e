#include "src/agent/serve_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "src/agent/cli.h"
#include "src/agent/settings.h"

namespace tlsmeter::agent {
namespace {

using ::testing::HasSubstr;

// Started returns what `serve` with these flags runs by, and says on `read` what a reading of the file finds.
class ServeConfigurationTest : public ::testing::Test {
 protected:
  static ServeOptions OptionsOf(std::vector<std::string> flags) {
    flags.insert(flags.begin(), "serve");
    Cli cli;
    EXPECT_TRUE(cli.Parse(flags).ok());
    const absl::StatusOr<ServeOptions> options = cli.serve_options();
    EXPECT_TRUE(options.ok()) << options.status();
    return options.value_or(ServeOptions());
  }

  // Reload returns what is said.
  std::string Reload() {
    ::testing::internal::CaptureStderr();
    configuration_.Reload();
    return ::testing::internal::GetCapturedStderr();
  }

  SelfStats Self() const {
    SelfStats self;
    configuration_.AddTo(&self);
    return self;
  }

  absl::StatusOr<ServeOptions> read_;
  ServeConfiguration configuration_{OptionsOf({"--listen", ":1"}), [this] { return read_; }};
};

TEST(ServeSettingsTest, AreTheFlagsOfServe) {
  Cli cli;
  ASSERT_TRUE(cli.Parse({"serve"}).ok());
  std::vector<std::string> flags;
  for (const Flag& flag : SettingsOf(*cli.command())) flags.push_back(flag.long_names.front());
  std::vector<std::string> rows;
  for (const ServeSetting& setting : ServeSettings()) rows.emplace_back(setting.flag);
  EXPECT_EQ(rows, flags);
}

// The line that tlsmeter.yaml(5) has for a setting.
std::string ManualLine(const std::string& command, const Flag& flag) {
  const std::string& name = flag.long_names.front();
  const std::string type = flag.takes_value ? absl::StrCat("_", flag.type, "_") : "true or false";
  std::string line = absl::StrCat("*", name, "*: ", flag.repeatable ? "list of " : "", type);
  const std::string standard = flag.takes_value ? flag.standard : "false";
  if (!standard.empty()) absl::StrAppend(&line, "; default _", standard, "_");
  if (command != "serve") return line;
  const auto row = std::find_if(ServeSettings().begin(), ServeSettings().end(),
                                [&name](const ServeSetting& setting) { return setting.flag == name; });
  return absl::StrCat(line, row->at_reload == AtReload::kApplied ? "; reloaded" : "; needs a restart");
}

// The lines of tlsmeter.yaml(5) that begin the text of a setting of `command`: in the sections whose title names it.
std::multiset<std::string> ManualLines(const std::string& command) {
  std::ifstream stream(TLSMETER_CONFIG_MANUAL);
  std::multiset<std::string> lines;
  std::string line;
  bool within = false;
  while (std::getline(stream, line)) {
    const std::vector<std::string> words = absl::StrSplit(line, absl::ByAnyChar(" ,"));
    if (line.starts_with("#")) within = words[0] == "##" && std::find(words.begin(), words.end(), command) != words.end();
    if (within && line.starts_with("*")) lines.insert(line);
  }
  return lines;
}

TEST(ConfigManualTest, SaysOfEverySettingItsTypeItsDefaultAndWhatAReloadDoes) {
  size_t commands = 0;
  for (const Command& command : Cli().tree().commands) {
    std::multiset<std::string> expected;
    for (const Flag& flag : SettingsOf(command)) expected.insert(ManualLine(command.name, flag));
    EXPECT_EQ(ManualLines(command.name), expected) << command.name;
    commands += expected.empty() ? 0 : 1;
  }
  EXPECT_GE(commands, 4u);
}

TEST_F(ServeConfigurationTest, ARowIsThePartThatItsFlagMakes) {
  for (const ServeSetting& setting : ServeSettings()) {
    Cli cli;
    ASSERT_TRUE(cli.Parse({"serve"}).ok());
    const std::vector<Flag> flags = SettingsOf(*cli.command());
    const auto flag = std::find_if(flags.begin(), flags.end(),
                                   [&setting](const Flag& each) { return each.long_names.front() == setting.flag; });
    ASSERT_NE(flag, flags.end()) << setting.flag;
    const std::string value = !flag->takes_value                  ? "true"
                              : setting.flag == "server-names"    ? "off"
                              : setting.flag == "kubelet-timeout" ? "7s"
                              : setting.flag == "label"           ? "region=eu"
                                                                  : "https://other";
    const ServeOptions before = OptionsOf({});
    const ServeOptions after = OptionsOf({"--" + std::string(setting.flag) + "=" + value});
    for (const ServeSetting& other : ServeSettings()) {
      EXPECT_EQ(other.equal(before, after), &other != &setting) << setting.flag << " " << other.flag;
    }
    ServeOptions copied = before;
    setting.copy(after, &copied);
    EXPECT_TRUE(setting.equal(copied, after)) << setting.flag;
  }
}

TEST_F(ServeConfigurationTest, TakesOverWhatCanBeAndSaysWhatCannot) {
  read_ = OptionsOf({"--listen", ":2", "--trace", "--server-names", "suffix:3", "--kubelet-timeout", "7s"});
  EXPECT_EQ(Reload(),
            "tlsmeter: listen needs a restart\ntlsmeter: reloaded trace\ntlsmeter: reloaded kubelet-timeout\n"
            "tlsmeter: reloaded server-names\n");
  EXPECT_EQ(configuration_.in_force().listen, ":1");
  EXPECT_TRUE(configuration_.in_force().trace);
  EXPECT_EQ(configuration_.in_force().server_names.suffix_parts, 3u);
  EXPECT_EQ(configuration_.in_force().kubelet.timeout, std::chrono::seconds(7));
  EXPECT_EQ(Reload(), "tlsmeter: listen needs a restart\n") << "it still does";
  read_->listen = ":1";
  EXPECT_EQ(Reload(), "tlsmeter: SIGHUP: no setting has changed\n");
}

TEST_F(ServeConfigurationTest, ToldToBeQuietSaysOnlyWhatItCannot) {
  read_ = OptionsOf({"--listen", ":2", "--trace", "--quiet"});
  EXPECT_EQ(Reload(), "tlsmeter: listen needs a restart\n");
  EXPECT_TRUE(configuration_.in_force().trace);
  read_ = OptionsOf({"--listen", ":1", "--trace", "--quiet"});
  EXPECT_EQ(Reload(), "");
}

TEST_F(ServeConfigurationTest, ChangesNothingWhereAnythingIsWrong) {
  EXPECT_TRUE(Self().config_reload_ok);
  const double started_at = Self().config_reload_ok_at;
  EXPECT_GT(started_at, 0);
  read_ = absl::InvalidArgumentError("f.yaml:2:3: unknown key");
  EXPECT_EQ(Reload(), "tlsmeter: SIGHUP: everything stays as it was: f.yaml:2:3: unknown key\n");
  EXPECT_FALSE(Self().config_reload_ok);
  EXPECT_EQ(Self().config_reload_ok_at, started_at);
  read_ = OptionsOf({"--listen", ":1", "--trace"});
  EXPECT_THAT(Reload(), HasSubstr("reloaded trace"));
  EXPECT_TRUE(Self().config_reload_ok);
  EXPECT_GT(Self().config_reload_ok_at, started_at);
}

}  // namespace
}  // namespace tlsmeter::agent
