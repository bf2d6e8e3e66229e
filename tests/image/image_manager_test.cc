// The manager over a proc file system of our own making: maps files that name real libraries, and an attach function that
// only notes what it was asked.
#include "src/image/image_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "src/base/process_stat.h"
#include "tests/image/file_with_note.h"

namespace tlsmeter::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::Pair;

constexpr StackView kSeen{StackState::kInstrumented, StackKind::kOpenSsl};
constexpr StackView kNothing{StackState::kBlind, StackKind::kNone};

constexpr StackView OpenSslIs(StackState state) { return {state, StackKind::kOpenSsl}; }

const std::filesystem::path kLibraries = "/usr/lib/x86_64-linux-gnu";

class ImageManagerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kLibraries / "libssl.so.3")) GTEST_SKIP() << "there is no libssl.so.3 in " << kLibraries;
    root_ = std::filesystem::path(testing::TempDir()) / ("image_manager_test-" + std::to_string(getpid()));
    std::filesystem::create_directories(root_ / "proc");
    for (const char* name : {"libssl.so.3", "libcrypto.so.3"}) std::filesystem::copy_file(kLibraries / name, root_ / name);
    ImageManager::Options options;
    options.proc = root_ / "proc";
    options.configure = [this](uint32_t slot, const ImagePlan& plan) {
      configured_.push_back(slot);
      plan_ = plan;
      return absl::OkStatus();
    };
    options.attach = [this](int, uint32_t slot, const std::vector<Probe>& probes) -> absl::StatusOr<UprobeLink> {
      EXPECT_EQ(configured_.back(), slot);  // configured before it is attached
      attached_.push_back(probes.size());
      return UprobeLink();
    };
    options.know = [this](const MappedFile::Id& file, bool known) {
      if (known) {
        known_.insert(file.inode);
      } else {
        known_.erase(file.inode);
      }
    };
    options.now = [this] { return now_; };
    manager_.emplace(std::move(options));
  }

  void TearDown() override { std::filesystem::remove_all(root_); }

  static constexpr uint64_t kStart = 100;  // of processes, in ticks

  // A process that maps these files; `device` and inode numbers as maps shows them.
  void SetProcess(int pid, const std::vector<std::filesystem::path>& files, const std::string& device = "fe:01",
                  uint64_t start = kStart) {
    const std::filesystem::path directory = root_ / "proc" / std::to_string(pid);
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory / "map_files");
    WriteStat(pid, 0, start);
    std::ofstream maps(directory / "maps");
    int address = 0x1000;
    for (const std::filesystem::path& file : files) {
      const std::string range = std::to_string(address) + "-" + std::to_string(address + 1);
      const auto [number, added] = inodes_.try_emplace(file.string(), inodes_.size() + 1);
      maps << range << " r-xp 00000000 " << device << " " << number->second << "   " << file.string() << "\n";
      std::filesystem::create_symlink(file, directory / "map_files" / range);
      ++address;
    }
  }

  void WriteStat(int pid, uint64_t flags, uint64_t start) {
    std::ofstream(root_ / "proc" / std::to_string(pid) / "stat")
        << pid << " (a) S 1 1 1 0 -1 " << flags << " 0 0 0 0 0 0 0 0 20 0 1 0 " << start << " 0\n";
  }

  std::optional<StackView> StackOf(int pid, uint64_t start = kStart) const {
    return manager_->StackOf(pid, start * kNsPerTick + 1);
  }

  void EndProcess(int pid) { std::filesystem::remove_all(root_ / "proc" / std::to_string(pid)); }

  void Advance(absl::Duration time) {
    now_ += time;
    manager_->PollAll();
  }

  // What the kernel tells; the number is what SetProcess gives the file.
  void Tell(int pid, const std::filesystem::path& file, bool exec = false) {
    const uint64_t inode = inodes_.try_emplace(file.string(), inodes_.size() + 1).first->second;
    known_.insert(inode);
    manager_->Take({.pid = pid, .file = {.major = 0xfe, .minor = 1, .inode = inode}, .exec = exec});
  }

  std::vector<std::filesystem::path> OpenSsl() const { return {root_ / "libssl.so.3", root_ / "libcrypto.so.3"}; }

  std::filesystem::path root_;
  std::map<std::string, size_t> inodes_;
  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
  std::set<uint64_t> known_;  // inodes of which nobody would tell any more
  std::vector<uint32_t> configured_;
  std::vector<size_t> attached_;
  ImagePlan plan_;
  std::optional<ImageManager> manager_;
};

TEST_F(ImageManagerTest, AttachesToTheLibraryOfAProcessThatRunsAlready) {
  SetProcess(10, OpenSsl());
  manager_->PollAll();
  ASSERT_EQ(attached_.size(), 1u);
  EXPECT_EQ(attached_[0], plan_.probes.size());
  EXPECT_EQ(plan_.stack, TlsStack::kOpenSsl);
  EXPECT_THAT(StackOf(10), Optional(kSeen));
  const std::vector<ImageReport> images = manager_->Images();
  ASSERT_EQ(images.size(), 1u);
  EXPECT_EQ(images[0].path, (root_ / "libssl.so.3").string());
  EXPECT_EQ(images[0].processes, 1u);
  EXPECT_THAT(images[0].version, HasSubstr("OpenSSL 3."));
}

TEST_F(ImageManagerTest, SeesAProcessThatComesLater) {
  manager_->PollAll();
  SetProcess(10, OpenSsl());
  Advance(ImageManager::kListInterval);
  EXPECT_EQ(attached_.size(), 1u);
}

// Its maps open, and reading them fails.
TEST_F(ImageManagerTest, OutlivesAProcessThatEndsWhileItIsLookedAt) {
  SetProcess(10, {});
  std::filesystem::remove(root_ / "proc/10/maps");
  std::filesystem::create_symlink("/proc/self/mem", root_ / "proc/10/maps");
  Advance(ImageManager::kListInterval);
  EXPECT_EQ(StackOf(10), std::nullopt);
}

// A zombie's maps are empty, and so are those of a process that has not yet become one.
TEST_F(ImageManagerTest, KeepsWhatAProcessUsedWhileItEnds) {
  SetProcess(10, OpenSsl());
  manager_->PollAll();
  SetProcess(10, {});
  SetProcess(11, {});
  Advance(ImageManager::kListInterval);
  EXPECT_THAT(StackOf(10), Optional(kSeen));
  EXPECT_EQ(StackOf(11), std::nullopt);
}

TEST_F(ImageManagerTest, KnowsThatAKernelThreadUsesNothing) {
  SetProcess(10, {});
  WriteStat(10, 0x208040, kStart);
  manager_->PollAll();
  EXPECT_THAT(StackOf(10), Optional(kNothing));
}

TEST_F(ImageManagerTest, RemembersWhatAProcessUsedThatHasEnded) {
  SetProcess(10, OpenSsl());
  manager_->PollAll();
  EndProcess(10);
  Advance(ImageManager::kPruneInterval);
  EXPECT_THAT(manager_->ProcessCounts(), IsEmpty());
  EXPECT_THAT(StackOf(10), Optional(kSeen));
  for (size_t i = 0; i < ImageManager::kMaxEnded; ++i) SetProcess(1000 + static_cast<int>(i), {"/proc/self/exe"});
  Advance(ImageManager::kListInterval);
  for (size_t i = 0; i < ImageManager::kMaxEnded; ++i) EndProcess(1000 + static_cast<int>(i));
  Advance(ImageManager::kListInterval);
  EXPECT_THAT(StackOf(1000), Optional(kNothing));
  EXPECT_EQ(StackOf(10), std::nullopt);  // there is room for so many
}

TEST_F(ImageManagerTest, TellsProcessesApartThatHaveTheSameNumber) {
  SetProcess(10, OpenSsl());
  manager_->PollAll();
  SetProcess(10, {"/proc/self/exe"}, "fe:01", kStart + 1);
  EXPECT_EQ(StackOf(10, kStart + 1), std::nullopt);  // not yet looked at
  Advance(ImageManager::kListInterval);
  EXPECT_THAT(StackOf(10), Optional(kSeen));
  EXPECT_THAT(StackOf(10, kStart + 1), Optional(kNothing));
  EXPECT_EQ(StackOf(10, kStart + 2), std::nullopt);
}

TEST_F(ImageManagerTest, SeesALibraryThatIsMappedLater) {
  SetProcess(10, {"/proc/self/exe"});
  manager_->PollAll();
  EXPECT_THAT(StackOf(10), Optional(kNothing));
  SetProcess(10, OpenSsl());
  Advance(ImageManager::kListInterval);
  EXPECT_THAT(StackOf(10), Optional(kSeen));
}

TEST_F(ImageManagerTest, LooksLessOftenAtAnOldProcessUnlessItIsNoticed) {
  SetProcess(10, {"/proc/self/exe"});
  for (int i = 0; i < 400; ++i) Advance(ImageManager::kListInterval);  // 100 s
  EXPECT_GE(manager_->counters().processes_scanned, 8u);
  EXPECT_LE(manager_->counters().processes_scanned, 11u);
  Advance(ImageManager::kNoticeInterval);
  const uint64_t before = manager_->counters().processes_scanned;
  SetProcess(10, OpenSsl());
  manager_->Notice(10);
  manager_->Poll();
  EXPECT_THAT(StackOf(10), Optional(kSeen));
  manager_->Notice(10);  // too early
  manager_->Poll();
  EXPECT_EQ(manager_->counters().processes_scanned, before + 1);
}

TEST_F(ImageManagerTest, AttachesOncePerInodeWhateverTheDevicesOfItsOverlays) {
  SetProcess(10, OpenSsl(), "00:30");
  SetProcess(11, OpenSsl(), "00:31");
  manager_->PollAll();
  EXPECT_EQ(attached_.size(), 1u);
  ASSERT_EQ(manager_->Images().size(), 1u);
  EXPECT_EQ(manager_->Images()[0].processes, 2u);
}

TEST_F(ImageManagerTest, LetsGoWhenNobodyMapsTheFileAnyMore) {
  SetProcess(10, OpenSsl());
  SetProcess(11, OpenSsl());
  manager_->PollAll();
  EndProcess(10);
  Advance(ImageManager::kPruneInterval);
  EXPECT_EQ(manager_->counters().detached, 0u);
  EndProcess(11);
  Advance(ImageManager::kPruneInterval);
  EXPECT_EQ(manager_->counters().detached, 1u);
  EXPECT_THAT(manager_->Images(), IsEmpty());
  // A slot is not used again at once: events of the old file may still be under way.
  SetProcess(12, OpenSsl());
  Advance(ImageManager::kListInterval);
  EXPECT_THAT(configured_, ElementsAre(0, 1));
}

TEST_F(ImageManagerTest, DetachesAtOnceFromAFileThatIsWrittenTo) {
  SetProcess(10, OpenSsl());
  manager_->PollAll();
  std::ofstream(root_ / "libssl.so.3", std::ios::app) << "x";
  manager_->Poll();
  EXPECT_EQ(manager_->counters().overwritten, 1u);
  EXPECT_THAT(StackOf(10), Optional(OpenSslIs(StackState::kOverwritten)));
  EXPECT_EQ(manager_->TakeBlind().size(), 1u);
  EXPECT_THAT(manager_->TakeBlind(), IsEmpty());  // said once
  Advance(ImageManager::kMaxScanInterval);
  EXPECT_EQ(attached_.size(), 1u);  // left alone as long as it is mapped
  EndProcess(10);
  Advance(ImageManager::kPruneInterval);
  SetProcess(11, OpenSsl());
  Advance(ImageManager::kListInterval);
  EXPECT_EQ(attached_.size(), 2u);
}

TEST_F(ImageManagerTest, LeavesAloneForGoodABuildWhoseProbesReadWhatCannotBe) {
  SetProcess(10, OpenSsl());
  manager_->PollAll();
  manager_->Distrust(configured_.back() + 1);  // nobody's
  EXPECT_THAT(StackOf(10), Optional(kSeen));
  EXPECT_THAT(manager_->TakeBlind(), IsEmpty());
  manager_->Distrust(configured_.back());
  EXPECT_THAT(StackOf(10), Optional(OpenSslIs(StackState::kDistrusted)));
  EXPECT_EQ(manager_->counters().distrusted, 1u);
  const std::vector<ImageReport> blind = manager_->TakeBlind();
  ASSERT_EQ(blind.size(), 1u);
  EXPECT_EQ(blind[0].path, (root_ / "libssl.so.3").string());
  EXPECT_THAT(blind[0].message, HasSubstr("laid out in another way"));
  EXPECT_EQ(blind[0].build_id, plan_.build_id);
  // Neither the file when it is mapped again nor another of the same build is touched.
  EndProcess(10);
  Advance(ImageManager::kPruneInterval);
  std::filesystem::copy_file(root_ / "libssl.so.3", root_ / "copy.so");
  SetProcess(11, OpenSsl());
  SetProcess(12, {root_ / "copy.so", root_ / "libcrypto.so.3"});
  Advance(ImageManager::kListInterval);
  EXPECT_THAT(StackOf(11), Optional(OpenSslIs(StackState::kDistrusted)));
  EXPECT_THAT(StackOf(12), Optional(OpenSslIs(StackState::kDistrusted)));
  EXPECT_EQ(attached_.size(), 1u);
}

TEST_F(ImageManagerTest, WaitsForTheLibcryptoThatTheLoaderMapsNext) {
  SetProcess(10, {root_ / "libssl.so.3"});
  manager_->PollAll();
  EXPECT_THAT(StackOf(10), Optional(OpenSslIs(StackState::kPending)));
  SetProcess(10, OpenSsl());
  Advance(ImageManager::kListInterval);
  EXPECT_THAT(StackOf(10), Optional(kSeen));
  EXPECT_NE(plan_.field(ObjectField::kBioFlags).hops, 0);
}

TEST_F(ImageManagerTest, DoesWithoutALibcryptoThatNeverComes) {
  SetProcess(10, {root_ / "libssl.so.3"});
  for (int i = 0; i < 4; ++i) Advance(ImageManager::kListInterval);
  EXPECT_THAT(StackOf(10), Optional(kSeen));
  EXPECT_EQ(plan_.field(ObjectField::kBioFlags).hops, 0);
}

TEST_F(ImageManagerTest, CountsProcessesByState) {
  SetProcess(10, OpenSsl());
  SetProcess(11, {"/proc/self/exe"});
  SetProcess(12, {});  // ends
  manager_->PollAll();
  EXPECT_THAT(manager_->ProcessCounts(), ElementsAre(Pair(kSeen, 1u), Pair(StackView(), 1u), Pair(kNothing, 1u)));
}

TEST_F(ImageManagerTest, OfWhatAProcessMapsThatCountsWhichIsSeenBest) {
  std::ofstream(root_ / "go", std::ios::binary) << FileWithNote("Go\0", 4);
  SetProcess(10, {root_ / "go", "/proc/self/exe"});
  std::vector<std::filesystem::path> both = OpenSsl();
  both.insert(both.begin(), root_ / "go");
  SetProcess(11, both);
  manager_->PollAll();
  EXPECT_THAT(StackOf(10), Optional(StackView{StackState::kBlind, StackKind::kGo}));
  EXPECT_THAT(StackOf(11), Optional(kSeen));
  EXPECT_EQ(manager_->Images().size(), 1u);
}

TEST_F(ImageManagerTest, LooksAtOnceAtAProcessThatMapsAFileItDoesNotKnow) {
  SetProcess(10, {"/proc/self/exe"});
  for (int i = 0; i < 40; ++i) Advance(ImageManager::kListInterval);  // an old process
  EXPECT_EQ(manager_->UntilDue(), absl::InfiniteDuration());
  Tell(10, root_ / "libssl.so.3");
  EXPECT_EQ(manager_->UntilDue(), absl::ZeroDuration());
  manager_->Poll();  // not yet mapped executable
  EXPECT_EQ(manager_->UntilDue(), ImageManager::kHurriedInterval);
  SetProcess(10, OpenSsl());
  Advance(manager_->UntilDue());
  EXPECT_THAT(StackOf(10), Optional(kSeen));
}

TEST_F(ImageManagerTest, LooksAtAProcessThatItHasNotListedYet) {
  manager_->PollAll();
  SetProcess(10, OpenSsl());
  Tell(10, root_ / "libssl.so.3");
  manager_->Poll();
  EXPECT_THAT(StackOf(10), Optional(kSeen));
}

TEST_F(ImageManagerTest, LooksLessAndLessOftenAtAProcessThatMapsData) {
  SetProcess(10, {"/proc/self/exe"});
  manager_->PollAll();
  const uint64_t before = manager_->counters().processes_scanned;
  Tell(10, "/data");
  for (int i = 0; i < 2000; ++i) Advance(absl::Milliseconds(1));
  EXPECT_GE(manager_->counters().processes_scanned, before + 8);
  EXPECT_LE(manager_->counters().processes_scanned, before + 12);
  EXPECT_EQ(manager_->UntilDue(), absl::InfiniteDuration());
  EXPECT_TRUE(known_.contains(inodes_.at("/data")));
  // Another process may map it executable one day.
  Advance(ImageManager::kDataPatience + ImageManager::kPruneInterval);
  EXPECT_FALSE(known_.contains(inodes_.at("/data")));
}

TEST_F(ImageManagerTest, ForgetsWhatItKnewOfAProcessThatBecomesAnotherProgram) {
  SetProcess(10, OpenSsl());
  manager_->PollAll();
  Tell(10, "/proc/self/exe", true);
  EXPECT_EQ(StackOf(10), std::nullopt);
  SetProcess(10, {"/proc/self/exe"});
  manager_->Poll();
  EXPECT_THAT(StackOf(10), Optional(kNothing));
}

TEST_F(ImageManagerTest, DoesNotHurryForAFileThatItKnows) {
  SetProcess(10, OpenSsl());
  manager_->PollAll();
  EXPECT_TRUE(known_.contains(inodes_.at(root_ / "libssl.so.3")));
  Tell(10, root_ / "libssl.so.3", true);
  EXPECT_EQ(manager_->UntilDue(), absl::InfiniteDuration());
}

TEST_F(ImageManagerTest, WantsToBeToldAgainOfAFileThatNobodyMapsAnyMore) {
  SetProcess(10, OpenSsl());
  manager_->PollAll();
  EndProcess(10);
  Advance(ImageManager::kPruneInterval);
  EXPECT_FALSE(known_.contains(inodes_.at(root_ / "libssl.so.3")));
}

TEST_F(ImageManagerTest, WantsToBeToldAgainOfAFileWhoseProcessWasTooQuick) {
  Tell(10, root_ / "libssl.so.3");
  manager_->Poll();
  Advance(ImageManager::kListInterval);
  EXPECT_EQ(manager_->UntilDue(), absl::InfiniteDuration());
  EXPECT_FALSE(known_.contains(inodes_.at(root_ / "libssl.so.3")));
}

TEST_F(ImageManagerTest, HurriesForSoManyProcessesAtATime) {
  for (int i = 0; i <= static_cast<int>(ImageManager::kMaxHurried); ++i) Tell(10 + i, "/data");
  EXPECT_EQ(manager_->counters().over_limit, 1u);
}

TEST_F(ImageManagerTest, FindsAFileByItsPathWhereMapFilesMayNotBeRead) {
  SetProcess(10, OpenSsl());
  std::filesystem::remove_all(root_ / "proc/10/map_files");
  std::filesystem::create_symlink("/", root_ / "proc/10/root");
  manager_->PollAll();
  EXPECT_EQ(attached_.size(), 1u);
}

}  // namespace
}  // namespace tlsmeter::agent
