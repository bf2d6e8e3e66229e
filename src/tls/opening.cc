#include "tlsmeter/opening.h"

#include "tlsmeter/byte_reader.h"
#include "tlsmeter/handshake.h"
#include "tlsmeter/record.h"
#include "tlsmeter/registry.h"

namespace tlsmeter {
namespace {

// A hello with the shortest of everything: session id, cipher suite, compression, no extensions.
constexpr uint32_t kMinClientHello = 2 + 32 + 1 + 2 + 2 + 1 + 1;
constexpr uint32_t kMinServerHello = 2 + 32 + 1 + 2 + 1;
constexpr uint8_t kMaxSessionId = 32;

constexpr uint8_t kClientHelloType = 1;  // of both formats
constexpr uint8_t kServerHelloType = 2;

// CLIENT-HELLO of SSL 2.0 as RFC 5246, appendix E.2 restricts it: a two-byte length with the high bit set.
Opening FindSsl2Hello(std::span<const uint8_t> bytes) {
  ByteReader reader(bytes);
  uint8_t high, low, type;
  if (!reader.ReadU8(&high)) return Opening::kNeedMore;
  if ((high & 0x80) == 0) return Opening::kNone;
  if (!reader.ReadU8(&low)) return Opening::kNeedMore;
  if (!reader.ReadU8(&type)) return Opening::kNeedMore;
  if (type != kClientHelloType) return Opening::kNone;
  uint16_t version, cipher_specs, session_id, challenge;
  if (!reader.ReadU16(&version)) return Opening::kNeedMore;
  if (version != 0x0002 && (version < 0x0300 || version > 0x0304)) return Opening::kNone;
  if (!reader.ReadU16(&cipher_specs) || !reader.ReadU16(&session_id) || !reader.ReadU16(&challenge)) {
    return Opening::kNeedMore;
  }
  const int length = (high & 0x7f) << 8 | low;
  const bool fits = cipher_specs > 0 && cipher_specs % 3 == 0 && (session_id == 0 || session_id == 16) && challenge >= 16 &&
                    challenge <= 32 && length == 9 + cipher_specs + session_id + challenge;
  return fits ? Opening::kClientHello : Opening::kNone;
}

// What follows the two headers: do the fields have values that a hello has?
Opening CheckHello(ByteReader reader, Opening found, uint16_t record_length) {
  const uint32_t least = found == Opening::kClientHello ? kMinClientHello : kMinServerHello;
  if (record_length < kMaxOpeningSize - kRecordHeaderSize) return Opening::kNone;
  uint32_t length;
  if (!reader.ReadU24(&length)) return Opening::kNeedMore;
  if (length < least || length > kMaxHandshakeMessage) return Opening::kNone;
  uint8_t major, minor, session_id;
  if (!reader.ReadU8(&major)) return Opening::kNeedMore;
  if (major != 3) return Opening::kNone;
  if (!reader.ReadU8(&minor)) return Opening::kNeedMore;
  if (minor > 4) return Opening::kNone;
  if (!reader.Skip(32) || !reader.ReadU8(&session_id)) return Opening::kNeedMore;
  return session_id <= kMaxSessionId ? found : Opening::kNone;
}

}  // namespace

Opening FindOpening(std::span<const uint8_t> bytes, StreamPlace place) {
  RecordHeader header;
  const ParseStatus status = ParseRecordHeader(bytes, &header);
  if (status == ParseStatus::kNotTls && place == StreamPlace::kStart) return FindSsl2Hello(bytes);
  if (!bytes.empty() && bytes.front() != ContentType::kHandshake.value) return Opening::kNone;
  if (status == ParseStatus::kNeedMore) return Opening::kNeedMore;
  if (status != ParseStatus::kOk) return Opening::kNone;
  ByteReader reader(bytes.subspan(kRecordHeaderSize));
  uint8_t type;
  if (!reader.ReadU8(&type)) return Opening::kNeedMore;
  if (type == kClientHelloType && place == StreamPlace::kStart) return Opening::kClientHello;
  if (type == kClientHelloType) return CheckHello(reader, Opening::kClientHello, header.length);
  if (type == kServerHelloType) return CheckHello(reader, Opening::kServerHello, header.length);
  return Opening::kNone;
}

}  // namespace tlsmeter
