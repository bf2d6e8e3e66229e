#include "src/tls/digest.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace tlsmeter {
namespace {

// RFC 1321, appendix A.5, and FIPS 180-4's example.
constexpr char kMd5OfAbc[] = "900150983cd24fb0d6963f7d28e17f72";
constexpr char kSha256OfAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(DigestTest, AgreesWithTheStandards) {
  EXPECT_EQ(Md5Hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(Md5Hex("abc"), kMd5OfAbc);
  EXPECT_EQ(Sha256Hex("abc"), kSha256OfAbc);
  EXPECT_EQ(LowerHex(Sha256(AsBytes("abc"))), kSha256OfAbc);
}

TEST(DigestTest, ATextIsNeverTakenForAnother) {
  // More texts than are remembered, short ones and ones too long to be, each asked for again at once and in a later round.
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < 500; ++i) {
      const std::string text(i % 2 == 0 ? i : 1000 + i, static_cast<char>('a' + i % 3));
      const std::string expected = LowerHex(Sha256(AsBytes(text)));
      ASSERT_EQ(Sha256Hex(text), expected) << text.size();
      ASSERT_EQ(Sha256Hex(text), expected) << text.size();
      ASSERT_EQ(Sha256Hex(text + 'x'), LowerHex(Sha256(AsBytes(text + 'x')))) << text.size();
    }
  }
}

TEST(DigestTest, EachThreadHasItsOwnMemory) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int round = 0; round < 1000; ++round) {
        ASSERT_EQ(Md5Hex("abc"), kMd5OfAbc);
        ASSERT_EQ(Sha256Hex("abc"), kSha256OfAbc);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace tlsmeter
