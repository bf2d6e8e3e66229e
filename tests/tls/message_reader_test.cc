#include "src/tls/message_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/message_builder.h"
#include "tlsmeter/handshake.h"

namespace tlsmeter {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::Message;
using testing::Writer;

struct Read {
  uint8_t type;
  bool too_large;
  Bytes body;
  bool operator==(const Read&) const = default;
};

void ReadAll(MessageReader* reader, std::span<const uint8_t> bytes, std::vector<Read>* out) {
  HandshakeMessage message;
  while (reader->Next(&bytes, &message)) {
    out->push_back({message.type.value, message.too_large, Bytes(message.body.begin(), message.body.end())});
  }
  EXPECT_TRUE(bytes.empty());
}

TEST(MessageReaderTest, JoinsMessagesAlikeWhereverTheyAreSplit) {
  const Bytes bytes =
      Writer().Raw(Message(2, {1, 2, 3})).Raw(Message(14, {})).Raw(Message(11, Bytes(20, 9))).Raw(Message(0, {}));
  const std::vector<Read> whole = {{2, false, {1, 2, 3}}, {14, false, {}}, {11, false, Bytes(20, 9)}, {0, false, {}}};
  const std::span<const uint8_t> all(bytes);
  for (size_t a = 0; a <= bytes.size(); ++a) {
    for (size_t b = a; b <= bytes.size(); ++b) {
      MessageReader reader;
      std::vector<Read> read;
      ReadAll(&reader, all.first(a), &read);
      ReadAll(&reader, all.subspan(a, b - a), &read);
      ReadAll(&reader, all.subspan(b), &read);
      ASSERT_EQ(read, whole) << a << " " << b;
      EXPECT_TRUE(reader.AtBoundary());
    }
  }
}

TEST(MessageReaderTest, AMessageInOneRunIsAView) {
  const Bytes bytes = Message(2, {5, 6});
  std::span<const uint8_t> rest(bytes);
  MessageReader reader;
  HandshakeMessage message;
  ASSERT_TRUE(reader.Next(&rest, &message));
  EXPECT_EQ(message.body.data(), bytes.data() + kHandshakeHeadSize);
}

TEST(MessageReaderTest, AMessageOverTheCeilingIsPassedOverByItsLength) {
  const Bytes bytes = Writer().Raw(Message(11, Bytes(kMaxHandshakeMessage + 1, 3))).Raw(Message(14, {}));
  for (const size_t step : {size_t{1}, size_t{3}, size_t{4}, size_t{1000}, bytes.size()}) {
    MessageReader reader;
    std::vector<Read> read;
    for (size_t at = 0; at < bytes.size(); at += step) {
      ReadAll(&reader, std::span(bytes).subspan(at, std::min(step, bytes.size() - at)), &read);
    }
    EXPECT_THAT(read, ElementsAre(Read{11, true, {}}, Read{14, false, {}})) << step;
  }
}

TEST(MessageReaderTest, TheLargestMessageIsKept) {
  std::vector<Read> read;
  MessageReader reader;
  ReadAll(&reader, Message(11, Bytes(kMaxHandshakeMessage, 3)), &read);
  EXPECT_EQ(read.at(0).body.size(), kMaxHandshakeMessage);
}

TEST(MessageReaderTest, AfterResyncOnlyWhatLooksLikeAMessageIsTaken) {
  MessageReader reader;
  std::vector<Read> read;
  ReadAll(&reader, Bytes{11, 0, 0, 9, 1, 2}, &read);
  reader.Resync();
  reader.BeginRecord();
  ReadAll(&reader, Bytes{0x99, 1, 2, 3}, &read);  // no such type
  ReadAll(&reader, Message(14, {}), &read);       // the same record: dropped
  reader.BeginRecord();
  ReadAll(&reader, Bytes{11, 0xff, 0, 0, 1}, &read);  // no such length
  reader.BeginRecord();
  ReadAll(&reader, Bytes{14, 0}, &read);  // cut by the end of a record
  reader.BeginRecord();
  ReadAll(&reader, Message(14, {}), &read);
  EXPECT_THAT(read, ElementsAre(Read{14, false, {}}));
  ReadAll(&reader, Message(0x99, {}), &read);  // in order again: any type
  EXPECT_EQ(read.size(), 2u);
}

}  // namespace
}  // namespace tlsmeter
