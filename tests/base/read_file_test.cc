#include "src/base/read_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace tlsmeter::agent {
namespace {

class ReadFileTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(root_); }
  void TearDown() override { std::filesystem::remove_all(root_); }

  const std::filesystem::path root_ =
      std::filesystem::path(testing::TempDir()) / ("read_file_test-" + std::to_string(getpid()));
  const std::string path_ = root_ / "file";
};

TEST_F(ReadFileTest, ReadsUpToItsCeilingAndNoMore) {
  const std::string long_text(100'000, 'x');
  std::ofstream(path_) << long_text;
  EXPECT_EQ(ReadFileAt(-1, path_, long_text.size()), long_text);
  EXPECT_EQ(ReadFileAt(-1, path_, long_text.size() - 1), std::nullopt);
  std::ofstream(path_) << "";
  EXPECT_EQ(ReadFileAt(-1, path_, 0), "");
}

TEST_F(ReadFileTest, HasNothingOfWhatCannotBeRead) {
  EXPECT_EQ(ReadFileAt(-1, path_, 10), std::nullopt);
  EXPECT_EQ(ReadFileAt(-1, root_, 10), std::nullopt);
  EXPECT_EQ(ReadFileAt(-1, "/proc/self/mem", 10), std::nullopt);  // it opens, and nothing is mapped at its start
}

TEST_F(ReadFileTest, DoesNotWaitForTheWriterOfAPipe) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(ReadFileAt(-1, path_, 10), std::nullopt);
}

}  // namespace
}  // namespace tlsmeter::agent
