#include "src/tls/message_reader.h"

#include <algorithm>

#include "tlsmeter/byte_reader.h"
#include "tlsmeter/handshake.h"

namespace tlsmeter {
namespace {

// Take moves up to `count` bytes off the front of `*bytes`.
std::span<const uint8_t> Take(std::span<const uint8_t>* bytes, size_t count) {
  const std::span<const uint8_t> front = bytes->first(std::min(count, bytes->size()));
  *bytes = bytes->subspan(front.size());
  return front;
}

}  // namespace

void MessageReader::BeginRecord() {
  if (trust_ != Trust::kInOrder) Resync();
}

void MessageReader::Resync() {
  joined_ = {};
  handed_out_ = false;
  skip_ = 0;
  trust_ = Trust::kCautious;
}

bool MessageReader::Next(std::span<const uint8_t>* bytes, HandshakeMessage* message) {
  if (handed_out_) {
    joined_ = {};  // given back, not kept: most messages after the first need no joining
    handed_out_ = false;
  }
  while (!bytes->empty()) {
    if (trust_ == Trust::kDropping) {
      Take(bytes, bytes->size());
      return false;
    }
    if (skip_ > 0) {
      skip_ -= static_cast<uint32_t>(Take(bytes, skip_).size());
      continue;
    }
    std::span<const uint8_t> head = joined_.empty() ? *bytes : std::span<const uint8_t>(joined_);
    if (head.size() < kHandshakeHeadSize) {
      const std::span<const uint8_t> more =
          Take(bytes, joined_.empty() ? bytes->size() : kHandshakeHeadSize - joined_.size());
      joined_.insert(joined_.end(), more.begin(), more.end());
      if (joined_.size() < kHandshakeHeadSize) return false;
      head = joined_;
    }
    ByteReader reader(head);
    HandshakeType type;
    uint32_t length;
    if (!reader.ReadU8(&type.value) || !reader.ReadU24(&length)) return false;  // not reached: the head is whole
    const bool too_large = length > kMaxHandshakeMessage;
    if (trust_ == Trust::kCautious) {
      if (too_large || type.KnownName().empty()) {
        joined_ = {};
        trust_ = Trust::kDropping;
        continue;
      }
      trust_ = Trust::kInOrder;
    }
    if (too_large) {
      if (joined_.empty()) Take(bytes, kHandshakeHeadSize);
      joined_ = {};
      skip_ = length;
      *message = {.type = type, .too_large = true, .body = {}};
      return true;
    }
    if (joined_.empty() && reader.remaining() >= length) {
      Take(bytes, kHandshakeHeadSize);
      *message = {.type = type, .too_large = false, .body = Take(bytes, length)};
      return true;
    }
    const size_t whole = kHandshakeHeadSize + length;
    const std::span<const uint8_t> more = Take(bytes, whole - joined_.size());
    joined_.insert(joined_.end(), more.begin(), more.end());
    if (joined_.size() < whole) return false;
    handed_out_ = true;
    *message = {.type = type, .too_large = false, .body = std::span<const uint8_t>(joined_).subspan(kHandshakeHeadSize)};
    return true;
  }
  return false;
}

}  // namespace tlsmeter
