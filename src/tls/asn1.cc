#include "src/tls/asn1.h"

#include <openssl/objects.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "src/tls/digest.h"
#include "tlsmeter/certificate.h"

namespace tlsmeter {

std::span<const uint8_t> Bytes(const ASN1_STRING* text) {
  return {ASN1_STRING_get0_data(text), static_cast<size_t>(std::max(ASN1_STRING_length(text), 0))};
}

std::optional<int64_t> UnixTime(const ASN1_TIME* time) {
  std::tm parts = {};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return timegm(&parts);
}

std::string SerialNumber(const ASN1_INTEGER* number) {
  std::span<const uint8_t> bytes = Bytes(number);
  while (bytes.size() > 1 && bytes.front() == 0) bytes = bytes.subspan(1);
  if (bytes.size() > kMaxSerialNumberLength) return {};
  if (bytes.empty()) return "00";
  return (ASN1_STRING_type(number) == V_ASN1_NEG_INTEGER ? "-" : "") + LowerHex(bytes);
}

std::string ObjectName(const ASN1_OBJECT* object) {
  std::array<char, 128> text;  // cuts an identifier of absurd length
  const int length = OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, /*no_name=*/0);
  if (length <= 0) return {};
  return {text.data(), std::min(static_cast<size_t>(length), text.size() - 1)};
}

}  // namespace tlsmeter
