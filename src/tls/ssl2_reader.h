// Ssl2Reader: the one message in SSL 2.0 format that may open a direction of a connection (RFC 5246, appendix E.2).
//
// No TLS record begins with a byte over 0x7f and every SSL 2.0 record of two bytes of header does, so the first byte tells
// which of the two it is. One reader per direction; one thread at a time.
#ifndef TLSMETER_SRC_TLS_SSL2_READER_H_
#define TLSMETER_SRC_TLS_SSL2_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tlsmeter {

// kMaxSsl2Message bounds a message in SSL 2.0 format: hellos have at most some 200 bytes, a server's certificate some more.
inline constexpr size_t kMaxSsl2Message = 4096;

class Ssl2Reader {
 public:
  enum class Result : uint8_t {
    kNone,      // another protocol: nothing was consumed
    kNeedMore,  // all of the bytes were consumed
    kMessage,   // `message` is whole; what follows it was not consumed
    kBad,       // SSL 2.0's header, but neither a hello's type nor a length under the ceiling
  };

  // Next takes bytes off the front of `*bytes`. Not to be called again after kMessage and kBad.
  [[nodiscard]] Result Next(std::span<const uint8_t>* bytes);

  // message returns what kMessage completed, from msg_type on. It lives until Reset.
  std::span<const uint8_t> message() const { return std::span(joined_).subspan(kHeaderSize); }

  // Started returns true when a message was begun and not completed.
  bool Started() const { return !joined_.empty(); }

  // Reset gives the message's memory back.
  void Reset() { joined_ = {}; }

  static constexpr size_t kHeaderSize = 2;
  static constexpr uint8_t kClientHello = 1;  // msg_type
  static constexpr uint8_t kServerHello = 4;

 private:
  std::vector<uint8_t> joined_;  // header and message, as far as they came
};

}  // namespace tlsmeter

#endif  // TLSMETER_SRC_TLS_SSL2_READER_H_
