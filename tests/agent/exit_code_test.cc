#include "src/agent/exit_code.h"

#include <gtest/gtest.h>

namespace tlsmeter::agent {
namespace {

TEST(ExitCode, TellsWrongUseFromWhatTheMachineLacks) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("x")), 1);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("x")), 2);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("x")), 2);
  EXPECT_EQ(ExitCodeOf(absl::PermissionDeniedError("x")), 3);
  EXPECT_EQ(ExitCodeOf(absl::FailedPreconditionError("x")), 3);
}

TEST(ExitCode, OneSentenceGoesToStderr) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(FailWith(absl::InvalidArgumentError("no such thing; name another")), 2);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "tlsmeter: no such thing; name another\n");
}

}  // namespace
}  // namespace tlsmeter::agent
