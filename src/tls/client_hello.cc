#include "tlsmeter/client_hello.h"

#include <algorithm>
#include <utility>

#include "src/tls/hello_extensions.h"
#include "tlsmeter/byte_reader.h"

namespace tlsmeter {
namespace {

// The functions below read one extension's body each, up to where it should end; the caller checks that it does.

ParseStatus ReadServerName(ByteReader* body, ClientHello* hello) {
  constexpr uint8_t kHostName = 0;
  ByteReader list;
  if (!body->ReadPrefixed16(&list)) return ParseStatus::kTruncated;
  if (list.empty()) return ParseStatus::kBadLength;
  while (!list.empty()) {
    uint8_t type;
    if (!list.ReadU8(&type)) return ParseStatus::kTruncated;
    // The body of another type has no known frame, though RFC 6066 once meant to give it one (section 3).
    if (type != kHostName) return ParseStatus::kBadValue;
    ByteReader name;
    if (!list.ReadPrefixed16(&name)) return ParseStatus::kTruncated;
    if (name.empty()) return ParseStatus::kBadLength;
    if (!hello->server_name.empty()) return ParseStatus::kDuplicate;
    hello->server_name = AsText(name.rest());
  }
  return ParseStatus::kOk;
}

ParseStatus ReadAlpn(ByteReader* body, ClientHello* hello) {
  ByteReader list;
  if (!body->ReadPrefixed16(&list)) return ParseStatus::kTruncated;
  if (list.empty()) return ParseStatus::kBadLength;
  while (!list.empty()) {
    ByteReader name;
    if (!list.ReadPrefixed8(&name)) return ParseStatus::kTruncated;
    if (name.empty()) return ParseStatus::kBadLength;
    if (hello->alpn.size() == kMaxAlpnProtocols) return ParseStatus::kTooLarge;
    hello->alpn.push_back(AsText(name.rest()));
  }
  return ParseStatus::kOk;
}

ParseStatus ReadKeyShares(ByteReader* body, ClientHello* hello) {
  ByteReader list;
  if (!body->ReadPrefixed16(&list)) return ParseStatus::kTruncated;
  while (!list.empty()) {
    NamedGroup group;
    ByteReader key;
    if (!list.ReadU16(&group.value) || !list.ReadPrefixed16(&key)) return ParseStatus::kTruncated;
    if (key.empty()) return ParseStatus::kBadLength;
    if (hello->key_share_groups.size() == kMaxListEntries) return ParseStatus::kTooLarge;
    hello->key_share_groups.push_back(group);
  }
  return ParseStatus::kOk;
}

ParseStatus ReadPreSharedKey(ByteReader* body, ClientHello* hello) {
  if (body->empty()) return ParseStatus::kOk;  // offers nothing; servers refuse it, yet a widespread client sends it
  ByteReader identities;
  ByteReader binders;
  if (!body->ReadPrefixed16(&identities) || !body->ReadPrefixed16(&binders)) return ParseStatus::kTruncated;
  if (identities.empty() || binders.empty()) return ParseStatus::kBadLength;
  while (!identities.empty()) {
    ByteReader identity;
    uint32_t age;
    if (!identities.ReadPrefixed16(&identity) || !identities.ReadU32(&age)) return ParseStatus::kTruncated;
    if (identity.empty()) return ParseStatus::kBadLength;
    ++hello->psk_identities;  // seven bytes each in a 16-bit length: cannot wrap
  }
  while (!binders.empty()) {
    ByteReader binder;
    if (!binders.ReadPrefixed8(&binder)) return ParseStatus::kTruncated;
  }
  return ParseStatus::kOk;
}

ParseStatus ReadBytesList(ByteReader* body, std::vector<uint8_t>* values) {
  ByteReader list;
  if (!body->ReadPrefixed8(&list)) return ParseStatus::kTruncated;
  if (list.empty()) return ParseStatus::kBadLength;
  values->assign(list.rest().begin(), list.rest().end());
  return ParseStatus::kOk;
}

template <typename T>
ParseStatus ReadNumbers8(ByteReader* body, std::vector<T>* numbers) {
  ByteReader list;
  return body->ReadPrefixed8(&list) ? ReadNumbers(list, numbers) : ParseStatus::kTruncated;
}

template <typename T>
ParseStatus ReadNumbers16(ByteReader* body, std::vector<T>* numbers) {
  ByteReader list;
  return body->ReadPrefixed16(&list) ? ReadNumbers(list, numbers) : ParseStatus::kTruncated;
}

ParseStatus ReadEch(ByteReader* body, ClientHello* hello) {
  constexpr uint8_t kInner = 1;
  constexpr size_t kSuiteAndConfigId = 2 + 2 + 1;  // RFC 9849, section 5
  uint8_t type;
  if (!body->ReadU8(&type)) return ParseStatus::kTruncated;
  (type == kInner ? hello->ech_inner : hello->ech_outer) = true;
  ByteReader outer = *body;
  ByteReader enc;
  if (type != kInner && outer.Skip(kSuiteAndConfigId) && outer.ReadPrefixed16(&enc)) {
    hello->ech_enc_length = static_cast<uint16_t>(enc.remaining());
  }
  return body->Skip(body->remaining()) ? ParseStatus::kOk : ParseStatus::kTruncated;
}

// ReadKnown reads a body whose content is kept, and says with `*known` whether this was one.
ParseStatus ReadKnown(ExtensionType type, ByteReader* body, ClientHello* hello, bool* known) {
  *known = true;
  switch (type.value) {
    case ExtensionType::kServerName.value:
      return ReadServerName(body, hello);
    case ExtensionType::kSupportedGroups.value:
      return ReadNumbers16(body, &hello->supported_groups);
    case ExtensionType::kEcPointFormats.value:
      return ReadBytesList(body, &hello->ec_point_formats);
    case ExtensionType::kSignatureAlgorithms.value:
      return ReadNumbers16(body, &hello->signature_algorithms);
    case ExtensionType::kSignatureAlgorithmsCert.value:
      return ReadNumbers16(body, &hello->signature_algorithms_cert);
    case ExtensionType::kAlpn.value:
      return ReadAlpn(body, hello);
    case ExtensionType::kCompressCertificate.value:
      return ReadNumbers8(body, &hello->certificate_compression);
    case ExtensionType::kPreSharedKey.value:
      return ReadPreSharedKey(body, hello);
    case ExtensionType::kSupportedVersions.value:
      return ReadNumbers8(body, &hello->supported_versions);
    case ExtensionType::kPskKeyExchangeModes.value:
      return ReadBytesList(body, &hello->psk_modes);
    case ExtensionType::kKeyShareDraft.value:
    case ExtensionType::kKeyShare.value:
      return ReadKeyShares(body, hello);
    case ExtensionType::kEncryptedClientHello.value:
      return ReadEch(body, hello);
    default:
      *known = false;
      return ParseStatus::kOk;
  }
}

// NotePresence keeps the fact that an extension was sent, where its body does not matter or must not be copied.
void NotePresence(ExtensionType type, const ByteReader& body, ClientHello* hello) {
  switch (type.value) {
    case ExtensionType::kStatusRequest.value:
      hello->status_request = true;
      break;
    case ExtensionType::kExtendedMasterSecret.value:
      hello->extended_master_secret = true;
      break;
    case ExtensionType::kSessionTicket.value:
      hello->session_ticket_length = static_cast<uint16_t>(body.remaining());
      break;
    case ExtensionType::kEarlyData.value:
      hello->early_data = true;
      break;
    case ExtensionType::kCookie.value:
      hello->cookie = true;
      break;
    case ExtensionType::kRenegotiationInfo.value:
      hello->renegotiation_info = true;
      break;
    case ExtensionType::kEncryptedServerName.value:
      hello->encrypted_server_name = true;
      break;
    default:
      break;
  }
}

ParseStatus ReadExtension(ExtensionType type, ByteReader body, ClientHello* hello) {
  bool known;
  const ParseStatus status = ReadKnown(type, &body, hello, &known);
  if (known) return Last(status, body);
  NotePresence(type, body, hello);
  return ParseStatus::kOk;
}

ParseStatus ReadHello(ByteReader reader, ClientHello* hello) {
  std::span<const uint8_t> random;
  ByteReader session_id;
  ByteReader cipher_suites;
  ByteReader compression;
  if (!reader.ReadU16(&hello->legacy_version.value) || !reader.ReadBytes(hello->random.size(), &random) ||
      !reader.ReadPrefixed8(&session_id)) {
    return ParseStatus::kTruncated;
  }
  if (session_id.remaining() > kMaxSessionId) return ParseStatus::kBadLength;
  std::copy(random.begin(), random.end(), hello->random.begin());
  hello->session_id.assign(session_id.rest().begin(), session_id.rest().end());

  if (!reader.ReadPrefixed16(&cipher_suites)) return ParseStatus::kTruncated;
  if (const ParseStatus status = ReadNumbers(cipher_suites, &hello->cipher_suites); status != ParseStatus::kOk)
    return status;
  // Empty is against RFC 5246, section 7.4.1.2, but servers were seen to answer it: the verdict on it is theirs.
  if (!reader.ReadPrefixed8(&compression)) return ParseStatus::kTruncated;
  hello->compression_methods.assign(compression.rest().begin(), compression.rest().end());

  if (reader.empty()) return ParseStatus::kOk;  // extensions came with RFC 3546: before it a hello ends here
  hello->has_extensions = true;
  ByteReader block;
  if (!reader.ReadPrefixed16(&block)) return ParseStatus::kTruncated;
  return Last(ReadExtensions(block, &hello->extensions,
                             [hello](ExtensionType type, ByteReader body) { return ReadExtension(type, body, hello); }),
              reader);
}

// Rank orders versions by age: drafts of TLS 1.3 lie between 1.2 and 1.3. 0: not a version of TLS.
unsigned Rank(ProtocolVersion version) {
  if (version.IsDraft13()) return (ProtocolVersion::kTls12.value << 8) + 1 + (version.value & 0xff);
  return version.value >> 8 == 3 ? version.value << 8 : 0;
}

}  // namespace

bool ClientHello::HasExtension(ExtensionType type) const { return HasExtensionType(extensions, type); }

bool ClientHello::IsFallback() const {
  return std::find(cipher_suites.begin(), cipher_suites.end(), CipherSuite::kFallbackScsv) != cipher_suites.end();
}

ProtocolVersion ClientHello::HighestVersion() const {
  ProtocolVersion highest;
  for (const ProtocolVersion version : supported_versions) {
    if (Rank(version) > Rank(highest)) highest = version;
  }
  return highest.value == 0 ? legacy_version : highest;
}

ParseStatus ParseClientHello(std::span<const uint8_t> body, ClientHello* hello) {
  ClientHello result;
  const ParseStatus status = ReadHello(ByteReader(body), &result);
  if (status == ParseStatus::kOk) *hello = std::move(result);
  return status;
}

}  // namespace tlsmeter
