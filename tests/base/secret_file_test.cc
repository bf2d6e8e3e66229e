#include "src/base/secret_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/base/fake_tree.h"

namespace tlsmeter::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(SecretFileTest, TakesTheWhiteSpaceAroundASecretAway) {
  const FakeTree tree;
  tree.Write("/a", " \tpass phrase\xc3\xa4\r\n\n");
  EXPECT_EQ(ReadSecret(tree.root() + "/a").value_or(""), "pass phrase\xc3\xa4");
}

TEST(SecretFileTest, RefusesWhatCannotStandInAHeaderFieldAndDoesNotRepeatIt) {
  const FakeTree tree;
  for (const char* text : {"secret\r\nX-Other: 1", "secret\x01", "secret\x7f"}) {
    tree.Write("/a", text);
    const absl::Status status = ReadSecret(tree.root() + "/a").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
  }
  for (const char* text : {"", "\n \n"}) {
    tree.Write("/a", text);
    EXPECT_THAT(std::string(ReadSecret(tree.root() + "/a").status().message()), HasSubstr("/a is empty"));
  }
}

TEST(SecretFileTest, NamesAFileThatCannotBeReadOrIsTooLong) {
  const FakeTree tree;
  EXPECT_THAT(std::string(ReadSecret(tree.root() + "/none").status().message()), HasSubstr("/none"));
  tree.Write("/a", std::string(kMaxSecretBytes, 'x'));
  EXPECT_TRUE(ReadSecret(tree.root() + "/a").ok());
  tree.Write("/a", std::string(kMaxSecretBytes + 1, 'x'));
  EXPECT_EQ(ReadSecret(tree.root() + "/a").status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace tlsmeter::agent
