// Certificates and OCSP responses for tests, made and signed by OpenSSL with keys that live as long as the process.
#ifndef TLSMETER_TESTS_TLS_CERTIFICATE_BUILDER_H_
#define TLSMETER_TESTS_TLS_CERTIFICATE_BUILDER_H_

#include <string>

#include "tests/tls/message_builder.h"

namespace tlsmeter::testing {

enum class TestKey { kP256, kP384, kRsa2048, kEd25519 };

struct CertificateSpec {
  std::string subject = "www.example.com";  // common name; each is followed by O=Example
  std::string issuer = "Example CA";
  std::string serial_hex = "1234abcd";         // "-05" for a negative one
  std::string not_before = "20260101000000Z";  // put into the field as it is: 13 characters UTCTime, else GeneralizedTime
  std::string not_after = "20270101000000Z";
  std::string subject_alt_names = "DNS:www.example.com";  // in OpenSSL's configuration syntax; empty: no extension
  int version = 3;
  TestKey key = TestKey::kP256;
};

// MakeCertificate returns the DER.
Bytes MakeCertificate(const CertificateSpec& spec);

struct OcspSpec {
  std::string serial_hex = "1234abcd";
  int status = 0;  // V_OCSP_CERTSTATUS_...
  std::string this_update = "20260601000000Z";
  std::string next_update = "20260608000000Z";  // empty: none
  int copies_for_others = 0;                    // single responses for other certificates in front of it
};

// MakeOcspResponse returns the DER of a successful response.
Bytes MakeOcspResponse(const OcspSpec& spec);

// MakeOcspError returns the DER of a response with status tryLater and nothing else.
Bytes MakeOcspError();

}  // namespace tlsmeter::testing

#endif  // TLSMETER_TESTS_TLS_CERTIFICATE_BUILDER_H_
