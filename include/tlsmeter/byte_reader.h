// ByteReader: bounds-checked reading of big-endian wire data.
//
// A reader is a pointer and a count of bytes that are left; it owns nothing and copies nothing. A length prefix yields a
// *sub-reader* over exactly the prefixed bytes, so no parser keeps a length of its own that could wrap or reach past what
// encloses it. The idiom for a TLS vector (RFC 8446, section 3.4):
//
//   ByteReader list;
//   if (!reader.ReadPrefixed16(&list)) return ParseStatus::kTruncated;
//   while (!list.empty()) {
//     uint16_t value;
//     if (!list.ReadU16(&value)) return ParseStatus::kBadLength;
//   }
//   if (!reader.empty()) return ParseStatus::kTrailingData;
//
// Every read that fails returns false, consumes nothing and leaves its output as it was. Readers and the spans that they
// hand out are views: they live as long as the bytes they were made from. One reader belongs to one thread at a time.
#ifndef TLSMETER_BYTE_READER_H_
#define TLSMETER_BYTE_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace tlsmeter {

class ByteReader {
 public:
  // ByteReader() is a reader with nothing left.
  constexpr ByteReader() = default;

  // ByteReader reads `bytes`, which must outlive the reader and every view taken from it.
  constexpr explicit ByteReader(std::span<const uint8_t> bytes) : data_(bytes.data()), remaining_(bytes.size()) {}

  // remaining returns the number of bytes that were not read yet.
  constexpr size_t remaining() const { return remaining_; }

  // empty returns true when nothing is left: the state in which a parser of a whole value must end.
  constexpr bool empty() const { return remaining_ == 0; }

  // rest returns all bytes that are left, without consuming them.
  constexpr std::span<const uint8_t> rest() const { return {data_, remaining_}; }

  // ReadU8, ReadU16, ReadU24 and ReadU32 read an unsigned big-endian integer of 1, 2, 3 and 4 bytes.
  [[nodiscard]] constexpr bool ReadU8(uint8_t* value);
  [[nodiscard]] constexpr bool ReadU16(uint16_t* value);
  [[nodiscard]] constexpr bool ReadU24(uint32_t* value);
  [[nodiscard]] constexpr bool ReadU32(uint32_t* value);

  // ReadBytes reads `count` bytes as a view.
  [[nodiscard]] constexpr bool ReadBytes(size_t count, std::span<const uint8_t>* bytes);

  // ReadPrefixed8, ReadPrefixed16 and ReadPrefixed24 read a length of 1, 2 and 3 bytes and then that many bytes, as a reader
  // of their own. They fail, and consume neither, when the length reaches past the end of this reader. `sub` may not be
  // `this`.
  [[nodiscard]] constexpr bool ReadPrefixed8(ByteReader* sub);
  [[nodiscard]] constexpr bool ReadPrefixed16(ByteReader* sub);
  [[nodiscard]] constexpr bool ReadPrefixed24(ByteReader* sub);

  // Skip passes over `count` bytes.
  [[nodiscard]] constexpr bool Skip(size_t count);

 private:
  [[nodiscard]] constexpr bool ReadInteger(size_t width, uint32_t* value);
  [[nodiscard]] constexpr bool ReadPrefixed(size_t width, ByteReader* sub);

  const uint8_t* data_ = nullptr;
  size_t remaining_ = 0;
};

// Below is how it is done: here, so that parsers are compiled with it, for a call costs more than reading a number does.

constexpr bool ByteReader::ReadBytes(size_t count, std::span<const uint8_t>* bytes) {
  if (count > remaining_) return false;
  *bytes = {data_, count};
  data_ += count;
  remaining_ -= count;
  return true;
}

constexpr bool ByteReader::Skip(size_t count) {
  std::span<const uint8_t> bytes;
  return ReadBytes(count, &bytes);
}

constexpr bool ByteReader::ReadInteger(size_t width, uint32_t* value) {
  std::span<const uint8_t> bytes;
  if (!ReadBytes(width, &bytes)) return false;
  *value = 0;
  for (const uint8_t byte : bytes) *value = *value << 8 | byte;
  return true;
}

constexpr bool ByteReader::ReadPrefixed(size_t width, ByteReader* sub) {
  ByteReader attempt = *this;  // so that a prefix without its bytes is not consumed
  uint32_t length = 0;
  std::span<const uint8_t> bytes;
  if (!attempt.ReadInteger(width, &length) || !attempt.ReadBytes(length, &bytes)) return false;
  *this = attempt;
  *sub = ByteReader(bytes);
  return true;
}

constexpr bool ByteReader::ReadU8(uint8_t* value) {
  uint32_t wide = 0;
  if (!ReadInteger(1, &wide)) return false;
  *value = static_cast<uint8_t>(wide);
  return true;
}

constexpr bool ByteReader::ReadU16(uint16_t* value) {
  uint32_t wide = 0;
  if (!ReadInteger(2, &wide)) return false;
  *value = static_cast<uint16_t>(wide);
  return true;
}

constexpr bool ByteReader::ReadU24(uint32_t* value) { return ReadInteger(3, value); }
constexpr bool ByteReader::ReadU32(uint32_t* value) { return ReadInteger(4, value); }

constexpr bool ByteReader::ReadPrefixed8(ByteReader* sub) { return ReadPrefixed(1, sub); }
constexpr bool ByteReader::ReadPrefixed16(ByteReader* sub) { return ReadPrefixed(2, sub); }
constexpr bool ByteReader::ReadPrefixed24(ByteReader* sub) { return ReadPrefixed(3, sub); }

}  // namespace tlsmeter

#endif  // TLSMETER_BYTE_READER_H_
