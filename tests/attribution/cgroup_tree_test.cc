#include "src/attribution/cgroup_tree.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

namespace tlsmeter::agent {
namespace {

TEST(CgroupTreeTest, FindsACgroupByItsIdUntilItIsRemoved) {
  const absl::StatusOr<CgroupTree> tree = CgroupTree::Open();
  const absl::StatusOr<CgroupDirectory> root = CgroupDirectory::Open("");
  if (!tree.ok() || !root.ok()) GTEST_SKIP() << "needs a mounted cgroup v2";
  const std::string name = "/tlsmeter-unit-test-" + std::to_string(getpid());
  const std::string outer = root->path() + name;
  if (mkdir(outer.c_str(), 0755) != 0) GTEST_SKIP() << "needs the right to make cgroups";
  const std::string inner = outer + "/inner one";
  ASSERT_EQ(mkdir(inner.c_str(), 0755), 0);
  struct stat st;
  EXPECT_EQ(stat(inner.c_str(), &st), 0);
  const std::string found = tree->PathOf(st.st_ino);
  rmdir(inner.c_str());
  rmdir(outer.c_str());
  if (found.empty() && geteuid() != 0) GTEST_SKIP() << "needs CAP_DAC_READ_SEARCH";
  EXPECT_EQ(found, name + "/inner one");
  EXPECT_EQ(tree->PathOf(st.st_ino), "");
  EXPECT_EQ(tree->PathOf(root->id()), "/");
  EXPECT_EQ(tree->PathOf(0), "");
  EXPECT_EQ(tree->PathOf(~uint64_t{0}), "");
}

}  // namespace
}  // namespace tlsmeter::agent
