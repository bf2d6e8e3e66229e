#include "tlsmeter/certificate_message.h"

#include "tlsmeter/byte_reader.h"
#include "tlsmeter/registry.h"

namespace tlsmeter {
namespace {

constexpr uint8_t kOcsp = 1;       // CertificateStatusType: RFC 6066, section 8
constexpr uint8_t kOcspMulti = 2;  // RFC 6961

// ReadStatus reads a CertificateStatus, of which nothing may be left in `reader` but for an unknown type.
ParseStatus ReadStatus(ByteReader reader, std::span<const uint8_t>* response) {
  uint8_t type;
  if (!reader.ReadU8(&type)) return ParseStatus::kTruncated;
  if (type != kOcsp && type != kOcspMulti) {
    *response = {};
    return ParseStatus::kOk;
  }
  ByteReader first;
  if (type == kOcsp) {
    if (!reader.ReadPrefixed24(&first)) return ParseStatus::kTruncated;
    if (first.empty()) return ParseStatus::kBadLength;
  } else {
    ByteReader list;
    if (!reader.ReadPrefixed24(&list)) return ParseStatus::kTruncated;
    if (!list.empty() && !list.ReadPrefixed24(&first)) return ParseStatus::kTruncated;
  }
  if (!reader.empty()) return ParseStatus::kTrailingData;
  *response = first.rest();
  return ParseStatus::kOk;
}

// ReadEntryExtensions reads the extensions of a CertificateEntry (RFC 8446, section 4.4.2).
ParseStatus ReadEntryExtensions(ByteReader block, std::span<const uint8_t>* ocsp) {
  while (!block.empty()) {
    ExtensionType type;
    ByteReader body;
    if (!block.ReadU16(&type.value) || !block.ReadPrefixed16(&body)) return ParseStatus::kTruncated;
    if (type != ExtensionType::kStatusRequest) continue;
    if (const ParseStatus status = ReadStatus(body, ocsp); status != ParseStatus::kOk) return status;
  }
  return ParseStatus::kOk;
}

ParseStatus ReadList(ByteReader reader, bool tls13, CertificateList* result) {
  ByteReader list;
  if (!reader.ReadPrefixed24(&list)) return ParseStatus::kTruncated;
  while (!list.empty()) {
    ByteReader certificate;
    if (!list.ReadPrefixed24(&certificate)) return ParseStatus::kTruncated;
    if (certificate.empty()) return ParseStatus::kBadLength;
    if (tls13) {
      ByteReader extensions;
      std::span<const uint8_t> ocsp;
      if (!list.ReadPrefixed16(&extensions)) return ParseStatus::kTruncated;
      if (const ParseStatus status = ReadEntryExtensions(extensions, &ocsp); status != ParseStatus::kOk) return status;
      if (result->length == 0) result->leaf_ocsp = ocsp;
    }
    if (result->length < kMaxChainLength) result->certificates[result->length] = certificate.rest();
    ++result->length;
  }
  return reader.empty() ? ParseStatus::kOk : ParseStatus::kTrailingData;
}

}  // namespace

ParseStatus ParseCertificate(std::span<const uint8_t> body, CertificateList* list) {
  CertificateList result;
  const ParseStatus status = ReadList(ByteReader(body), /*tls13=*/false, &result);
  if (status == ParseStatus::kOk) *list = result;
  return status;
}

ParseStatus ParseCertificate13(std::span<const uint8_t> body, CertificateList* list) {
  ByteReader reader(body);
  ByteReader context;  // certificate_request_context
  if (!reader.ReadPrefixed8(&context)) return ParseStatus::kTruncated;
  CertificateList result;
  const ParseStatus status = ReadList(reader, /*tls13=*/true, &result);
  if (status == ParseStatus::kOk) *list = result;
  return status;
}

ParseStatus ParseCertificateStatus(std::span<const uint8_t> body, std::span<const uint8_t>* response) {
  return ReadStatus(ByteReader(body), response);
}

}  // namespace tlsmeter
