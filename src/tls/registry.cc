#include "tlsmeter/registry.h"

#include "src/tls/cipher_suite_names.h"
#include "src/tls/registry_names.h"

namespace tlsmeter {
namespace {

static_assert(IsSortedAndUnique(kCipherSuiteNames));
static_assert(IsSortedAndUnique(kProtocolVersionNames));
static_assert(IsSortedAndUnique(kNamedGroupNames));
static_assert(IsSortedAndUnique(kSignatureSchemeNames));
static_assert(IsSortedAndUnique(kExtensionTypeNames));
static_assert(IsSortedAndUnique(kAlertDescriptionNames));
static_assert(IsSortedAndUnique(kContentTypeNames));
static_assert(IsSortedAndUnique(kHandshakeTypeNames));

std::string Hex(unsigned value, int digits) {
  std::string text = "0x";
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) text += "0123456789abcdef"[(value >> shift) & 0xf];
  return text;
}

std::string NameOrHex(std::string_view known, unsigned value, int digits) {
  return known.empty() ? Hex(value, digits) : std::string(known);
}

}  // namespace

std::string_view ProtocolVersion::KnownName() const { return FindName(kProtocolVersionNames, value); }
std::string_view CipherSuite::KnownName() const { return FindName(kCipherSuiteNames, value); }
std::string_view NamedGroup::KnownName() const { return FindName(kNamedGroupNames, value); }
std::string_view SignatureScheme::KnownName() const { return FindName(kSignatureSchemeNames, value); }
std::string_view ExtensionType::KnownName() const { return FindName(kExtensionTypeNames, value); }
std::string_view AlertDescription::KnownName() const { return FindName(kAlertDescriptionNames, value); }
std::string_view ContentType::KnownName() const { return FindName(kContentTypeNames, value); }
std::string_view HandshakeType::KnownName() const { return FindName(kHandshakeTypeNames, value); }

std::string ProtocolVersion::Name() const {
  if (!IsDraft13()) return NameOrHex(KnownName(), value, 4);
  const unsigned draft = value & 0xff;
  return (draft < 10 ? "1.3-draft0" : "1.3-draft") + std::to_string(draft);
}

std::string CipherSuite::Name() const { return NameOrHex(KnownName(), value, 4); }
std::string NamedGroup::Name() const { return NameOrHex(KnownName(), value, 4); }
std::string SignatureScheme::Name() const { return NameOrHex(KnownName(), value, 4); }
std::string ExtensionType::Name() const { return NameOrHex(KnownName(), value, 4); }
std::string AlertDescription::Name() const { return NameOrHex(KnownName(), value, 2); }
std::string ContentType::Name() const { return NameOrHex(KnownName(), value, 2); }
std::string HandshakeType::Name() const { return NameOrHex(KnownName(), value, 2); }

std::optional<Tls13Lengths> CipherSuite::Lengths13() const {
  switch (value) {
    case 0x1301:  // TLS_AES_128_GCM_SHA256
    case 0x1303:  // TLS_CHACHA20_POLY1305_SHA256
    case 0x1304:  // TLS_AES_128_CCM_SHA256
    case 0x00c6:  // TLS_SM4_GCM_SM3
    case 0x00c7:  // TLS_SM4_CCM_SM3
    case 0xc103:  // TLS_GOSTR341112_256_WITH_KUZNYECHIK_MGM_L
    case 0xc105:  // TLS_GOSTR341112_256_WITH_KUZNYECHIK_MGM_S
      return Tls13Lengths{.hash = 32, .tag = 16};
    case 0x1302:  // TLS_AES_256_GCM_SHA384
      return Tls13Lengths{.hash = 48, .tag = 16};
    case 0x1305:  // TLS_AES_128_CCM_8_SHA256
    case 0xc104:  // TLS_GOSTR341112_256_WITH_MAGMA_MGM_L
    case 0xc106:  // TLS_GOSTR341112_256_WITH_MAGMA_MGM_S
      return Tls13Lengths{.hash = 32, .tag = 8};
    case 0xc0b4:  // TLS_SHA256_SHA256 (RFC 9150): no encryption, the "tag" is an HMAC
      return Tls13Lengths{.hash = 32, .tag = 32};
    case 0xc0b5:  // TLS_SHA384_SHA384
      return Tls13Lengths{.hash = 48, .tag = 48};
    default:
      return std::nullopt;
  }
}

}  // namespace tlsmeter
