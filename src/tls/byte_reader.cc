#include "tlsmeter/byte_reader.h"

namespace tlsmeter {

bool ByteReader::ReadInteger(size_t width, uint32_t* value) {
  std::span<const uint8_t> bytes;
  if (!ReadBytes(width, &bytes)) return false;
  *value = 0;
  for (const uint8_t byte : bytes) *value = *value << 8 | byte;
  return true;
}

bool ByteReader::ReadPrefixed(size_t width, ByteReader* sub) {
  ByteReader attempt = *this;  // so that a prefix without its bytes is not consumed
  uint32_t length;
  std::span<const uint8_t> bytes;
  if (!attempt.ReadInteger(width, &length) || !attempt.ReadBytes(length, &bytes)) return false;
  *this = attempt;
  *sub = ByteReader(bytes);
  return true;
}

bool ByteReader::ReadU8(uint8_t* value) {
  uint32_t wide;
  if (!ReadInteger(1, &wide)) return false;
  *value = static_cast<uint8_t>(wide);
  return true;
}

bool ByteReader::ReadU16(uint16_t* value) {
  uint32_t wide;
  if (!ReadInteger(2, &wide)) return false;
  *value = static_cast<uint16_t>(wide);
  return true;
}

bool ByteReader::ReadU24(uint32_t* value) { return ReadInteger(3, value); }
bool ByteReader::ReadU32(uint32_t* value) { return ReadInteger(4, value); }

bool ByteReader::ReadBytes(size_t count, std::span<const uint8_t>* bytes) {
  if (count > remaining_) return false;
  *bytes = {data_, count};
  data_ += count;
  remaining_ -= count;
  return true;
}

bool ByteReader::ReadPrefixed8(ByteReader* sub) { return ReadPrefixed(1, sub); }
bool ByteReader::ReadPrefixed16(ByteReader* sub) { return ReadPrefixed(2, sub); }
bool ByteReader::ReadPrefixed24(ByteReader* sub) { return ReadPrefixed(3, sub); }

bool ByteReader::Skip(size_t count) {
  std::span<const uint8_t> bytes;
  return ReadBytes(count, &bytes);
}

}  // namespace tlsmeter
