#include "src/image/elf_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "src/image/gnutls_image.h"
#include "src/image/machine_code.h"
#include "src/image/openssl_image.h"
#include "tests/image/memory_file.h"

namespace tlsmeter::agent {
namespace {

constexpr std::string_view kNames[] = {"SSL_free", "no_such_symbol"};

std::string InstalledLibrary() { return "/usr/lib/x86_64-linux-gnu/libssl.so.3"; }

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class ElfFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    contents_ = ReadFile(InstalledLibrary());
    if (contents_.empty()) GTEST_SKIP() << "there is no " << InstalledLibrary();
  }
  std::string contents_;
};

TEST_F(ElfFileTest, FindsASymbolAndItsFunction) {
  absl::StatusOr<ElfFile> file = ElfFile::Open(InstalledLibrary());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->machine(), EM_X86_64);
  EXPECT_EQ(file->build_id().size(), 40u);
  const SymbolTable symbols = file->FindSymbols(kNames, ElfFile::Symbols::kDynamic);
  ASSERT_EQ(symbols.size(), 1u);
  const CodeRange range = symbols.begin()->second;
  EXPECT_TRUE(file->IsExecutable(range.begin));
  for (const uint64_t address : {range.begin, range.begin + 1, range.end - 1}) {
    const std::optional<CodeRange> function = file->FunctionAt(address);
    ASSERT_TRUE(function);
    EXPECT_EQ(*function, range);
  }
}

TEST_F(ElfFileTest, HasNothingOutsideItsSegments) {
  absl::StatusOr<ElfFile> file = ElfFile::Open(InstalledLibrary());
  ASSERT_TRUE(file.ok()) << file.status();
  std::vector<uint8_t> byte(1);
  for (const uint64_t address : {uint64_t{1} << 40, UINT64_MAX, UINT64_MAX - 7}) {
    EXPECT_FALSE(file->Read(address, byte));
    EXPECT_FALSE(file->FunctionAt(address));
    EXPECT_FALSE(file->ReadPointer(address));
    EXPECT_FALSE(file->IsExecutable(address));
    EXPECT_EQ(file->ReadString(address, 10), "");
  }
  EXPECT_TRUE(file->ReadRange({0, UINT64_MAX}).empty());
  EXPECT_TRUE(file->ReadRange({8, 8}).empty());
  EXPECT_TRUE(file->ReadRange({16, 8}).empty());
}

TEST_F(ElfFileTest, RefusesWhatIsNoElfFile) {
  EXPECT_EQ(ElfFile::Open("/no/such/file").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ElfFile::Open("/dev/null").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ElfFile::Open("/proc").status().code(), absl::StatusCode::kInvalidArgument);
  const MemoryFile text("#!/bin/sh\n");
  EXPECT_EQ(ElfFile::Open(text.path()).status().code(), absl::StatusCode::kInvalidArgument);
  contents_[EI_CLASS] = ELFCLASS32;
  const MemoryFile narrow(contents_);
  EXPECT_EQ(ElfFile::Open(narrow.path()).status().code(), absl::StatusCode::kInvalidArgument);
}

// Everything that is done to a file. It must end, and not crash; what comes out of a damaged file is not trusted anyway.
void DecodeAll(const std::string& path) {
  absl::StatusOr<ElfFile> file = ElfFile::Open(path);
  if (!file.ok()) return;
  const absl::StatusOr<ImagePlan> plan = PlanOpenSsl(&*file, &*file);
  if (plan.ok()) {
    EXPECT_LE(plan->probes.size(), kMaxProbes);
  }
  (void)PlanGnuTls(&*file);
}

TEST_F(ElfFileTest, SurvivesEveryKindOfTruncation) {
  for (size_t size = 0; size < contents_.size(); size += size < 512 ? 7 : 9973) {
    const MemoryFile torn(std::string_view(contents_).substr(0, size));
    absl::StatusOr<ElfFile> file = ElfFile::Open(torn.path());
    if (size < sizeof(Elf64_Ehdr)) {
      EXPECT_FALSE(file.ok()) << size;
    }
    DecodeAll(torn.path());
  }
}

TEST_F(ElfFileTest, SurvivesBeingCutWhileItIsOpen) {
  const MemoryFile shrinking(contents_);
  absl::StatusOr<ElfFile> file = ElfFile::Open(shrinking.path());
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(ftruncate(shrinking.fd(), 8192), 0);
  EXPECT_FALSE(PlanOpenSsl(&*file, nullptr).ok());
}

TEST_F(ElfFileTest, SurvivesDamagedHeadersAndTables) {
  Elf64_Ehdr header;
  memcpy(&header, contents_.data(), sizeof(header));
  std::mt19937 random(7);
  for (int round = 0; round < 400; ++round) {
    std::string damaged = contents_;
    // In turn: the headers at the start, the section headers, anywhere.
    const size_t starts[] = {0, header.e_shoff, 0};
    const size_t sizes[] = {64 + header.e_phnum * sizeof(Elf64_Phdr), header.e_shnum * sizeof(Elf64_Shdr), damaged.size()};
    const int bytes = round % 3 == 2 ? 2000 : 3;
    for (int i = 0; i < bytes; ++i) {
      damaged[starts[round % 3] + random() % sizes[round % 3]] = static_cast<char>(round % 2 == 0 ? random() : 0xff);
    }
    const MemoryFile file(damaged);
    DecodeAll(file.path());
  }
}

TEST_F(ElfFileTest, ATableLargerThanTheFileIsNotAllocated) {
  Elf64_Ehdr header;
  memcpy(&header, contents_.data(), sizeof(header));
  for (size_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    char* at = contents_.data() + header.e_shoff + i * sizeof(section);
    memcpy(&section, at, sizeof(section));
    section.sh_size = UINT64_MAX - section.sh_offset;
    memcpy(at, &section, sizeof(section));
  }
  const MemoryFile file(contents_);
  absl::StatusOr<ElfFile> elf = ElfFile::Open(file.path());
  ASSERT_TRUE(elf.ok()) << elf.status();
  EXPECT_TRUE(elf->FindSymbols(kNames, ElfFile::Symbols::kAll).empty());
}

}  // namespace
}  // namespace tlsmeter::agent
