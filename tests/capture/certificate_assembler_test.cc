#include "src/capture/certificate_assembler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace tlsmeter::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr LibraryHandshakeId kHandshake{.pid = 7, .object = 0x1000, .start = 1};

std::vector<uint8_t> Pattern(size_t size) {
  std::vector<uint8_t> bytes(size);
  std::iota(bytes.begin(), bytes.end(), uint8_t{1});
  return bytes;
}

CertificatePiece Whole(uint64_t hash, const std::vector<uint8_t>& bytes) {
  return {.hash = hash, .length = static_cast<uint32_t>(bytes.size()), .bytes = bytes};
}

CertificatePiece Repeat(uint64_t hash, uint32_t length) { return {.hash = hash, .length = length, .bytes = {}}; }

CertificatePiece Part(const std::vector<uint8_t>& whole, uint32_t offset, uint32_t size, uint8_t index = 0) {
  return {.index = index,
          .length = static_cast<uint32_t>(whole.size()),
          .offset = offset,
          .bytes = std::span(whole).subspan(offset, size)};
}

TEST(CertificateAssembler, NamesARepeatByItsHash) {
  CertificateAssembler assembler;
  const std::vector<uint8_t> bytes = Pattern(300);
  const CertificateDer first = assembler.Add(kHandshake, Whole(9, bytes));
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(*first, bytes);
  EXPECT_EQ(assembler.Add(kHandshake, Repeat(9, 300)), first);
  EXPECT_EQ(assembler.lost(), 0u);
}

TEST(CertificateAssembler, CountsAHashWithoutBytesAndAsksForThem) {
  CertificateAssembler assembler;
  EXPECT_EQ(assembler.Add(kHandshake, Repeat(9, 300)), nullptr);
  EXPECT_EQ(assembler.lost(), 1u);
  EXPECT_THAT(assembler.TakeForgotten(), ElementsAre(9u));
  EXPECT_THAT(assembler.TakeForgotten(), IsEmpty());
}

TEST(CertificateAssembler, ForgetsTheLongestUnused) {
  CertificateAssembler assembler;
  const std::vector<uint8_t> bytes = Pattern(10);
  for (uint64_t hash = 1; hash <= kMaxKnownCertificates; ++hash) (void)assembler.Add(kHandshake, Whole(hash, bytes));
  ASSERT_NE(assembler.Add(kHandshake, Repeat(1, 10)), nullptr);  // used: now the youngest
  (void)assembler.Add(kHandshake, Whole(kMaxKnownCertificates + 1, bytes));
  EXPECT_NE(assembler.Add(kHandshake, Repeat(1, 10)), nullptr);
  EXPECT_EQ(assembler.Add(kHandshake, Repeat(2, 10)), nullptr);
}

TEST(CertificateAssembler, JoinsPiecesOfSeveralCertificates) {
  CertificateAssembler assembler;
  const std::vector<uint8_t> a = Pattern(250), b = Pattern(200);
  EXPECT_EQ(assembler.Add(kHandshake, Part(a, 0, 100, 0)), nullptr);
  EXPECT_EQ(assembler.Add(kHandshake, Part(b, 0, 100, 1)), nullptr);
  EXPECT_EQ(assembler.Add(kHandshake, Part(a, 100, 100, 0)), nullptr);
  const CertificateDer whole_b = assembler.Add(kHandshake, Part(b, 100, 100, 1));
  const CertificateDer whole_a = assembler.Add(kHandshake, Part(a, 200, 50, 0));
  ASSERT_NE(whole_a, nullptr);
  ASSERT_NE(whole_b, nullptr);
  EXPECT_EQ(*whole_a, a);
  EXPECT_EQ(*whole_b, b);
  EXPECT_EQ(assembler.lost(), 0u);
}

TEST(CertificateAssembler, GivesUpACertificateWithAHole) {
  CertificateAssembler assembler;
  const std::vector<uint8_t> bytes = Pattern(250);
  EXPECT_EQ(assembler.Add(kHandshake, Part(bytes, 0, 100)), nullptr);
  EXPECT_EQ(assembler.Add(kHandshake, Part(bytes, 200, 50)), nullptr);
  EXPECT_EQ(assembler.lost(), 1u);
}

TEST(CertificateAssembler, CountsACertificateWhoseBeginningIsMissingOnce) {
  CertificateAssembler assembler;
  const std::vector<uint8_t> bytes = Pattern(250);
  EXPECT_EQ(assembler.Add(kHandshake, Part(bytes, 100, 100)), nullptr);
  EXPECT_EQ(assembler.Add(kHandshake, Part(bytes, 200, 50)), nullptr);
  EXPECT_EQ(assembler.lost(), 1u);
}

TEST(CertificateAssembler, KeepsNoMorePartialOnesThanItsCeiling) {
  CertificateAssembler assembler;
  const std::vector<uint8_t> bytes = Pattern(200);
  LibraryHandshakeId id = kHandshake;
  for (size_t i = 0; i <= kMaxPartialCertificates; ++i) {
    id.object = i;
    EXPECT_EQ(assembler.Add(id, Part(bytes, 0, 100)), nullptr);
  }
  EXPECT_EQ(assembler.lost(), 1u);
  EXPECT_NE(assembler.Add(id, Part(bytes, 100, 100)), nullptr);  // the youngest is still there
  id.object = 0;
  EXPECT_EQ(assembler.Add(id, Part(bytes, 100, 100)), nullptr);  // the oldest had to go
}

}  // namespace
}  // namespace tlsmeter::agent
