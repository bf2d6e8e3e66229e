// Certificates, their messages and OCSP responses: no input breaks the readers, what they hand out lies within the input and
// under the ceilings, the same input is read the same way twice, and OpenSSL's error queue stays empty.
#include <openssl/err.h>

#include <cstdint>

#include "tests/fuzz/fuzz_check.h"
#include "tlsmeter/certificate.h"
#include "tlsmeter/certificate_message.h"
#include "tlsmeter/ocsp.h"

namespace {

using tlsmeter::CertificateFacts;
using tlsmeter::CertificateList;
using tlsmeter::ParseStatus;

void CheckList(std::span<const uint8_t> input, ParseStatus status, const CertificateList& list) {
  FUZZ_CHECK(status != ParseStatus::kNeedMore && status != ParseStatus::kNotTls);
  FUZZ_CHECK(status == ParseStatus::kOk || list.length == 0);
  size_t bytes = list.leaf_ocsp.size();
  for (const std::span<const uint8_t> der : list.stored()) {
    FUZZ_CHECK(!der.empty() && der.data() > input.data() && der.data() + der.size() <= input.data() + input.size());
    bytes += 3 + der.size();
  }
  FUZZ_CHECK(bytes <= input.size());
}

void CheckFacts(std::span<const uint8_t> der) {
  const CertificateFacts facts = tlsmeter::ReadCertificate(der);
  FUZZ_CHECK(facts == tlsmeter::ReadCertificate(der));
  FUZZ_CHECK(facts.subject.size() <= tlsmeter::kMaxNameLength && facts.issuer.size() <= tlsmeter::kMaxNameLength);
  FUZZ_CHECK(facts.serial_number.size() <= 2 * tlsmeter::kMaxSerialNumberLength + 1);
  FUZZ_CHECK(facts.subject_alt_names.size() <= tlsmeter::kMaxSubjectAltNames);
  FUZZ_CHECK(facts.subject_alt_names.size() <= facts.subject_alt_name_count);
  for (const std::string& name : facts.subject_alt_names) {
    FUZZ_CHECK(!name.empty() && name.size() <= tlsmeter::kMaxSubjectAltNameLength);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> input(data, size);
  CertificateList list;
  CheckList(input, tlsmeter::ParseCertificate(input, &list), list);
  for (const std::span<const uint8_t> der : list.stored()) CheckFacts(der);
  CertificateList list13;
  CheckList(input, tlsmeter::ParseCertificate13(input, &list13), list13);
  std::span<const uint8_t> response;
  if (tlsmeter::ParseCertificateStatus(input, &response) == ParseStatus::kOk) {
    FUZZ_CHECK(response.size() < size);
    (void)tlsmeter::ReadOcspResponse(response, "1234abcd");
  }
  CheckFacts(input);
  FUZZ_CHECK(tlsmeter::ReadOcspResponse(input, "1234abcd") == tlsmeter::ReadOcspResponse(input, "1234abcd"));
  FUZZ_CHECK(ERR_peek_error() == 0);
  return 0;
}
