#include "src/capture/privilege.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace tlsmeter::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Message(std::string_view status) { return std::string(CheckCapabilities(status).message()); }

TEST(Capabilities, AllOfThemAreEnough) { EXPECT_TRUE(CheckCapabilities("Name:\tx\nCapEff:\t000001ffffffffff\n").ok()); }

TEST(Capabilities, TheThreeAreEnough) {
  // CAP_NET_ADMIN 12, CAP_PERFMON 38, CAP_BPF 39
  EXPECT_TRUE(CheckCapabilities("CapEff:\t000000c000001000\n").ok());
}

TEST(Capabilities, SysAdminStandsForBpfAndPerfmon) { EXPECT_TRUE(CheckCapabilities("CapEff:\t0000000000201000\n").ok()); }

TEST(Capabilities, NamesEachThatIsMissing) {
  EXPECT_EQ(CheckCapabilities("CapEff:\t0000000000000000\n").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(Message("CapEff:\t0000000000000000\n"), HasSubstr("CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON:"));
  EXPECT_THAT(Message("CapEff:\t000000c000000000\n"),
              AllOf(HasSubstr("privilege CAP_NET_ADMIN:"), Not(HasSubstr("CAP_BPF,"))));
}

TEST(Capabilities, ATornStatusFileIsAnError) {
  EXPECT_FALSE(CheckCapabilities("").ok());
  EXPECT_FALSE(CheckCapabilities("CapEff:\t").ok());
  EXPECT_FALSE(CheckCapabilities("CapEff:\tzzzz\n").ok());
}

}  // namespace
}  // namespace tlsmeter::agent
