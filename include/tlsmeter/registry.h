// Registry: the numbers of TLS and their names.
//
// Each type is a struct around the number on the wire, so that a value this library has never heard of survives parsing,
// compares, and prints as hex. Nothing here rejects a number. KnownName returns the registered name, or an empty view for a
// number that the table does not hold; the view is of static storage. Name returns the same, or the number as hex ("0x1a2b";
// two digits where the number is one byte) when it is unknown; it never fails and never returns an empty string.
//
// Names follow the IANA registries "TLS Parameters" and "TLS ExtensionType Values" to the letter, with what was widely
// deployed under a number before or beside its registration added. GREASE values (RFC 8701) have no name. Any thread.
#ifndef TLSMETER_REGISTRY_H_
#define TLSMETER_REGISTRY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tlsmeter {

// IsGrease returns true for the sixteen 16-bit values 0x0a0a, 0x1a1a, ... 0xfafa that clients mix into lists of cipher
// suites, groups, extensions, signature algorithms and versions to keep servers tolerant (RFC 8701, section 2).
constexpr bool IsGrease(uint16_t value) { return (value & 0x0f0f) == 0x0a0a && (value >> 8) == (value & 0xff); }

// ProtocolVersion is a version field of a record, a hello, or a supported_versions entry (RFC 8446, section 4.2.1). Names
// are those of tls.protocol.version: "1.3", "1.2", "1.1", "1.0", "ssl3", "ssl2"; drafts of TLS 1.3 (0x7f00 + n) print as
// "1.3-draft18".
struct ProtocolVersion {
  uint16_t value = 0;

  constexpr bool operator==(const ProtocolVersion&) const = default;
  constexpr bool IsGrease() const { return tlsmeter::IsGrease(value); }
  // IsDraft13 returns true for the numbers that drafts of RFC 8446 used.
  constexpr bool IsDraft13() const { return (value & 0xff00) == 0x7f00; }
  // IsTls13 returns true for TLS 1.3 and its drafts.
  constexpr bool IsTls13() const { return value == 0x0304 || IsDraft13(); }
  std::string_view KnownName() const;  // empty for drafts, whose names are made on demand by Name
  std::string Name() const;

  static const ProtocolVersion kSsl2, kSsl3, kTls10, kTls11, kTls12, kTls13;
};
inline constexpr ProtocolVersion ProtocolVersion::kSsl2{0x0002};
inline constexpr ProtocolVersion ProtocolVersion::kSsl3{0x0300};
inline constexpr ProtocolVersion ProtocolVersion::kTls10{0x0301};
inline constexpr ProtocolVersion ProtocolVersion::kTls11{0x0302};
inline constexpr ProtocolVersion ProtocolVersion::kTls12{0x0303};
inline constexpr ProtocolVersion ProtocolVersion::kTls13{0x0304};

// Tls13Lengths are the two lengths, in bytes, that a TLS 1.3 cipher suite fixes, and the `length` fields of the encrypted
// records that follow from them. An encrypted record carries content, one byte of inner type and the tag (RFC 8446, section
// 5.2); a handshake message begins with four bytes. All of it holds for records without padding, which is how stacks send
// them.
struct Tls13Lengths {
  uint8_t hash = 0;  // output of the suite's hash = verify_data of Finished (RFC 8446, section 4.4.4)
  uint8_t tag = 0;   // expansion of the AEAD

  // FinishedRecord is a record with a Finished alone: 53 for SHA-256, 69 for SHA-384, 45 for AES_128_CCM_8_SHA256.
  constexpr uint16_t FinishedRecord() const { return static_cast<uint16_t>(4 + hash + 1 + tag); }
  // AlertRecord is a record with one alert: 19 with a 16-byte tag.
  constexpr uint16_t AlertRecord() const { return static_cast<uint16_t>(2 + 1 + tag); }
  // EndOfEarlyDataRecord is a record with an EndOfEarlyData alone: 21 with a 16-byte tag.
  constexpr uint16_t EndOfEarlyDataRecord() const { return static_cast<uint16_t>(4 + 1 + tag); }
};

// CipherSuite is IANA "TLS Cipher Suites", signalling values (SCSV) included.
struct CipherSuite {
  uint16_t value = 0;

  constexpr bool operator==(const CipherSuite&) const = default;
  constexpr bool IsGrease() const { return tlsmeter::IsGrease(value); }
  std::string_view KnownName() const;  // "TLS_AES_128_GCM_SHA256"
  std::string Name() const;
  // Lengths13 returns the lengths that a TLS 1.3 suite fixes; nullopt for suites of earlier versions and for unknown ones.
  std::optional<Tls13Lengths> Lengths13() const;

  static const CipherSuite kEmptyRenegotiationInfoScsv, kFallbackScsv;
};
inline constexpr CipherSuite CipherSuite::kEmptyRenegotiationInfoScsv{0x00ff};  // RFC 5746, section 3.3
inline constexpr CipherSuite CipherSuite::kFallbackScsv{0x5600};                // RFC 7507

// NamedGroup is IANA "TLS Supported Groups": elliptic curves, finite fields, key encapsulation and hybrids of them.
struct NamedGroup {
  uint16_t value = 0;

  constexpr bool operator==(const NamedGroup&) const = default;
  constexpr bool IsGrease() const { return tlsmeter::IsGrease(value); }
  std::string_view KnownName() const;  // "x25519", "secp256r1", "X25519MLKEM768"
  std::string Name() const;
};

// SignatureScheme is IANA "TLS SignatureScheme"; the pairs of hash and signature of TLS 1.2 (RFC 5246, section 7.4.1.4.1)
// that have no entry there are named in the same manner ("rsa_pkcs1_sha224").
struct SignatureScheme {
  uint16_t value = 0;

  constexpr bool operator==(const SignatureScheme&) const = default;
  constexpr bool IsGrease() const { return tlsmeter::IsGrease(value); }
  std::string_view KnownName() const;
  std::string Name() const;
};

// ExtensionType is IANA "TLS ExtensionType Values".
struct ExtensionType {
  uint16_t value = 0;

  constexpr bool operator==(const ExtensionType&) const = default;
  constexpr bool IsGrease() const { return tlsmeter::IsGrease(value); }
  std::string_view KnownName() const;
  std::string Name() const;

  // The extensions that this library reads.
  static const ExtensionType kServerName, kStatusRequest, kSupportedGroups, kEcPointFormats, kSignatureAlgorithms, kAlpn,
      kExtendedMasterSecret, kCompressCertificate, kSessionTicket, kPreSharedKey, kEarlyData, kSupportedVersions, kCookie,
      kPskKeyExchangeModes, kSignatureAlgorithmsCert, kKeyShareDraft, kKeyShare, kEncryptedClientHello, kRenegotiationInfo,
      kEncryptedServerName;
};
inline constexpr ExtensionType ExtensionType::kServerName{0};                 // RFC 6066, section 3
inline constexpr ExtensionType ExtensionType::kStatusRequest{5};              // RFC 6066, section 8
inline constexpr ExtensionType ExtensionType::kSupportedGroups{10};           // RFC 8446, section 4.2.7; RFC 8422
inline constexpr ExtensionType ExtensionType::kEcPointFormats{11};            // RFC 8422, section 5.1.2
inline constexpr ExtensionType ExtensionType::kSignatureAlgorithms{13};       // RFC 8446, section 4.2.3
inline constexpr ExtensionType ExtensionType::kAlpn{16};                      // RFC 7301
inline constexpr ExtensionType ExtensionType::kExtendedMasterSecret{23};      // RFC 7627
inline constexpr ExtensionType ExtensionType::kCompressCertificate{27};       // RFC 8879
inline constexpr ExtensionType ExtensionType::kSessionTicket{35};             // RFC 5077
inline constexpr ExtensionType ExtensionType::kKeyShareDraft{40};             // key_share in drafts up to 22; reserved since
inline constexpr ExtensionType ExtensionType::kPreSharedKey{41};              // RFC 8446, section 4.2.11
inline constexpr ExtensionType ExtensionType::kEarlyData{42};                 // RFC 8446, section 4.2.10
inline constexpr ExtensionType ExtensionType::kSupportedVersions{43};         // RFC 8446, section 4.2.1
inline constexpr ExtensionType ExtensionType::kCookie{44};                    // RFC 8446, section 4.2.2
inline constexpr ExtensionType ExtensionType::kPskKeyExchangeModes{45};       // RFC 8446, section 4.2.9
inline constexpr ExtensionType ExtensionType::kSignatureAlgorithmsCert{50};   // RFC 8446, section 4.2.3
inline constexpr ExtensionType ExtensionType::kKeyShare{51};                  // RFC 8446, section 4.2.8
inline constexpr ExtensionType ExtensionType::kEncryptedClientHello{0xfe0d};  // RFC 9849
inline constexpr ExtensionType ExtensionType::kRenegotiationInfo{0xff01};     // RFC 5746, section 3.2
inline constexpr ExtensionType ExtensionType::kEncryptedServerName{0xffce};   // draft-ietf-tls-esni-02

// AlertDescription is IANA "TLS Alerts"; names are the lower-case ones of the RFCs ("unknown_ca").
struct AlertDescription {
  uint8_t value = 0;

  constexpr bool operator==(const AlertDescription&) const = default;
  std::string_view KnownName() const;
  std::string Name() const;

  static const AlertDescription kCloseNotify, kUserCanceled;
};
inline constexpr AlertDescription AlertDescription::kCloseNotify{0};
inline constexpr AlertDescription AlertDescription::kUserCanceled{90};

// ContentType is the type of a record (RFC 8446, section 5.1; heartbeat: RFC 6520).
struct ContentType {
  uint8_t value = 0;

  constexpr bool operator==(const ContentType&) const = default;
  std::string_view KnownName() const;
  std::string Name() const;

  static const ContentType kChangeCipherSpec, kAlert, kHandshake, kApplicationData, kHeartbeat;
};
inline constexpr ContentType ContentType::kChangeCipherSpec{20};
inline constexpr ContentType ContentType::kAlert{21};
inline constexpr ContentType ContentType::kHandshake{22};
inline constexpr ContentType ContentType::kApplicationData{23};
inline constexpr ContentType ContentType::kHeartbeat{24};

// HandshakeType is the type of a handshake message (RFC 8446, section 4; RFC 5246, section 7.4).
struct HandshakeType {
  uint8_t value = 0;

  constexpr bool operator==(const HandshakeType&) const = default;
  std::string_view KnownName() const;
  std::string Name() const;

  static const HandshakeType kHelloRequest, kClientHello, kServerHello, kNewSessionTicket, kCertificate, kServerKeyExchange,
      kCertificateRequest, kServerHelloDone, kCertificateVerify, kClientKeyExchange, kFinished, kCertificateStatus;
};
inline constexpr HandshakeType HandshakeType::kHelloRequest{0};
inline constexpr HandshakeType HandshakeType::kClientHello{1};
inline constexpr HandshakeType HandshakeType::kServerHello{2};
inline constexpr HandshakeType HandshakeType::kNewSessionTicket{4};
inline constexpr HandshakeType HandshakeType::kCertificate{11};
inline constexpr HandshakeType HandshakeType::kServerKeyExchange{12};
inline constexpr HandshakeType HandshakeType::kCertificateRequest{13};
inline constexpr HandshakeType HandshakeType::kServerHelloDone{14};
inline constexpr HandshakeType HandshakeType::kCertificateVerify{15};
inline constexpr HandshakeType HandshakeType::kClientKeyExchange{16};
inline constexpr HandshakeType HandshakeType::kFinished{20};
inline constexpr HandshakeType HandshakeType::kCertificateStatus{22};

}  // namespace tlsmeter

#endif  // TLSMETER_REGISTRY_H_
