#include "src/capture/privilege.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace tlsmeter::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Message(std::string_view status) { return std::string(CheckCapabilities(status, false).message()); }

TEST(Capabilities, AllOfThemAreEnough) {
  EXPECT_TRUE(CheckCapabilities("Name:\tx\nCapEff:\t000001ffffffffff\n", false).ok());
}

TEST(Capabilities, TheThreeAreEnough) {
  // CAP_NET_ADMIN 12, CAP_PERFMON 38, CAP_BPF 39
  EXPECT_TRUE(CheckCapabilities("CapEff:\t000000c000001000\n", false).ok());
}

TEST(Capabilities, SysAdminStandsForBpfAndPerfmon) {
  EXPECT_TRUE(CheckCapabilities("CapEff:\t0000000000201000\n", false).ok());
}

TEST(Capabilities, NamesEachThatIsMissing) {
  EXPECT_EQ(CheckCapabilities("CapEff:\t0000000000000000\n", false).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(Message("CapEff:\t0000000000000000\n"), HasSubstr("CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON:"));
  EXPECT_THAT(Message("CapEff:\t000000c000000000\n"),
              AllOf(HasSubstr("privilege CAP_NET_ADMIN:"), Not(HasSubstr("CAP_BPF,"))));
}

TEST(Capabilities, TheLibrarySensorAlsoLooksIntoProcessesOfOthers) {
  const absl::Status refused = CheckCapabilities("CapEff:\t000000c000001000\n", true);
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(refused.message()), AllOf(HasSubstr("privilege CAP_SYS_PTRACE:"), HasSubstr("cap_sys_ptrace+ep")));
  EXPECT_THAT(std::string(CheckCapabilities("CapEff:\t0000000000201000\n", true).message()), HasSubstr("CAP_SYS_PTRACE"));
  EXPECT_TRUE(CheckCapabilities("CapEff:\t000000c000081000\n", true).ok());  // CAP_SYS_PTRACE 19
}

TEST(Capabilities, ATornStatusFileIsAnError) {
  EXPECT_FALSE(CheckCapabilities("", false).ok());
  EXPECT_FALSE(CheckCapabilities("CapEff:\t", false).ok());
  EXPECT_FALSE(CheckCapabilities("CapEff:\tzzzz\n", false).ok());
}

}  // namespace
}  // namespace tlsmeter::agent
