#include "tests/tls/certificate_builder.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <memory>

namespace tlsmeter::testing {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <typename T, auto Free>
using Owned = std::unique_ptr<T, Deleter<Free>>;

// Must stops the test program where OpenSSL refuses what a test wants: a broken test, not a result.
void Must(bool ok) {
  if (!ok) std::abort();
}

EVP_PKEY* KeyOf(TestKey kind) {
  static EVP_PKEY* const p256 = EVP_EC_gen("P-256");
  static EVP_PKEY* const p384 = EVP_EC_gen("P-384");
  static EVP_PKEY* const rsa = EVP_RSA_gen(2048);
  static EVP_PKEY* const ed25519 = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  switch (kind) {
    case TestKey::kP256:
      return p256;
    case TestKey::kP384:
      return p384;
    case TestKey::kRsa2048:
      return rsa;
    case TestKey::kEd25519:
      return ed25519;
  }
  return nullptr;
}

Owned<ASN1_INTEGER, ASN1_INTEGER_free> Integer(const std::string& hex) {
  BIGNUM* number = nullptr;
  Must(BN_hex2bn(&number, hex.c_str()) != 0);
  const Owned<BIGNUM, BN_free> owned(number);
  return Owned<ASN1_INTEGER, ASN1_INTEGER_free>(BN_to_ASN1_INTEGER(number, nullptr));
}

// Time makes a field of whatever text, a time or not.
Owned<ASN1_TIME, ASN1_TIME_free> Time(const std::string& text) {
  const int type = text.size() == 13 ? V_ASN1_UTCTIME : V_ASN1_GENERALIZEDTIME;
  Owned<ASN1_TIME, ASN1_TIME_free> time(ASN1_STRING_type_new(type));
  Must(ASN1_STRING_set(time.get(), text.data(), static_cast<int>(text.size())) == 1);
  return time;
}

void AddName(X509_NAME* name, const char* field, const std::string& text) {
  Must(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.data()),
                                  static_cast<int>(text.size()), -1, 0) == 1);
}

void AddAltNames(X509* certificate, const std::string& names) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION, X509_EXTENSION_free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, names.c_str()));
  Must(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

Owned<X509, X509_free> Build(const CertificateSpec& spec) {
  Owned<X509, X509_free> certificate(X509_new());
  X509* const x509 = certificate.get();
  EVP_PKEY* const key = KeyOf(spec.key);
  Must(X509_set_version(x509, spec.version - 1) == 1 && X509_set_serialNumber(x509, Integer(spec.serial_hex).get()) == 1);
  Must(X509_set1_notBefore(x509, Time(spec.not_before).get()) == 1);
  Must(X509_set1_notAfter(x509, Time(spec.not_after).get()) == 1);
  for (X509_NAME* name : {X509_get_subject_name(x509), X509_get_issuer_name(x509)}) {
    AddName(name, "O", "Example");
    AddName(name, "CN", name == X509_get_subject_name(x509) ? spec.subject : spec.issuer);
  }
  Must(X509_set_pubkey(x509, key) == 1);
  if (!spec.subject_alt_names.empty()) AddAltNames(x509, spec.subject_alt_names);
  Must(X509_sign(x509, key, spec.key == TestKey::kEd25519 ? nullptr : EVP_sha256()) > 0);
  return certificate;
}

template <typename T>
Bytes Der(T* object, int (*encode)(const T*, unsigned char**)) {
  unsigned char* der = nullptr;
  const int size = encode(object, &der);
  Must(size > 0);
  const Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

void AddStatus(OCSP_BASICRESP* response, const OcspSpec& spec, const std::string& serial_hex) {
  const CertificateSpec authority;
  const Owned<X509, X509_free> issuer = Build(authority);
  OCSP_CERTID* id = OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(issuer.get()), X509_get0_pubkey_bitstr(issuer.get()),
                                     Integer(serial_hex).get());
  const auto this_update = Time(spec.this_update);
  const auto next_update = Time(spec.next_update);
  Must(OCSP_basic_add1_status(response, id, spec.status, OCSP_REVOKED_STATUS_KEYCOMPROMISE, this_update.get(),
                              this_update.get(), spec.next_update.empty() ? nullptr : next_update.get()) != nullptr);
  OCSP_CERTID_free(id);
}

}  // namespace

Bytes MakeCertificate(const CertificateSpec& spec) { return Der<X509>(Build(spec).get(), i2d_X509); }

Bytes MakeOcspResponse(const OcspSpec& spec) {
  const Owned<OCSP_BASICRESP, OCSP_BASICRESP_free> basic(OCSP_BASICRESP_new());
  for (int i = 0; i < spec.copies_for_others; ++i) AddStatus(basic.get(), spec, "77");
  AddStatus(basic.get(), spec, spec.serial_hex);
  const Owned<X509, X509_free> signer = Build({});
  Must(OCSP_basic_sign(basic.get(), signer.get(), KeyOf(TestKey::kP256), EVP_sha256(), nullptr, OCSP_NOCERTS) == 1);
  const Owned<OCSP_RESPONSE, OCSP_RESPONSE_free> response(
      OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()));
  return Der<OCSP_RESPONSE>(response.get(), i2d_OCSP_RESPONSE);
}

Bytes MakeOcspError() {
  const Owned<OCSP_RESPONSE, OCSP_RESPONSE_free> response(OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, nullptr));
  return Der<OCSP_RESPONSE>(response.get(), i2d_OCSP_RESPONSE);
}

}  // namespace tlsmeter::testing
