#include "src/correlate/stream_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace tlsmeter::agent {
namespace {

std::span<const uint8_t> View(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Collects what a buffer gives: bytes as they are, an opaque record as '#'.
class Reader {
 public:
  explicit Reader(StreamBuffer* buffer) : buffer_(buffer) {}

  void Add(uint32_t offset, const std::string& text, bool boundary = false) {
    Take(buffer_->Add(offset, StreamPiece{.record_boundary = boundary, .bytes = View(text)}));
    Drain();
  }
  void AddRecord(uint32_t offset, uint16_t length) {
    Take(buffer_->Add(
        offset,
        StreamPiece{.record_boundary = true, .opaque = true, .record_type = 23, .record_length = length, .bytes = {}}));
    Drain();
  }
  void Drain() {
    while (auto piece = buffer_->Next()) Take(piece);
  }
  const std::string& text() const { return text_; }

 private:
  void Take(const std::optional<StreamPiece>& piece) {
    if (!piece) return;
    if (piece->opaque) text_ += '#';
    text_.append(piece->bytes.begin(), piece->bytes.end());
  }
  StreamBuffer* buffer_;
  std::string text_;
};

TEST(StreamBuffer, PassesOrderedBytesThrough) {
  StreamBuffer buffer;
  Reader reader(&buffer);
  buffer.Start(0);
  reader.Add(0, "abc");
  reader.Add(3, "def");
  EXPECT_EQ(reader.text(), "abcdef");
  EXPECT_FALSE(buffer.waiting());
}

TEST(StreamBuffer, PutsPiecesInOrder) {
  StreamBuffer buffer;
  Reader reader(&buffer);
  buffer.Start(0);
  reader.Add(6, "ghi");
  reader.Add(3, "def");
  EXPECT_EQ(reader.text(), "");
  EXPECT_EQ(buffer.pending_bytes(), 6u);
  reader.Add(0, "abc");
  EXPECT_EQ(reader.text(), "abcdefghi");
  EXPECT_EQ(buffer.pending_bytes(), 0u);
}

TEST(StreamBuffer, DropsWhatCameBefore) {
  StreamBuffer buffer;
  Reader reader(&buffer);
  buffer.Start(0);
  reader.Add(0, "abcdef");
  reader.Add(0, "abcdef");
  reader.Add(2, "cd");
  reader.Add(4, "efgh");
  EXPECT_EQ(reader.text(), "abcdefgh");
}

TEST(StreamBuffer, KeepsTheFirstVersionOfAByte) {
  StreamBuffer buffer;
  Reader reader(&buffer);
  buffer.Start(0);
  reader.Add(2, "CD");
  reader.Add(1, "xxxxx");  // overlaps CD on both sides
  reader.Add(0, "abcdefgh");
  EXPECT_EQ(reader.text(), "axCDxxgh");
}

TEST(StreamBuffer, BeginsAnywhereAndWraps) {
  StreamBuffer buffer;
  Reader reader(&buffer);
  buffer.Start(0xfffffffe);
  reader.Add(0, "cd");
  reader.Add(0xfffffffe, "ab");
  reader.Add(2, "ef");
  EXPECT_EQ(reader.text(), "abcdef");
}

TEST(StreamBuffer, KeepsWhatCameBeforeTheStartWasKnown) {
  StreamBuffer buffer;
  Reader reader(&buffer);
  reader.Add(13, "def");
  reader.Add(8, "xxabc");
  EXPECT_EQ(reader.text(), "");
  buffer.Start(10);
  reader.Drain();
  EXPECT_EQ(reader.text(), "abcdef");
}

TEST(StreamBuffer, TakesARecordOfWhichOnlyTheHeaderIsKnown) {
  StreamBuffer buffer;
  Reader reader(&buffer);
  buffer.Start(0);
  reader.Add(0, "hello");
  reader.AddRecord(5, 100);
  reader.Add(110, "bye");
  EXPECT_EQ(reader.text(), "hello#bye");
}

TEST(StreamBuffer, TakesARecordWhoseHeaderCameInPart) {
  StreamBuffer buffer;
  Reader reader(&buffer);
  buffer.Start(0);
  reader.Add(0, "hello\x17\x03");
  reader.AddRecord(5, 10);
  reader.Add(20, "bye");
  EXPECT_EQ(reader.text(), "hello\x17\x03#bye");
}

TEST(StreamBuffer, RefusesARecordAmongBytesThatWereDelivered) {
  StreamBuffer buffer;
  Reader reader(&buffer);
  buffer.Start(0);
  reader.Add(0, "hello world");
  reader.AddRecord(5, 100);
  EXPECT_EQ(reader.text(), "hello world");
}

TEST(StreamBuffer, GivesUpAGapAtTheNextRecordBoundary) {
  StreamBuffer buffer;
  Reader reader(&buffer);
  buffer.Start(0);
  reader.Add(10, "inside a record");
  reader.Add(30, "RECORD", true);
  reader.AddRecord(36, 10);
  ASSERT_TRUE(buffer.SkipGap());
  reader.Drain();
  EXPECT_EQ(reader.text(), "RECORD#");
  EXPECT_FALSE(buffer.waiting());
  EXPECT_EQ(buffer.pending_bytes(), 0u);
}

TEST(StreamBuffer, HasNothingToSkipToWithoutARecordBoundary) {
  StreamBuffer buffer;
  Reader reader(&buffer);
  buffer.Start(0);
  reader.Add(10, "inside a record");
  EXPECT_FALSE(buffer.SkipGap());
  EXPECT_FALSE(buffer.waiting());
  EXPECT_EQ(buffer.pending_bytes(), 0u);
}

TEST(StreamBuffer, BoundsItsBytesAndItsPieces) {
  StreamBuffer bytes;
  bytes.Start(0);
  const std::string block(1000, 'x');
  for (uint32_t i = 0; i < 1000; ++i) {
    bytes.Add(1 + i * 5000, StreamPiece{.bytes = View(block)});
    ASSERT_LE(bytes.pending_bytes(), kMaxPendingBytes);
  }
  EXPECT_GT(bytes.dropped_pieces(), 0u);

  StreamBuffer pieces;
  pieces.Start(0);
  for (uint32_t i = 0; i < 1000; ++i) pieces.Add(1 + i * 2, StreamPiece{.bytes = View("x")});
  EXPECT_EQ(pieces.pending_bytes(), kMaxPendingPieces);
  EXPECT_EQ(pieces.dropped_pieces(), 1000 - kMaxPendingPieces);
}

TEST(StreamBuffer, RestoresAnyStreamFromShuffledOverlappingPieces) {
  std::mt19937 random(20260101);
  for (int round = 0; round < 2000; ++round) {
    const size_t size = 1 + random() % 300;
    std::string stream(size, ' ');
    for (char& c : stream) c = static_cast<char>('a' + random() % 26);
    const auto start = static_cast<uint32_t>(random());

    // Cut without holes, add overlaps, shuffle.
    std::vector<std::pair<uint32_t, std::string>> pieces;
    for (size_t at = 0; at < size;) {
      const size_t length = 1 + random() % 40;
      pieces.emplace_back(static_cast<uint32_t>(at), stream.substr(at, length));
      at += length;
    }
    for (int i = 0; i < 5; ++i) {
      const size_t at = random() % size;
      pieces.emplace_back(static_cast<uint32_t>(at), stream.substr(at, 1 + random() % 60));
    }
    std::shuffle(pieces.begin(), pieces.end(), random);

    StreamBuffer buffer;
    Reader reader(&buffer);
    const size_t late_start = random() % (pieces.size() + 1);
    for (size_t i = 0; i < pieces.size(); ++i) {
      if (i == late_start) buffer.Start(start), reader.Drain();
      reader.Add(start + pieces[i].first, pieces[i].second);
    }
    buffer.Start(start);
    reader.Drain();
    ASSERT_EQ(reader.text(), stream) << "round " << round;
    ASSERT_FALSE(buffer.waiting());
    ASSERT_EQ(buffer.pending_bytes(), 0u);
  }
}

}  // namespace
}  // namespace tlsmeter::agent
