#include "src/image/process_maps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace tlsmeter::agent {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kMaps =
    "55d0c0000000-55d0c0001000 r--p 00000000 fe:01 1311 /usr/bin/cat\n"
    "55d0c0001000-55d0c0005000 r-xp 00001000 fe:01 1311                       /usr/bin/cat\n"
    "7f0000000000-7f0000001000 r-xp 00000000 00:2f 77   /lib/with space.so (deleted)\n"
    "7f0000001000-7f0000002000 r-xp 00003000 00:2f 77   /lib/with space.so (deleted)\n"
    "7f0000002000-7f0000003000 rwxp 00000000 00:00 0 \n"
    "7fff00000000-7fff00001000 r-xp 00000000 00:00 0    [vdso]\n";

TEST(ParseMaps, FindsEachExecutableFileOnce) {
  const std::vector<MappedFile> files = ParseMaps(kMaps);
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].id, (MappedFile::Id{0xfe, 1, 1311}));
  EXPECT_EQ(files[0].range, "55d0c0001000-55d0c0005000");
  EXPECT_EQ(files[0].path, "/usr/bin/cat");
  EXPECT_EQ(files[1].id, (MappedFile::Id{0, 0x2f, 77}));
  EXPECT_EQ(files[1].path, "/lib/with space.so (deleted)");
}

TEST(ParseMaps, LosesOnlyTheLineThatIsTorn) {
  for (size_t size = 0; size <= kMaps.size(); ++size) {
    const std::vector<MappedFile> files = ParseMaps(kMaps.substr(0, size));
    EXPECT_LE(files.size(), 2u);
    if (size >= kMaps.find("7f0000000000")) {
      EXPECT_EQ(files.at(0).path, "/usr/bin/cat") << size;
    }
  }
}

TEST(ParseMaps, PassesOverWhatIsNoMapping) {
  EXPECT_THAT(ParseMaps(""), IsEmpty());
  EXPECT_THAT(ParseMaps("\n\n \n"), IsEmpty());
  EXPECT_THAT(ParseMaps("1-2 r-xp 0 zz:01 5 /a\n1-2 r-xp 0 00:01 5x /a\n1-2 r-xp 0 00:01 /a\n1-2 r--p 0 00:01 5 /a\n"),
              IsEmpty());
}

TEST(ParseMaps, StopsAtItsCeiling) {
  std::string maps;
  for (size_t i = 1; i <= kMaxMappedFiles + 10; ++i) maps += "1-2 r-xp 0 00:01 " + std::to_string(i) + " /a\n";
  EXPECT_EQ(ParseMaps(maps).size(), kMaxMappedFiles);
}

TEST(ListProcesses, HasThisOneAmongThem) {
  EXPECT_THAT(ListProcesses("/proc"), Contains(getpid()));
  EXPECT_THAT(ListProcesses("/no/such/directory"), IsEmpty());
}

TEST(ListCgroupProcesses, DescendsAndSortsAndTellsEachOnce) {
  const std::filesystem::path root = std::filesystem::path(testing::TempDir()) / ("cgroup-" + std::to_string(getpid()));
  std::filesystem::create_directories(root / "a" / "b");
  std::ofstream(root / "cgroup.procs") << "30\n4\n";
  std::ofstream(root / "a" / "cgroup.procs") << "";
  std::ofstream(root / "a" / "b" / "cgroup.procs") << "7\n30\n";
  EXPECT_THAT(ListCgroupProcesses(root), ElementsAre(4, 7, 30));
  std::filesystem::remove_all(root);
  EXPECT_THAT(ListCgroupProcesses(root), IsEmpty());
}

}  // namespace
}  // namespace tlsmeter::agent
