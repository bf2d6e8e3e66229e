#include "src/agent/serve_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

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
    cli.Parse(flags);
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
  cli.Parse({"serve"});
  std::vector<std::string> flags;
  for (const CLI::Option* option : SettingsOf(*cli.command())) flags.push_back(option->get_lnames().front());
  std::vector<std::string> rows;
  for (const ServeSetting& setting : ServeSettings()) rows.emplace_back(setting.flag);
  EXPECT_EQ(rows, flags);
}

TEST_F(ServeConfigurationTest, ARowIsThePartThatItsFlagMakes) {
  for (const ServeSetting& setting : ServeSettings()) {
    Cli cli;
    cli.Parse({"serve"});
    const CLI::Option* option = cli.command()->get_option_no_throw("--" + std::string(setting.flag));
    ASSERT_NE(option, nullptr) << setting.flag;
    const std::string value = option->get_expected_max() == 0     ? "true"
                              : setting.flag == "server-names"    ? "off"
                              : setting.flag == "kubelet-timeout" ? "7s"
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
