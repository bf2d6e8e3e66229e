#include "tlsmeter/byte_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/message_builder.h"

namespace tlsmeter {
namespace {

using ::testing::ElementsAre;
using ::tlsmeter::testing::Bytes;

TEST(ByteReaderTest, ReadsIntegersBigEndian) {
  const Bytes bytes = {1, 2, 3, 4, 5, 6, 0xff, 8, 9, 10};
  ByteReader reader(bytes);
  uint8_t u8;
  uint16_t u16;
  uint32_t u24;
  uint32_t u32;
  ASSERT_TRUE(reader.ReadU8(&u8));
  ASSERT_TRUE(reader.ReadU16(&u16));
  ASSERT_TRUE(reader.ReadU24(&u24));
  ASSERT_TRUE(reader.ReadU32(&u32));
  EXPECT_EQ(u8, 1);
  EXPECT_EQ(u16, 0x0203);
  EXPECT_EQ(u24, 0x040506u);
  EXPECT_EQ(u32, 0xff08090au);
  EXPECT_TRUE(reader.empty());
}

TEST(ByteReaderTest, AReadPastTheEndFailsAndConsumesNothing) {
  const Bytes bytes = {1, 2, 3};
  ByteReader reader(bytes);
  uint32_t u32 = 99;
  std::span<const uint8_t> view;
  EXPECT_FALSE(reader.ReadU32(&u32));
  EXPECT_FALSE(reader.ReadBytes(4, &view));
  EXPECT_FALSE(reader.Skip(4));
  EXPECT_FALSE(reader.Skip(SIZE_MAX));
  EXPECT_EQ(u32, 99u);
  EXPECT_EQ(reader.remaining(), 3u);
  ASSERT_TRUE(reader.ReadU24(&u32));
  EXPECT_EQ(u32, 0x010203u);
  uint8_t u8 = 7;
  uint16_t u16 = 7;
  EXPECT_FALSE(reader.ReadU8(&u8));
  EXPECT_FALSE(reader.ReadU16(&u16));
  EXPECT_FALSE(reader.ReadU24(&u32));
  EXPECT_EQ(u8, 7);
  EXPECT_EQ(u16, 7);
}

TEST(ByteReaderTest, APrefixYieldsAReaderOverExactlyItsBytes) {
  const Bytes bytes = {2, 10, 11, 0, 1, 12, 0, 0, 2, 13, 14, 15};
  ByteReader reader(bytes);
  ByteReader sub8;
  ByteReader sub16;
  ByteReader sub24;
  ASSERT_TRUE(reader.ReadPrefixed8(&sub8));
  ASSERT_TRUE(reader.ReadPrefixed16(&sub16));
  ASSERT_TRUE(reader.ReadPrefixed24(&sub24));
  EXPECT_THAT(sub8.rest(), ElementsAre(10, 11));
  EXPECT_THAT(sub16.rest(), ElementsAre(12));
  EXPECT_THAT(sub24.rest(), ElementsAre(13, 14));
  EXPECT_THAT(reader.rest(), ElementsAre(15));
}

TEST(ByteReaderTest, APrefixLongerThanWhatIsLeftFailsAndConsumesNothing) {
  const Bytes bytes = {0, 0, 3, 1, 2};
  ByteReader reader(bytes);
  ByteReader sub;
  EXPECT_FALSE(reader.ReadPrefixed24(&sub));
  EXPECT_EQ(reader.remaining(), 5u);
  EXPECT_TRUE(sub.empty());
  ASSERT_TRUE(reader.Skip(2));
  EXPECT_FALSE(reader.ReadPrefixed8(&sub));
  EXPECT_FALSE(reader.ReadPrefixed16(&sub));
  EXPECT_EQ(reader.remaining(), 3u);
}

TEST(ByteReaderTest, APrefixThatIsItselfCutFails) {
  const Bytes bytes = {0};
  ByteReader reader(bytes);
  ByteReader sub;
  EXPECT_FALSE(reader.ReadPrefixed16(&sub));
  EXPECT_FALSE(reader.ReadPrefixed24(&sub));
  EXPECT_TRUE(reader.ReadPrefixed8(&sub));
  EXPECT_TRUE(sub.empty());
}

TEST(ByteReaderTest, ASubReaderCannotReachPastItsPrefix) {
  const Bytes bytes = {1, 0xaa, 0xbb, 0xcc};
  ByteReader reader(bytes);
  ByteReader sub;
  ASSERT_TRUE(reader.ReadPrefixed8(&sub));
  uint16_t value;
  EXPECT_FALSE(sub.ReadU16(&value));
}

TEST(ByteReaderTest, AnEmptyReaderHasNothing) {
  ByteReader reader;
  uint8_t value;
  EXPECT_TRUE(reader.empty());
  EXPECT_TRUE(reader.rest().empty());
  EXPECT_TRUE(reader.Skip(0));
  EXPECT_FALSE(reader.ReadU8(&value));
}

}  // namespace
}  // namespace tlsmeter
