#include "tlsmeter/ocsp.h"

#include <openssl/ocsp.h>

#include <algorithm>

#include "src/tls/asn1.h"

namespace tlsmeter {
namespace {

using ResponsePtr = std::unique_ptr<OCSP_RESPONSE, OpensslDeleter<OCSP_RESPONSE_free>>;
using BasicPtr = std::unique_ptr<OCSP_BASICRESP, OpensslDeleter<OCSP_BASICRESP_free>>;

// FindFor returns the single response for the certificate with that serial number; nullptr when there is none.
OCSP_SINGLERESP* FindFor(OCSP_BASICRESP* response, std::string_view serial_number) {
  const int count = std::min(OCSP_resp_count(response), kMaxOcspResponses);
  for (int i = 0; i < count; ++i) {
    OCSP_SINGLERESP* single = OCSP_resp_get0(response, i);
    ASN1_INTEGER* serial = nullptr;
    // The call only reads, though it takes its argument without const.
    auto* id = const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single));
    if (OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial, id) == 1 && SerialNumber(serial) == serial_number) {
      return single;
    }
  }
  return nullptr;
}

}  // namespace

OcspStaple ReadOcspResponse(std::span<const uint8_t> der, std::string_view serial_number) {
  const ErrorMark mark;
  OcspStaple staple = {.status = OcspStatus::kInvalid, .this_update = {}, .next_update = {}};
  const uint8_t* end = der.data();
  const ResponsePtr response(d2i_OCSP_RESPONSE(nullptr, &end, static_cast<long>(der.size())));
  if (response == nullptr || end != der.data() + der.size()) return staple;
  if (OCSP_response_status(response.get()) != OCSP_RESPONSE_STATUS_SUCCESSFUL) return staple;
  const BasicPtr basic(OCSP_response_get1_basic(response.get()));
  if (basic == nullptr || serial_number.empty()) return staple;
  OCSP_SINGLERESP* single = FindFor(basic.get(), serial_number);
  if (single == nullptr) return staple;

  ASN1_GENERALIZEDTIME* this_update = nullptr;
  ASN1_GENERALIZEDTIME* next_update = nullptr;
  switch (OCSP_single_get0_status(single, nullptr, nullptr, &this_update, &next_update)) {
    case V_OCSP_CERTSTATUS_GOOD:
      staple.status = OcspStatus::kGood;
      break;
    case V_OCSP_CERTSTATUS_REVOKED:
      staple.status = OcspStatus::kRevoked;
      break;
    case V_OCSP_CERTSTATUS_UNKNOWN:
      staple.status = OcspStatus::kUnknown;
      break;
    default:
      return staple;
  }
  staple.this_update = UnixTime(this_update);
  staple.next_update = UnixTime(next_update);
  return staple;
}

}  // namespace tlsmeter
