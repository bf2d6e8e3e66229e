#include "src/capture/cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tlsmeter::agent {
namespace {

using ::testing::HasSubstr;

TEST(Cgroup2Mount, IsFoundInAPureTree) {
  EXPECT_EQ(ParseCgroup2Mount("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                              "30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"),
            "/sys/fs/cgroup");
}

TEST(Cgroup2Mount, IsFoundInAHybridTree) {
  EXPECT_EQ(ParseCgroup2Mount("30 22 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
                              "31 30 0:27 / /sys/fs/cgroup/memory rw shared:5 - cgroup cgroup rw,memory\n"
                              "32 30 0:28 / /sys/fs/cgroup/unified rw shared:6 master:1 - cgroup2 cgroup2 rw\n"),
            "/sys/fs/cgroup/unified");
}

TEST(Cgroup2Mount, UndoesTheEscapesOfMountinfo) {
  EXPECT_EQ(ParseCgroup2Mount("32 30 0:28 / /mnt/a\\040b rw - cgroup2 none rw\n"), "/mnt/a b");
}

TEST(Cgroup2Mount, IsEmptyWhereThereIsNone) {
  EXPECT_EQ(ParseCgroup2Mount(""), "");
  EXPECT_EQ(ParseCgroup2Mount("31 30 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"), "");
  EXPECT_EQ(ParseCgroup2Mount("torn line\n\n - cgroup2\n1 2 3 4 5 6 -"), "");
}

TEST(CgroupDirectory, SaysWhichPathDoesNotExist) {
  const auto cgroup = CgroupDirectory::Open("/no/such/cgroup");
  ASSERT_FALSE(cgroup.ok());
  EXPECT_EQ(cgroup.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(cgroup.status().message()), HasSubstr("/no/such/cgroup"));
}

TEST(CgroupDirectory, RefusesADirectoryOfAnotherFileSystem) {
  const auto cgroup = CgroupDirectory::Open("/proc");
  ASSERT_FALSE(cgroup.ok());
  EXPECT_THAT(std::string(cgroup.status().message()), HasSubstr("not in a cgroup v2 hierarchy"));
}

}  // namespace
}  // namespace tlsmeter::agent
