#include "src/attribution/proc_fs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "tests/base/fake_tree.h"

namespace tlsmeter::agent {
namespace {

constexpr uint64_t kTickNs = 10'000'000;

TEST(ProcFsTest, ReadsTheProcessThatWasMeant) {
  const FakeTree tree;
  tree.AddProcess(42, 1234, "0::/system.slice/a.service\n", "/usr/sbin/nginx");
  const ProcFs proc(tree.root() + "/proc");
  const auto facts = proc.Read(42, 1234 * kTickNs + kTickNs - 1);
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->executable, "/usr/sbin/nginx");
  EXPECT_EQ(facts->cgroup, "0::/system.slice/a.service\n");
}

TEST(ProcFsTest, TellsAnotherProcessWithTheSamePidApart) {
  const FakeTree tree;
  tree.AddProcess(42, 1234, "0::/\n", "/bin/a");
  const ProcFs proc(tree.root() + "/proc");
  EXPECT_FALSE(proc.Read(42, 1235 * kTickNs).has_value());
  EXPECT_FALSE(proc.Read(42, 1234 * kTickNs - 1).has_value());
  EXPECT_FALSE(proc.Read(43, 1234 * kTickNs).has_value());
}

TEST(ProcFsTest, ReadsWithoutTheRightToSeeTheExecutable) {
  const FakeTree tree;
  tree.AddProcess(42, 7, "0::/\n", "");
  const auto facts = ProcFs(tree.root() + "/proc").Read(42, 7 * kTickNs);
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->executable, "");
}

TEST(ProcFsTest, FindsNothingInFilesThatAreNotWhole) {
  const FakeTree tree;
  const ProcFs proc(tree.root() + "/proc");
  tree.AddProcess(42, 1234, "0::/\n", "");
  std::ifstream file(tree.root() + "/proc/42/stat");
  const std::string stat{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const size_t end = stat.find(" 1234 ");
  for (size_t length = 0; length <= end; ++length) {
    tree.Write("/proc/42/stat", stat.substr(0, length));
    EXPECT_FALSE(proc.Read(42, 1234 * kTickNs).has_value()) << length;
  }
  tree.Write("/proc/42/stat", stat);
  EXPECT_TRUE(proc.Read(42, 1234 * kTickNs).has_value());
  tree.Remove("/proc/42/cgroup");
  EXPECT_FALSE(proc.Read(42, 1234 * kTickNs).has_value());
}

// The kernel's own file, and the start time that it gives there in another unit.
TEST(ProcFsTest, ReadsThisProcess) {
  std::ifstream file("/proc/self/stat");
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  const auto facts = ProcFs("/proc").Read(static_cast<uint32_t>(getpid()), std::stoull(field) * kTickNs);
  ASSERT_TRUE(facts.has_value());
  EXPECT_TRUE(facts->executable.ends_with("/attribution_test")) << facts->executable;
  EXPECT_NE(facts->cgroup.find(":/"), std::string::npos);
}

}  // namespace
}  // namespace tlsmeter::agent
