// The table over copies of a real libssl, and an attach function that only notes what it was asked.
#include "src/image/image_table.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tlsmeter::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::filesystem::path kLibrary = "/usr/lib/x86_64-linux-gnu/libssl.so.3";

class ImageTableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kLibrary)) GTEST_SKIP() << "there is no " << kLibrary;
    root_ = std::filesystem::path(testing::TempDir()) / ("image_table_test-" + std::to_string(getpid()));
    std::filesystem::create_directories(root_);
    const auto configure = [this](uint32_t slot, const ImagePlan& plan) {
      configured_.push_back(slot);
      plan_ = plan;
      return configure_status_;
    };
    const auto attach = [this](int, uint32_t slot, const std::vector<Probe>& probes) -> absl::StatusOr<UprobeLink> {
      EXPECT_EQ(configured_.back(), slot);  // configured before it is attached
      if (!attach_status_.ok()) return attach_status_;
      attached_.push_back(probes.size());
      return UprobeLink();
    };
    table_.emplace(configure, attach, &counters_);
  }

  void TearDown() override { std::filesystem::remove_all(root_); }

  std::filesystem::path Copy(const std::string& name) const {
    std::filesystem::copy_file(kLibrary, root_ / name);
    return root_ / name;
  }

  static void Overwrite(const std::filesystem::path& file, uint64_t offset, std::string_view bytes) {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(static_cast<std::streamoff>(offset));
    out << bytes;
  }

  // Does what becomes of a file that a process is seen to map.
  std::shared_ptr<ImageTable::Image> Meet(const std::filesystem::path& path) {
    absl::StatusOr<ElfFile> file = ElfFile::Open(path);
    absl::StatusOr<std::shared_ptr<ImageTable::Image>> image = table_->Find(*file, FileContent::kOpenSsl, path, absl::Now());
    if ((*image)->report.stack.state == StackState::kPending) table_->Instrument(&*file, nullptr, image->get());
    return *image;
  }

  std::filesystem::path root_;
  absl::Status configure_status_;
  absl::Status attach_status_;
  std::vector<uint32_t> configured_;
  std::vector<size_t> attached_;
  ImagePlan plan_;
  ImageCounters counters_;
  std::optional<ImageTable> table_;
};

TEST_F(ImageTableTest, AFileIsOneImageWhateverItsPaths) {
  const std::filesystem::path path = Copy("libssl.so");
  std::filesystem::create_symlink(path, root_ / "link.so");
  const auto image = Meet(path);
  EXPECT_EQ(Meet(root_ / "link.so"), image);
  EXPECT_THAT(attached_, ElementsAre(plan_.probes.size()));
  EXPECT_EQ(image->report.stack, (StackView{StackState::kInstrumented, StackKind::kOpenSsl}));
  EXPECT_EQ(image->report.path, path.string());
  EXPECT_EQ(image->report.build_id, plan_.build_id);
}

TEST_F(ImageTableTest, DecodesABuildOnceAndAttachesToEachCopy) {
  const auto first = Meet(Copy("a.so"));
  const auto second = Meet(Copy("b.so"));
  EXPECT_NE(first, second);
  EXPECT_THAT(attached_, SizeIs(2));
  EXPECT_EQ(counters_.planned, 1u);
  EXPECT_EQ(counters_.plans_reused, 1u);
  EXPECT_THAT(configured_, ElementsAre(0, 1));
}

// The build id says that it is the same build, its code says that it is not.
TEST_F(ImageTableTest, DoesNotTrustABuildIdOverTheCode) {
  const auto first = Meet(Copy("a.so"));
  const std::filesystem::path patched = Copy("patched.so");
  const auto end = std::find_if(plan_.probes.begin(), plan_.probes.end(),
                                [](const Probe& probe) { return probe.kind == ProbeKind::kWriteBufferFreed; });
  ASSERT_NE(end, plan_.probes.end());
  Overwrite(patched, end->file_offset, "\x90");
  const auto second = Meet(patched);
  EXPECT_EQ(counters_.plans_reused, 0u);
  EXPECT_EQ(counters_.planned, 2u);
}

TEST_F(ImageTableTest, NeverTouchesABuildThatItDoesNotUnderstand) {
  const std::filesystem::path path = Copy("libssl.so");
  absl::StatusOr<ElfFile> elf = ElfFile::Open(path);
  ASSERT_TRUE(elf.ok());
  constexpr std::string_view kNames[] = {"TLS_method"};
  const SymbolTable symbols = elf->FindSymbols(kNames, ElfFile::Symbols::kDynamic);
  Overwrite(path, *elf->FileOffset(symbols.at("TLS_method").begin), "\x0f\x0b");  // ud2
  const auto image = Meet(path);
  EXPECT_THAT(attached_, IsEmpty());
  EXPECT_THAT(configured_, IsEmpty());
  EXPECT_EQ(image->report.stack.state, StackState::kUnsupported);
  EXPECT_THAT(image->report.message, HasSubstr("unsupported build " + elf->build_id()));
}

TEST_F(ImageTableTest, SaysWhyItCouldNotAttach) {
  attach_status_ = absl::PermissionDeniedError("not allowed");
  const auto image = Meet(Copy("libssl.so"));
  EXPECT_EQ(image->report.stack.state, StackState::kFailed);
  EXPECT_THAT(image->report.message, HasSubstr("not allowed"));
  EXPECT_EQ(counters_.attached, 0u);
  const std::vector<ImageReport> blind = table_->TakeBlind();
  ASSERT_THAT(blind, SizeIs(1));
  EXPECT_EQ(blind[0].message, image->report.message);
  EXPECT_THAT(table_->TakeBlind(), IsEmpty());  // said once
}

TEST_F(ImageTableTest, DoesNotAttachWhatCouldNotBeConfigured) {
  configure_status_ = absl::InternalError("no room");
  EXPECT_EQ(Meet(Copy("libssl.so"))->report.stack.state, StackState::kFailed);
  EXPECT_THAT(attached_, IsEmpty());
}

TEST_F(ImageTableTest, DoesNotAttachToAFileThatChangesWhileItIsDecoded) {
  const std::filesystem::path path = Copy("libssl.so");
  absl::StatusOr<ElfFile> file = ElfFile::Open(path);
  const auto image = table_->Find(*file, FileContent::kOpenSsl, path, absl::Now());
  ASSERT_TRUE(image.ok());
  std::ofstream(path, std::ios::app) << "x";
  table_->Instrument(&*file, nullptr, image->get());
  EXPECT_THAT(attached_, IsEmpty());
  EXPECT_EQ((*image)->report.stack.state, StackState::kFailed);
  EXPECT_THAT((*image)->report.message, HasSubstr("it changed"));
}

TEST_F(ImageTableTest, LetsGoAFileThatIsWrittenTo) {
  const std::filesystem::path path = Copy("libssl.so");
  const auto image = Meet(path);
  std::ofstream(path, std::ios::app) << "x";
  table_->TakeChanges();
  EXPECT_EQ(image->report.stack.state, StackState::kOverwritten);
  EXPECT_EQ(counters_.overwritten, 1u);
  EXPECT_THAT(table_->TakeBlind(), SizeIs(1));
}

TEST_F(ImageTableTest, StaysAttachedWhenAFileIsOpenedForWritingAndLeftAsItWas) {
  const std::filesystem::path path = Copy("libssl.so");
  const auto image = Meet(path);
  { std::ofstream unchanged(path, std::ios::app); }
  table_->TakeChanges();
  EXPECT_EQ(counters_.overwritten, 0u);
  EXPECT_EQ(image->report.stack.state, StackState::kInstrumented);
}

TEST_F(ImageTableTest, LeavesAloneEveryCopyOfABuildWhoseProbesReadWhatCannotBe) {
  const auto image = Meet(Copy("a.so"));
  table_->Distrust(image->report.slot + 1);  // nobody's
  EXPECT_EQ(counters_.distrusted, 0u);
  table_->Distrust(image->report.slot);
  EXPECT_EQ(counters_.distrusted, 1u);
  EXPECT_EQ(image->report.stack.state, StackState::kDistrusted);
  EXPECT_EQ(Meet(Copy("b.so"))->report.stack.state, StackState::kDistrusted);
  EXPECT_THAT(attached_, SizeIs(1));
}

TEST_F(ImageTableTest, ForgetsWhatNobodyHoldsAndUsesItsSlotLast) {
  auto image = Meet(Copy("a.so"));
  table_->Prune();
  EXPECT_EQ(counters_.detached, 0u);
  image.reset();
  table_->Prune();
  EXPECT_EQ(counters_.detached, 1u);
  EXPECT_THAT(table_->images(), IsEmpty());
  Meet(root_ / "a.so");  // events of before may still be under way
  EXPECT_THAT(configured_, ElementsAre(0, 1));
}

TEST_F(ImageTableTest, AttachesToSoManyFiles) {
  std::vector<std::shared_ptr<ImageTable::Image>> images;
  for (uint32_t i = 0; i <= ImageTable::kMaxImages; ++i) images.push_back(Meet(Copy(std::to_string(i))));
  EXPECT_THAT(attached_, SizeIs(ImageTable::kMaxImages));
  EXPECT_EQ(counters_.over_limit, 1u);
  EXPECT_EQ(images.back()->report.stack.state, StackState::kFailed);
  EXPECT_THAT(images.back()->report.message, HasSubstr("more than 128 files"));
  // The slot of one that is let go is free.
  images[5].reset();
  table_->Prune();
  images.push_back(Meet(Copy("later")));
  EXPECT_EQ(images.back()->report.slot, 5u);
}

}  // namespace
}  // namespace tlsmeter::agent
