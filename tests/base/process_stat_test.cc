#include "src/base/process_stat.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "src/base/read_file.h"

namespace tlsmeter::agent {
namespace {

// proc_pid_stat(5): pid (comm) state ppid pgrp session tty_nr tpgid flags, twelve more, starttime.
std::string Line(const std::string& comm, const std::string& flags, const std::string& start) {
  return "42 (" + comm + ") S 1 1 1 0 -1 " + flags + " 0 0 0 0 0 0 0 0 20 0 1 0 " + start + " 0 0\n";
}

TEST(ProcessStatTest, CountsFieldsFromTheEndOfTheName) {
  for (const char* comm : {"nginx", "", ")", "a b c", "x) R 1 2 3 (y"}) {
    const auto stat = ParseProcessStat(Line(comm, "4194560", "1234"));
    ASSERT_TRUE(stat.has_value()) << comm;
    EXPECT_EQ(stat->start_ticks, 1234u);
    EXPECT_FALSE(stat->kernel_thread);
  }
}

TEST(ProcessStatTest, KnowsAKernelThreadByItsFlags) {
  EXPECT_TRUE(ParseProcessStat(Line("a", "2129984", "1"))->kernel_thread);
}

TEST(ProcessStatTest, RefusesWhatIsCutShort) {
  const std::string line = Line("a", "4194560", "1234");
  for (size_t length = 0; length <= line.find("1234"); ++length) {
    EXPECT_FALSE(ParseProcessStat(line.substr(0, length)).has_value()) << length;
  }
}

TEST(ProcessStatTest, RefusesWhatIsNoNumber) {
  EXPECT_FALSE(ParseProcessStat(Line("a", "x", "1234")).has_value());
  EXPECT_FALSE(ParseProcessStat(Line("a", "1", "x")).has_value());
  EXPECT_FALSE(ParseProcessStat(Line("a", "1", "99999999999999999999")).has_value());
}

TEST(ProcessStatTest, ReadsThisProcess) {
  const auto text = ReadFileAt(-1, "/proc/self/stat", kMaxProcessStat);
  const auto stat = ParseProcessStat(text.value_or(""));
  ASSERT_TRUE(stat.has_value());
  EXPECT_GT(stat->start_ticks, 0u);
  EXPECT_FALSE(stat->kernel_thread);
}

}  // namespace
}  // namespace tlsmeter::agent
