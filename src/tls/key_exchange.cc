#include "tlsmeter/key_exchange.h"

#include "tlsmeter/byte_reader.h"

namespace tlsmeter {
namespace {

constexpr uint8_t kNamedCurve = 3;  // ECCurveType, RFC 8422, section 5.4

}  // namespace

ParseStatus ParseServerKeyExchange(std::span<const uint8_t> body, CipherSuite cipher, std::optional<NamedGroup>* group) {
  const std::string_view name = cipher.KnownName();
  const bool with_psk = name.starts_with("TLS_ECDHE_PSK_");
  if (!name.starts_with("TLS_ECDHE_") && !name.starts_with("TLS_ECDH_anon_")) {
    group->reset();
    return ParseStatus::kOk;
  }
  ByteReader reader(body);
  ByteReader hint;  // identity hint before the curve: RFC 5489, section 2
  if (with_psk && !reader.ReadPrefixed16(&hint)) return ParseStatus::kTruncated;
  uint8_t curve_type;
  if (!reader.ReadU8(&curve_type)) return ParseStatus::kTruncated;
  if (curve_type != kNamedCurve) {
    group->reset();
    return ParseStatus::kOk;
  }
  NamedGroup curve;
  ByteReader key;
  if (!reader.ReadU16(&curve.value) || !reader.ReadPrefixed8(&key)) return ParseStatus::kTruncated;
  if (key.empty()) return ParseStatus::kBadLength;
  // What follows is a signature whose form depends on the version: nothing of it is read.
  *group = curve;
  return ParseStatus::kOk;
}

}  // namespace tlsmeter
