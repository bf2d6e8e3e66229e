#include "src/tls/ssl2_reader.h"

namespace tlsmeter {

Ssl2Reader::Result Ssl2Reader::Next(std::span<const uint8_t>* bytes) {
  if (joined_.empty() && !bytes->empty() && (bytes->front() & 0x80) == 0) return Result::kNone;
  while (!bytes->empty()) {
    joined_.push_back(bytes->front());
    *bytes = bytes->subspan(1);
    const size_t length = joined_.size() < kHeaderSize ? kMaxSsl2Message : (joined_[0] & 0x7f) << 8 | joined_[1];
    if (length == 0 || length > kMaxSsl2Message) return Result::kBad;
    if (joined_.size() == kHeaderSize + 1 && joined_.back() != kClientHello && joined_.back() != kServerHello) {
      return Result::kBad;
    }
    if (joined_.size() == kHeaderSize + length) return Result::kMessage;
  }
  return Result::kNeedMore;
}

}  // namespace tlsmeter
