#include "src/image/file_content.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/image/file_with_note.h"
#include "tests/image/memory_file.h"

namespace tlsmeter::agent {
namespace {

FileContent ContentOfFileWithNote(const char (&name)[4], uint32_t type) {
  const MemoryFile file(FileWithNote(name, type));
  absl::StatusOr<ElfFile> elf = ElfFile::Open(file.path());
  EXPECT_TRUE(elf.ok()) << elf.status();
  return elf.ok() ? ContentOf(&*elf) : FileContent::kNothing;
}

TEST(FileContentTest, AGoProgramIsKnownByItsLinkersNote) {
  EXPECT_EQ(ContentOfFileWithNote("Go\0", 4), FileContent::kGo);
  EXPECT_EQ(ContentOfFileWithNote("Gp\0", 4), FileContent::kNothing);
  EXPECT_EQ(ContentOfFileWithNote("Go\0", 3), FileContent::kNothing);
}

struct InstalledFile {
  const char* name;
  FileContent content;
  bool crypto;
};

class InstalledFileTest : public ::testing::TestWithParam<InstalledFile> {};

TEST_P(InstalledFileTest, IsKnownByItsSymbols) {
  const std::filesystem::path path = std::filesystem::path("/usr/lib/x86_64-linux-gnu") / GetParam().name;
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "there is no " << path;
  absl::StatusOr<ElfFile> elf = ElfFile::Open(path);
  ASSERT_TRUE(elf.ok()) << elf.status();
  EXPECT_EQ(ContentOf(&*elf), GetParam().content);
  EXPECT_EQ(DefinesCrypto(&*elf), GetParam().crypto);
}

INSTANTIATE_TEST_SUITE_P(Files, InstalledFileTest,
                         ::testing::Values(InstalledFile{"libssl.so.3", FileContent::kOpenSsl, false},
                                           InstalledFile{"libcrypto.so.3", FileContent::kCrypto, true},
                                           InstalledFile{"libgnutls.so.30", FileContent::kGnuTls, false},
                                           InstalledFile{"libssl3.so", FileContent::kNss, false},
                                           InstalledFile{"libz.so.1", FileContent::kNothing, false}),
                         [](const auto& test) {
                           std::string name = test.param.name;
                           return name.substr(0, name.find('.'));
                         });

TEST(FileContentTest, OnlyWhatSpeaksTlsIsAnImplementation) {
  EXPECT_EQ(KindOf(FileContent::kOpenSsl), StackKind::kOpenSsl);
  EXPECT_EQ(KindOf(FileContent::kGnuTls), StackKind::kGnuTls);
  EXPECT_EQ(KindOf(FileContent::kNss), StackKind::kNss);
  EXPECT_EQ(KindOf(FileContent::kJava), StackKind::kJava);
  EXPECT_EQ(KindOf(FileContent::kGo), StackKind::kGo);
  EXPECT_EQ(KindOf(FileContent::kCrypto), StackKind::kNone);
  EXPECT_EQ(KindOf(FileContent::kNothing), StackKind::kNone);
}

}  // namespace
}  // namespace tlsmeter::agent
