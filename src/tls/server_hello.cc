#include "tlsmeter/server_hello.h"

#include <algorithm>
#include <utility>

#include "src/tls/hello_extensions.h"
#include "tlsmeter/byte_reader.h"

namespace tlsmeter {
namespace {

// SHA-256 of "HelloRetryRequest": RFC 8446, section 4.1.3.
constexpr std::array<uint8_t, 32> kHelloRetryRandom = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                                       0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                                       0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

constexpr std::array<uint8_t, 7> kDowngradeMark = {0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44};  // "DOWNGRD"

constexpr uint16_t kLastDraftWithShortHello = 0x7f15;  // draft 21

Downgrade DowngradeOf(const std::array<uint8_t, 32>& random) {
  const std::span<const uint8_t> tail = std::span(random).last<8>();
  if (!std::equal(kDowngradeMark.begin(), kDowngradeMark.end(), tail.begin())) return Downgrade::kNone;
  if (tail[7] == 1) return Downgrade::kToTls12;
  return tail[7] == 0 ? Downgrade::kToTls11OrBelow : Downgrade::kNone;
}

ParseStatus ReadAlpn(ByteReader* body, ServerHello* hello) {
  ByteReader list;
  ByteReader name;
  if (!body->ReadPrefixed16(&list)) return ParseStatus::kTruncated;
  if (list.empty()) return ParseStatus::kBadLength;
  if (!list.ReadPrefixed8(&name)) return ParseStatus::kTruncated;
  if (name.empty() || !list.empty()) return ParseStatus::kBadLength;  // exactly one: RFC 7301, section 3.1
  hello->alpn = AsText(name.rest());
  return ParseStatus::kOk;
}

ParseStatus ReadKeyShare(ByteReader* body, ServerHello* hello) {
  NamedGroup group;
  if (!body->ReadU16(&group.value)) return ParseStatus::kTruncated;
  if (!hello->is_hello_retry) {
    ByteReader key;
    if (!body->ReadPrefixed16(&key)) return ParseStatus::kTruncated;
    if (key.empty()) return ParseStatus::kBadLength;
  }
  hello->key_share_group = group;
  return ParseStatus::kOk;
}

ParseStatus ReadExtension(ExtensionType type, ByteReader body, ServerHello* hello) {
  switch (type.value) {
    case ExtensionType::kSupportedVersions.value: {
      ProtocolVersion version;
      if (!body.ReadU16(&version.value)) return ParseStatus::kTruncated;
      hello->supported_version = version;
      return Last(ParseStatus::kOk, body);
    }
    case ExtensionType::kKeyShareDraft.value:
    case ExtensionType::kKeyShare.value:
      return Last(ReadKeyShare(&body, hello), body);
    case ExtensionType::kPreSharedKey.value: {
      uint16_t index;
      if (!body.ReadU16(&index)) return ParseStatus::kTruncated;
      hello->selected_psk = index;
      return Last(ParseStatus::kOk, body);
    }
    case ExtensionType::kAlpn.value:
      return Last(ReadAlpn(&body, hello), body);
    case ExtensionType::kSessionTicket.value:
      hello->session_ticket = true;
      return ParseStatus::kOk;
    case ExtensionType::kExtendedMasterSecret.value:
      hello->extended_master_secret = true;
      return ParseStatus::kOk;
    case ExtensionType::kRenegotiationInfo.value:
      hello->renegotiation_info = true;
      return ParseStatus::kOk;
    case ExtensionType::kStatusRequest.value:
      hello->status_request = true;
      return ParseStatus::kOk;
    case ExtensionType::kCookie.value:
      hello->cookie = true;
      return ParseStatus::kOk;
    default:
      return ParseStatus::kOk;
  }
}

ParseStatus ReadHello(ByteReader reader, ServerHello* hello) {
  std::span<const uint8_t> random;
  if (!reader.ReadU16(&hello->legacy_version.value) || !reader.ReadBytes(hello->random.size(), &random)) {
    return ParseStatus::kTruncated;
  }
  std::copy(random.begin(), random.end(), hello->random.begin());
  hello->is_hello_retry = hello->random == kHelloRetryRandom;
  hello->downgrade = DowngradeOf(hello->random);

  const bool short_form = hello->legacy_version.IsDraft13() && hello->legacy_version.value <= kLastDraftWithShortHello;
  ByteReader session_id;
  if (!short_form) {
    if (!reader.ReadPrefixed8(&session_id)) return ParseStatus::kTruncated;
    if (session_id.remaining() > kMaxSessionId) return ParseStatus::kBadLength;
    hello->session_id.assign(session_id.rest().begin(), session_id.rest().end());
  }
  if (!reader.ReadU16(&hello->cipher_suite.value)) return ParseStatus::kTruncated;
  if (!short_form && !reader.ReadU8(&hello->compression_method)) return ParseStatus::kTruncated;

  if (reader.empty()) return ParseStatus::kOk;
  hello->has_extensions = true;
  ByteReader block;
  if (!reader.ReadPrefixed16(&block)) return ParseStatus::kTruncated;
  return Last(ReadExtensions(block, &hello->extensions,
                             [hello](ExtensionType type, ByteReader body) { return ReadExtension(type, body, hello); }),
              reader);
}

}  // namespace

bool ServerHello::HasExtension(ExtensionType type) const { return HasExtensionType(extensions, type); }

ParseStatus ParseServerHello(std::span<const uint8_t> body, ServerHello* hello) {
  ServerHello result;
  const ParseStatus status = ReadHello(ByteReader(body), &result);
  if (status == ParseStatus::kOk) *hello = std::move(result);
  return status;
}

}  // namespace tlsmeter
