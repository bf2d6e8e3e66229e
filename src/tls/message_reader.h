// MessageReader: handshake messages out of the bodies of handshake records (RFC 8446, section 5.1; RFC 5246, section 6.2.1).
//
// A message may be spread over several records and a record may hold several messages. A message that lies whole in one run
// of bytes is handed out in place; others are joined in a buffer that grows with the bytes that come, never by a stated
// length, and up to kMaxHandshakeMessage. One reader per direction; one thread at a time.
#ifndef TLSMETER_SRC_TLS_MESSAGE_READER_H_
#define TLSMETER_SRC_TLS_MESSAGE_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tlsmeter/registry.h"

namespace tlsmeter {

inline constexpr size_t kHandshakeHeadSize = 4;  // type and 24-bit length

struct HandshakeMessage {
  HandshakeType type;
  bool too_large = false;         // over kMaxHandshakeMessage: reported when its head is read, the body is passed over
  std::span<const uint8_t> body;  // whole; empty when `too_large`
};

class MessageReader {
 public:
  // BeginRecord says that the next bytes open a record. It matters only after Resync.
  void BeginRecord();

  // Next takes bytes off the front of `*bytes`. Returns true when it completed a message: its body lives until the next
  // call, and as long as the bytes passed in. Returns false when all bytes were consumed.
  [[nodiscard]] bool Next(std::span<const uint8_t>* bytes, HandshakeMessage* message);

  // AtBoundary returns true when the next byte is the first one of a message.
  bool AtBoundary() const { return (joined_.empty() || handed_out_) && skip_ == 0; }

  // Resync forgets an unfinished message because bytes are missing. Messages are then looked for at the start of records:
  // one that does not begin with a known type and a length up to kMaxHandshakeMessage is the middle of something, and
  // dropped.
  void Resync();

 private:
  enum class Trust : uint8_t {
    kInOrder,   // every byte was seen: whatever comes is what the peer sent
    kCautious,  // after Resync: the next head must be plausible
    kDropping,  // it was not: the rest of this record is dropped
  };

  std::vector<uint8_t> joined_;  // head and body of an unfinished message, as far as they came
  bool handed_out_ = false;      // joined_ was given to the caller and is free at the next call
  uint32_t skip_ = 0;            // bytes of a message over the ceiling that are still to come
  Trust trust_ = Trust::kInOrder;
};

}  // namespace tlsmeter

#endif  // TLSMETER_SRC_TLS_MESSAGE_READER_H_
