// ClientHello: what a client offers (RFC 8446, section 4.1.2; RFC 5246, section 7.4.1.2).
//
// Everything is kept in the order of the wire, GREASE included, so that fingerprints (JA3, JA4) can be computed from it.
// Numbers that are not known are data like any other; only what cannot be framed is rejected. Never copied: session tickets,
// pre-shared key identities and binders, key shares, cookies. A ClientHello is a plain value that owns its memory; any
// thread.
#ifndef TLSMETER_CLIENT_HELLO_H_
#define TLSMETER_CLIENT_HELLO_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tlsmeter/parse_status.h"
#include "tlsmeter/registry.h"

namespace tlsmeter {

// kMaxListEntries bounds each list of numbers in a hello. IANA has registered about 350 cipher suites, the longest of these
// lists; scanners that offer all of them and a few hundred more still fit.
inline constexpr size_t kMaxListEntries = 1024;

// kMaxExtensions bounds the extensions of one hello. Some 65 types are registered, browsers send 20.
inline constexpr size_t kMaxExtensions = 256;

// kMaxAlpnProtocols bounds the protocol names of one hello: unlike numbers, each costs an allocation. Browsers offer two.
inline constexpr size_t kMaxAlpnProtocols = 64;

// Extension is one extension's head, in the order of the wire.
struct Extension {
  ExtensionType type;
  uint16_t length = 0;  // of its body, bytes

  constexpr bool operator==(const Extension&) const = default;
};

struct ClientHello {
  ProtocolVersion legacy_version;            // 0x0303 for TLS 1.2 and 1.3
  std::array<uint8_t, 32> random = {};       // the same on both ends of a connection: what other views are joined on
  std::vector<uint8_t> session_id;           // 0 to 32 bytes; made up by TLS 1.3 clients and by those that offer a ticket
  std::vector<CipherSuite> cipher_suites;    // at least one; signalling values and GREASE included
  std::vector<uint8_t> compression_methods;  // at least one, unless the client broke the rule
  bool has_extensions = false;               // the block is there, though it may be empty
  std::vector<Extension> extensions;         // every one, known or not

  // server_name: the host_name of RFC 6066, raw bytes as sent (1 to 65535, any value): not lower-cased, not checked. Empty:
  // not sent. The outer, public name when ECH is in use.
  std::string server_name;
  std::vector<std::string> alpn;  // raw bytes, 1 to 255 each; RFC 7301

  std::vector<ProtocolVersion> supported_versions;
  std::vector<NamedGroup> supported_groups;
  std::vector<NamedGroup> key_share_groups;  // groups a key was sent for; empty with `key_share` sent: asks for a retry
  std::vector<SignatureScheme> signature_algorithms;
  std::vector<SignatureScheme> signature_algorithms_cert;
  std::vector<uint8_t> ec_point_formats;
  std::vector<uint16_t> certificate_compression;  // RFC 8879: 1 zlib, 2 brotli, 3 zstd

  std::optional<uint16_t> session_ticket_length;  // RFC 5077: nullopt not offered, 0 support only, else bytes of a ticket
  uint16_t psk_identities = 0;     // pre_shared_key: number of identities offered, 0 without the extension or a body
  std::vector<uint8_t> psk_modes;  // psk_key_exchange_modes: 0 psk_ke, 1 psk_dhe_ke

  bool early_data = false;              // 0-RTT data is offered
  bool cookie = false;                  // answers a HelloRetryRequest
  bool extended_master_secret = false;  // RFC 7627
  bool renegotiation_info = false;      // RFC 5746, as an extension (the signalling suite is among cipher_suites)
  bool status_request = false;          // asks for OCSP stapling
  bool ech_outer = false;               // encrypted_client_hello (RFC 9849), real or GREASE: they look alike
  uint16_t ech_enc_length = 0;          // ... bytes of its `enc`, the client's public key; 0 also when not framed as the RFC
  bool ech_inner = false;               // ... marked as the inner hello: seen on the wire only where ECH was terminated
  bool encrypted_server_name = false;   // ESNI, the draft before ECH
  bool ssl2_format = false;  // came in SSL 2.0 format: there are no fields but those that ParseSsl2ClientHello sets

  // HasExtension returns true when an extension of that type was sent.
  bool HasExtension(ExtensionType type) const;

  // IsFallback returns true when the client marked its hello as a second try with a lower version (TLS_FALLBACK_SCSV, RFC
  // 7507).
  bool IsFallback() const;

  // HighestVersion returns the highest version offered: of supported_versions without GREASE when sent, else legacy_version.
  // Drafts of TLS 1.3 count below TLS 1.3 and above TLS 1.2.
  ProtocolVersion HighestVersion() const;

  bool operator==(const ClientHello&) const = default;
};

// ParseClientHello reads the body of a ClientHello message, without the four bytes of type and length in front of it.
// `*hello` is replaced on kOk and untouched otherwise.
//   kTruncated     a field or a length prefix reaches past its enclosing one, the whole message included
//   kTrailingData  bytes are left after the extension block, or after the last field of an extension
//   kBadLength     a list of 16-bit numbers is odd, a list that must hold something is empty, the session id is over 32
//   bytes, or a
//                  name is empty
//   kBadValue      a server name that is not a host_name
//   kDuplicate     an extension type occurs twice, or a second host_name
//   kTooLarge      over kMaxListEntries, kMaxExtensions or kMaxAlpnProtocols
[[nodiscard]] ParseStatus ParseClientHello(std::span<const uint8_t> body, ClientHello* hello);

// ParseSsl2ClientHello reads a ClientHello in SSL 2.0 format (RFC 5246, appendix E.2), from its msg_type on, without the two
// bytes of length in front of it. It sets legacy_version (0x0002 from a client that speaks nothing newer), the cipher suites
// that TLS knows, session_id, and as random the challenge, as E.2 says. `*hello` is replaced on kOk and untouched otherwise.
//   kTruncated     a field reaches past the end
//   kTrailingData  bytes are left after the challenge
//   kBadLength     the list of suites is empty or no multiple of three, the session id is over 32 bytes, or the challenge is
//                  shorter than 16 or longer than 32
//   kBadValue      not a CLIENT-HELLO
//   kTooLarge      over kMaxListEntries
[[nodiscard]] ParseStatus ParseSsl2ClientHello(std::span<const uint8_t> message, ClientHello* hello);

}  // namespace tlsmeter

#endif  // TLSMETER_CLIENT_HELLO_H_
