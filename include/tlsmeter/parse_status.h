// ParseStatus: what became of bytes that a peer sent.
//
// Peers are hostile and captures are torn, so every outcome is a value of a closed enum: no string, no allocation, no
// exception. Failures of the machine (files, sockets, the kernel) are absl::Status elsewhere; this library has none.
// Any thread.
#ifndef TLSMETER_PARSE_STATUS_H_
#define TLSMETER_PARSE_STATUS_H_

#include <cstdint>
#include <string_view>

namespace tlsmeter {

enum class ParseStatus : uint8_t {
  kOk,            // the value was read whole and nothing was left over
  kNeedMore,      // the bytes end before the value does; nothing was consumed
  kTruncated,     // a length inside the value reaches past the end of what encloses it
  kTrailingData,  // bytes are left after the last field of the value
  kBadLength,     // a length that the protocol forbids: odd list, empty list, session id over 32 bytes
  kBadValue,      // a fixed field holds another value than the protocol allows
  kDuplicate,     // an extension type occurs twice (RFC 8446, section 4.2)
  kTooLarge,      // over a ceiling of ours or of the protocol (record over 2^14 + 2048, message over the kept size)
  kNotTls,        // the bytes are not a TLS record
};

// ParseStatusName returns the lower-case name used as a metric label ("need_more", "bad_length"), static storage.
std::string_view ParseStatusName(ParseStatus status);

}  // namespace tlsmeter

#endif  // TLSMETER_PARSE_STATUS_H_
