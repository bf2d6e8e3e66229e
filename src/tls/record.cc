#include "tlsmeter/record.h"

#include <algorithm>

#include "tlsmeter/byte_reader.h"

namespace tlsmeter {

ParseStatus ParseRecordHeader(std::span<const uint8_t> bytes, RecordHeader* header) {
  ByteReader reader(bytes);
  RecordHeader result;
  if (!reader.ReadU8(&result.type.value)) return ParseStatus::kNeedMore;
  if (result.type.value < ContentType::kChangeCipherSpec.value || result.type.value > ContentType::kHeartbeat.value) {
    return ParseStatus::kNotTls;
  }
  uint8_t major;
  if (!reader.ReadU8(&major)) return ParseStatus::kNeedMore;
  if (major != 3) return ParseStatus::kNotTls;
  uint8_t minor;
  if (!reader.ReadU8(&minor)) return ParseStatus::kNeedMore;
  if (minor > 4) return ParseStatus::kNotTls;
  result.version.value = static_cast<uint16_t>(major << 8 | minor);
  if (!reader.ReadU16(&result.length)) return ParseStatus::kNeedMore;
  if (result.length > kMaxRecordLength) return ParseStatus::kTooLarge;
  if (result.length == 0 && result.type != ContentType::kApplicationData) return ParseStatus::kBadLength;
  *header = result;
  return ParseStatus::kOk;
}

ParseStatus RecordReader::Admit(const RecordHeader& header) {
  empty_in_a_row_ = header.length == 0 ? empty_in_a_row_ + 1 : 0;
  if (empty_in_a_row_ > kMaxEmptyRecords) return failed_ = ParseStatus::kBadLength;
  header_ = header;
  return ParseStatus::kOk;
}

ParseStatus RecordReader::Next(std::span<const uint8_t>* bytes, RecordPiece* piece) {
  if (failed_ != ParseStatus::kOk) return failed_;
  bool first = false;
  if (body_left_ == 0) {
    // A header in one piece is read where it lies. One in several is put together byte by byte, so that what is not TLS is
    // known from its first byte and nothing behind a header is copied.
    ParseStatus status = ParseStatus::kNeedMore;
    RecordHeader header;
    if (buffered_ == 0 && bytes->size() >= kRecordHeaderSize) {
      status = ParseRecordHeader(*bytes, &header);
      *bytes = bytes->subspan(kRecordHeaderSize);
    }
    while (status == ParseStatus::kNeedMore) {
      if (bytes->empty()) return ParseStatus::kNeedMore;
      buffer_[buffered_++] = bytes->front();
      *bytes = bytes->subspan(1);
      status = ParseRecordHeader(std::span(buffer_).first(buffered_), &header);
    }
    if (status != ParseStatus::kOk) return failed_ = status;
    buffered_ = 0;
    if (status = Admit(header); status != ParseStatus::kOk) return status;
    body_left_ = header.length;
    first = true;
  } else if (bytes->empty()) {
    return ParseStatus::kNeedMore;
  }
  const size_t count = std::min<size_t>(body_left_, bytes->size());
  const bool hidden = header_.type == ContentType::kApplicationData;
  body_left_ = static_cast<uint16_t>(body_left_ - count);
  *piece = {.header = header_,
            .first = first,
            .last = body_left_ == 0,
            .body = hidden ? std::span<const uint8_t>() : bytes->first(count)};
  *bytes = bytes->subspan(count);
  return ParseStatus::kOk;
}

ParseStatus RecordReader::PassOpaque(const RecordHeader& header) {
  if (failed_ != ParseStatus::kOk) return failed_;
  if (!AtBoundary()) return ParseStatus::kNeedMore;
  const std::array<uint8_t, kRecordHeaderSize> wire = {
      header.type.value, static_cast<uint8_t>(header.version.value >> 8), static_cast<uint8_t>(header.version.value),
      static_cast<uint8_t>(header.length >> 8), static_cast<uint8_t>(header.length)};
  RecordHeader checked;
  if (const ParseStatus status = ParseRecordHeader(wire, &checked); status != ParseStatus::kOk) return failed_ = status;
  return Admit(checked);
}

void RecordReader::Resync() { *this = RecordReader(); }

}  // namespace tlsmeter
