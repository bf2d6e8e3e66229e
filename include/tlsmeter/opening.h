// Opening: can a TLS handshake begin with these bytes?
//
// For whoever meets a byte stream and does not know where TLS begins in it: behind a STARTTLS command, a proxy's header, or
// because the stream was joined late. Pure, any thread; looks at kMaxOpeningSize bytes at most and copies nothing.
#ifndef TLSMETER_OPENING_H_
#define TLSMETER_OPENING_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace tlsmeter {

// kMaxOpeningSize is how many bytes decide at most: record header (5), message header (4), legacy_version, random and the
// length of legacy_session_id (RFC 8446, sections 4.1.2 and 4.1.3).
inline constexpr size_t kMaxOpeningSize = 5 + 4 + 2 + 32 + 1;

enum class Opening : uint8_t {
  kNone,         // no handshake begins here
  kNeedMore,     // one may: more bytes are needed to tell
  kClientHello,  // a record with a ClientHello, or, at the start of a stream, a ClientHello in SSL 2.0 format
  kServerHello,  // a record with a ServerHello or HelloRetryRequest
};

// StreamPlace is where in their stream the bytes stand.
enum class StreamPlace : uint8_t {
  kStart,   // nothing came before
  kWithin,  // something else did: what follows may be anything
};

// FindOpening judges the bytes at the front of `bytes`.
//
// At the start of a stream a ClientHello is known by its first six bytes, so that a broken one is told as a broken
// handshake; and one in SSL 2.0 format (RFC 5246, appendix E.2) by its eleven. Everywhere else, and for a ServerHello, all
// of kMaxOpeningSize must fit: type and length of record and message, version, and length of the session id. A ClientHello
// that is there spread over several tiny records is missed: better than to find one in plain data.
[[nodiscard]] Opening FindOpening(std::span<const uint8_t> bytes, StreamPlace place);

}  // namespace tlsmeter

#endif  // TLSMETER_OPENING_H_
