// ServerHello: what a server chose (RFC 8446, section 4.1.3; RFC 5246, section 7.4.1.3), and HelloRetryRequest, which since
// TLS 1.3 is a ServerHello with a special random (RFC 8446, section 4.1.4).
//
// As with ClientHello: order is kept, unknown numbers are data, key shares and cookies are never copied. A ServerHello is a
// plain value that owns its memory; any thread.
#ifndef TLSMETER_SERVER_HELLO_H_
#define TLSMETER_SERVER_HELLO_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tlsmeter/client_hello.h"
#include "tlsmeter/parse_status.h"
#include "tlsmeter/registry.h"

namespace tlsmeter {

// Downgrade is the mark that a server which knows TLS 1.3 (or 1.2) leaves in the last eight bytes of its random when it
// negotiates less (RFC 8446, section 4.1.3). It is what the bytes say; whether they were put there by a man in the middle is
// not told.
enum class Downgrade : uint8_t {
  kNone,
  kToTls12,         // 44 4f 57 4e 47 52 44 01: TLS 1.2 chosen by a TLS 1.3 server
  kToTls11OrBelow,  // 44 4f 57 4e 47 52 44 00: TLS 1.1 or below chosen by a TLS 1.2 or 1.3 server
};

struct ServerHello {
  ProtocolVersion legacy_version;       // 0x0303 for TLS 1.3 too; a draft's number in drafts up to 21
  std::array<uint8_t, 32> random = {};  // for a HelloRetryRequest the constant of RFC 8446
  std::vector<uint8_t> session_id;      // 0 to 32 bytes: TLS 1.3 echoes the client's, before it names a session
  CipherSuite cipher_suite;
  uint8_t compression_method = 0;
  bool has_extensions = false;        // the block is there, though it may be empty
  std::vector<Extension> extensions;  // every one, known or not, in order

  bool is_hello_retry = false;  // this is a HelloRetryRequest
  Downgrade downgrade = Downgrade::kNone;
  std::optional<ProtocolVersion> supported_version;  // supported_versions: the version chosen, TLS 1.3 and later
  std::optional<NamedGroup> key_share_group;  // group of the server's key, or the one that a HelloRetryRequest asks for
  std::optional<uint16_t> selected_psk;       // pre_shared_key: index of the accepted identity
  std::string alpn;                           // protocol chosen, raw bytes, 1 to 255; empty: none (TLS 1.3 encrypts it)
  bool session_ticket = false;                // a NewSessionTicket will follow (RFC 5077)
  bool extended_master_secret = false;
  bool renegotiation_info = false;
  bool status_request = false;  // a CertificateStatus may follow
  bool cookie = false;          // of a HelloRetryRequest

  // NegotiatedVersion returns supported_version when the server sent one, else legacy_version.
  ProtocolVersion NegotiatedVersion() const { return supported_version.value_or(legacy_version); }

  // HasExtension returns true when an extension of that type was sent.
  bool HasExtension(ExtensionType type) const;

  bool operator==(const ServerHello&) const = default;
};

// ParseServerHello reads the body of a ServerHello message, without the four bytes of type and length in front of it. The
// shorter form of drafts up to 21 (no session id, no compression method) is told by its version number. `*hello` is replaced
// on kOk and untouched otherwise.
//   kTruncated     a field or a length prefix reaches past its enclosing one, the whole message included
//   kTrailingData  bytes are left after the extension block, or after the last field of an extension
//   kBadLength     the session id is over 32 bytes, ALPN names no protocol or more than one, or an empty one
//   kDuplicate     an extension type occurs twice
//   kTooLarge      over kMaxExtensions
[[nodiscard]] ParseStatus ParseServerHello(std::span<const uint8_t> body, ServerHello* hello);

}  // namespace tlsmeter

#endif  // TLSMETER_SERVER_HELLO_H_
