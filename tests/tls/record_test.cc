#include "tlsmeter/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/message_builder.h"

namespace tlsmeter {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::Record;
using testing::Writer;

struct Cut {
  uint8_t type;
  uint16_t length;
  Bytes body;
  bool operator==(const Cut&) const = default;
};

// CutAll feeds `bytes` to `reader` and returns its whole records; `*status` is the last one.
std::vector<Cut> CutAll(RecordReader* reader, std::span<const uint8_t> bytes, ParseStatus* status, Cut* open) {
  std::vector<Cut> cuts;
  RecordPiece piece;
  while ((*status = reader->Next(&bytes, &piece)) == ParseStatus::kOk) {
    if (piece.first) *open = {piece.header.type.value, piece.header.length, {}};
    open->body.insert(open->body.end(), piece.body.begin(), piece.body.end());
    if (piece.last) cuts.push_back(*open);
  }
  return cuts;
}

std::vector<Cut> CutAll(const Bytes& bytes, ParseStatus* status) {
  RecordReader reader;
  Cut open;
  return CutAll(&reader, bytes, status, &open);
}

const Bytes& ThreeRecords() {
  static const Bytes bytes =
      Writer().Raw(Record(22, {1, 2, 3})).Raw(Record(23, Bytes(40, 0xaa))).Raw(Record(23, {})).Raw(Record(21, {2, 40}));
  return bytes;
}

TEST(RecordReaderTest, CutsRecordsAndHidesApplicationData) {
  ParseStatus status;
  EXPECT_THAT(CutAll(ThreeRecords(), &status),
              ElementsAre(Cut{22, 3, {1, 2, 3}}, Cut{23, 40, {}}, Cut{23, 0, {}}, Cut{21, 2, {2, 40}}));
  EXPECT_EQ(status, ParseStatus::kNeedMore);
}

TEST(RecordReaderTest, CutsAlikeWhereverTheBytesAreSplit) {
  ParseStatus status;
  const std::vector<Cut> whole = CutAll(ThreeRecords(), &status);
  const std::span<const uint8_t> bytes(ThreeRecords());
  for (size_t a = 0; a <= bytes.size(); ++a) {
    for (size_t b = a; b <= bytes.size(); ++b) {
      RecordReader reader;
      Cut open;
      std::vector<Cut> cuts;
      for (const auto part : {bytes.first(a), bytes.subspan(a, b - a), bytes.subspan(b)}) {
        for (const Cut& cut : CutAll(&reader, part, &status, &open)) cuts.push_back(cut);
        EXPECT_EQ(status, ParseStatus::kNeedMore);
      }
      ASSERT_EQ(cuts, whole) << "split at " << a << " and " << b;
    }
  }
}

TEST(RecordReaderTest, ReportsAHeaderBeforeItsBodyComes) {
  RecordReader reader;
  const Bytes header = {23, 3, 3, 0, 9};
  std::span<const uint8_t> bytes(header);
  RecordPiece piece;
  EXPECT_TRUE(reader.AtBoundary());
  ASSERT_EQ(reader.Next(&bytes, &piece), ParseStatus::kOk);
  EXPECT_TRUE(piece.first);
  EXPECT_FALSE(piece.last);
  EXPECT_EQ(piece.header.length, 9);
  EXPECT_FALSE(reader.AtBoundary());
  EXPECT_EQ(reader.Next(&bytes, &piece), ParseStatus::kNeedMore);
}

TEST(RecordReaderTest, BodiesAreViewsIntoTheCallersBytes) {
  RecordReader reader;
  const Bytes record = Record(22, {7, 8});
  std::span<const uint8_t> bytes(record);
  RecordPiece piece;
  ASSERT_EQ(reader.Next(&bytes, &piece), ParseStatus::kOk);
  EXPECT_EQ(piece.body.data(), record.data() + kRecordHeaderSize);
}

TEST(RecordReaderTest, EachByteOfAHeaderIsJudgedAsItComes) {
  RecordHeader header;
  const auto judge = [&header](const Bytes& bytes) { return ParseRecordHeader(bytes, &header); };
  EXPECT_EQ(judge({}), ParseStatus::kNeedMore);
  EXPECT_EQ(judge({22}), ParseStatus::kNeedMore);
  EXPECT_EQ(judge({22, 3}), ParseStatus::kNeedMore);
  EXPECT_EQ(judge({22, 3, 1}), ParseStatus::kNeedMore);
  EXPECT_EQ(judge({22, 3, 1, 0}), ParseStatus::kNeedMore);
  EXPECT_EQ(judge({22, 3, 1, 0, 1}), ParseStatus::kOk);
  EXPECT_EQ(judge({'H'}), ParseStatus::kNotTls);
  EXPECT_EQ(judge({19}), ParseStatus::kNotTls);
  EXPECT_EQ(judge({25}), ParseStatus::kNotTls);
  EXPECT_EQ(judge({22, 2}), ParseStatus::kNotTls);
  EXPECT_EQ(judge({22, 0xfe}), ParseStatus::kNotTls);
  EXPECT_EQ(judge({22, 3, 5}), ParseStatus::kNotTls);
  EXPECT_EQ(judge({24, 3, 4, 0, 3}), ParseStatus::kOk);
}

TEST(RecordReaderTest, LengthsOverTheLimitAreTooLarge) {
  RecordHeader header;
  EXPECT_EQ(ParseRecordHeader(Bytes{23, 3, 3, 0x48, 0x00}, &header), ParseStatus::kOk);
  EXPECT_EQ(header.length, kMaxRecordLength);
  EXPECT_EQ(ParseRecordHeader(Bytes{23, 3, 3, 0x48, 0x01}, &header), ParseStatus::kTooLarge);
  EXPECT_EQ(ParseRecordHeader(Bytes{22, 3, 3, 0xff, 0xff}, &header), ParseStatus::kTooLarge);
}

TEST(RecordReaderTest, OnlyApplicationDataMayBeEmpty) {
  RecordHeader header;
  for (const uint8_t type : {20, 21, 22, 24}) {
    EXPECT_EQ(ParseRecordHeader(Bytes{type, 3, 3, 0, 0}, &header), ParseStatus::kBadLength);
  }
  EXPECT_EQ(ParseRecordHeader(Bytes{23, 3, 3, 0, 0}, &header), ParseStatus::kOk);
}

TEST(RecordReaderTest, AFloodOfEmptyRecordsIsBadLength) {
  Writer flood;
  for (int i = 0; i < kMaxEmptyRecords; ++i) flood.Raw(Record(23, {}));
  ParseStatus status;
  EXPECT_EQ(CutAll(flood, &status).size(), static_cast<size_t>(kMaxEmptyRecords));
  EXPECT_EQ(status, ParseStatus::kNeedMore);
  EXPECT_EQ(CutAll(Writer(flood).Raw(Record(23, {1})).Raw(flood), &status).size(), 2 * kMaxEmptyRecords + 1u);
  EXPECT_EQ(status, ParseStatus::kNeedMore);
  EXPECT_EQ(CutAll(Writer(flood).Raw(Record(23, {})), &status).size(), static_cast<size_t>(kMaxEmptyRecords));
  EXPECT_EQ(status, ParseStatus::kBadLength);
}

TEST(RecordReaderTest, AnErrorIsFinalUntilResync) {
  RecordReader reader;
  const Bytes junk = {22, 9};
  std::span<const uint8_t> bytes(junk);
  RecordPiece piece;
  EXPECT_EQ(reader.Next(&bytes, &piece), ParseStatus::kNotTls);
  const Bytes good = Record(22, {1});
  bytes = good;
  EXPECT_EQ(reader.Next(&bytes, &piece), ParseStatus::kNotTls);
  EXPECT_EQ(reader.PassOpaque({ContentType::kHandshake, ProtocolVersion::kTls12, 1}), ParseStatus::kNotTls);
  reader.Resync();
  EXPECT_EQ(reader.Next(&bytes, &piece), ParseStatus::kOk);
  EXPECT_TRUE(piece.last);
}

TEST(RecordReaderTest, OpaqueRecordsPassAtABoundaryOnly) {
  RecordReader reader;
  const RecordHeader opaque = {ContentType::kApplicationData, ProtocolVersion::kTls12, 100};
  EXPECT_EQ(reader.PassOpaque(opaque), ParseStatus::kOk);
  EXPECT_TRUE(reader.AtBoundary());
  const Bytes half = {22, 3};
  std::span<const uint8_t> bytes(half);
  RecordPiece piece;
  EXPECT_EQ(reader.Next(&bytes, &piece), ParseStatus::kNeedMore);
  EXPECT_EQ(reader.PassOpaque(opaque), ParseStatus::kNeedMore);
  const Bytes rest = {3, 0, 1, 5};
  bytes = rest;
  EXPECT_EQ(reader.Next(&bytes, &piece), ParseStatus::kOk);
  EXPECT_THAT(piece.body, ElementsAre(5));
  EXPECT_EQ(reader.PassOpaque({ContentType{99}, ProtocolVersion::kTls12, 100}), ParseStatus::kNotTls);
}

TEST(RecordReaderTest, OpaqueRecordsCountForTheFloodOfEmptyOnes) {
  RecordReader reader;
  const RecordHeader empty = {ContentType::kApplicationData, ProtocolVersion::kTls12, 0};
  for (int i = 0; i < kMaxEmptyRecords; ++i) EXPECT_EQ(reader.PassOpaque(empty), ParseStatus::kOk);
  EXPECT_EQ(reader.PassOpaque(empty), ParseStatus::kBadLength);
}

}  // namespace
}  // namespace tlsmeter
