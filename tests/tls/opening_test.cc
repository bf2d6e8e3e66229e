#include "tlsmeter/opening.h"

#include <gtest/gtest.h>

#include "tests/tls/message_builder.h"

namespace tlsmeter {
namespace {

using testing::Bytes;
using testing::FromHex;
using testing::Hello;
using testing::Record;

constexpr StreamPlace kPlaces[] = {StreamPlace::kStart, StreamPlace::kWithin};

Bytes First(const Bytes& bytes, size_t count) { return Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(count)); }

TEST(Opening, KnowsBothHellosByTheirFirstBytes) {
  for (const Bytes& record : {Hello::Client13().Record(), Hello::Client().Record(), Hello::Server13().Record(),
                              Hello::Server(0xc02f).Record(), Hello::Retry().Record()}) {
    const Opening opening = record[5] == 1 ? Opening::kClientHello : Opening::kServerHello;
    for (const StreamPlace place : kPlaces) {
      const size_t enough = place == StreamPlace::kStart && opening == Opening::kClientHello ? 6 : kMaxOpeningSize;
      for (size_t count = 0; count <= record.size(); ++count) {
        EXPECT_EQ(FindOpening(First(record, count), place), count < enough ? Opening::kNeedMore : opening) << count;
      }
    }
  }
}

TEST(Opening, KnowsAHelloInSsl2FormatAtTheStartOnly) {
  Bytes hello = FromHex(
      "802b010301001200000010000004000005000080010080030000030000"
      "06");
  hello.resize(2 + 0x2b);
  for (size_t count = 0; count <= hello.size(); ++count) {
    EXPECT_EQ(FindOpening(First(hello, count), StreamPlace::kStart),
              count < 11 ? Opening::kNeedMore : Opening::kClientHello);
    EXPECT_EQ(FindOpening(First(hello, count), StreamPlace::kWithin), count < 1 ? Opening::kNeedMore : Opening::kNone);
  }
  for (const size_t at : {0, 1, 2, 3, 6, 8, 10}) {
    Bytes broken = hello;
    broken[at] ^= 0x81;
    EXPECT_EQ(FindOpening(broken, StreamPlace::kStart), Opening::kNone) << at;
  }
}

TEST(Opening, IsNoneWhereAFieldHasAValueThatNoHelloHas) {
  const std::pair<size_t, uint8_t> changes[] = {{0, 0x15}, {1, 2}, {2, 5},  {3, 0xff}, {5, 0},
                                                {6, 2},    {9, 2}, {10, 5}, {43, 33}};
  for (const Bytes& record : {Hello::Client13().Record(), Hello::Server13().Record()}) {
    for (const auto& [at, value] : changes) {
      Bytes changed = record;
      changed[at] = value;
      EXPECT_EQ(FindOpening(changed, StreamPlace::kWithin), Opening::kNone) << at;
    }
    Bytes short_message = record;
    short_message[6] = short_message[7] = 0;
    short_message[8] = 37;
    EXPECT_EQ(FindOpening(short_message, StreamPlace::kWithin), Opening::kNone);
    Bytes tiny_record = record;
    tiny_record[3] = 0;
    tiny_record[4] = 38;
    EXPECT_EQ(FindOpening(tiny_record, StreamPlace::kWithin), Opening::kNone);
  }
}

TEST(Opening, AtTheStartABrokenClientHelloIsOneButABrokenServerHelloIsNot) {
  EXPECT_EQ(FindOpening(Record(22, {1, 0, 0, 5, 1}), StreamPlace::kStart), Opening::kClientHello);
  EXPECT_EQ(FindOpening(Record(22, {1, 0, 0, 5, 1}), StreamPlace::kWithin), Opening::kNone);
  EXPECT_EQ(FindOpening(Record(22, {2, 0, 0, 5, 1}), StreamPlace::kStart), Opening::kNone);
}

TEST(Opening, OtherRecordsOpenNothing) {
  for (const StreamPlace place : kPlaces) {
    EXPECT_EQ(FindOpening(Record(23, Bytes(100)), place), Opening::kNone);
    EXPECT_EQ(FindOpening(Record(21, {2, 40}), place), Opening::kNone);
    EXPECT_EQ(FindOpening(Record(22, Bytes(100, 11)), place), Opening::kNone);
    EXPECT_EQ(FindOpening(FromHex("1603010000"), place), Opening::kNone);
  }
}

}  // namespace
}  // namespace tlsmeter
