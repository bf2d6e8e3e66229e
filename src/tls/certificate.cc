#include "tlsmeter/certificate.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "src/tls/asn1.h"
#include "src/tls/digest.h"

namespace tlsmeter {
namespace {

using X509Ptr = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using BioPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, OpensslDeleter<GENERAL_NAMES_free>>;

// RFC 2253, but UTF-8 instead of one escape for each byte over 127.
constexpr unsigned long kNameFlags = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);

std::string NameText(const X509_NAME* name) {
  const BioPtr text(BIO_new(BIO_s_mem()));
  if (text == nullptr || X509_NAME_print_ex(text.get(), name, 0, kNameFlags) < 0) return {};
  char* data = nullptr;
  const long length = BIO_get_mem_data(text.get(), &data);
  return length > 0 ? std::string(data, std::min(static_cast<size_t>(length), kMaxNameLength)) : std::string();
}

std::string IpText(std::span<const uint8_t> address) {
  char text[INET6_ADDRSTRLEN];
  const int family = address.size() == 4 ? AF_INET : AF_INET6;
  if (address.size() != 4 && address.size() != 16) return {};
  return inet_ntop(family, address.data(), text, sizeof(text)) != nullptr ? text : "";
}

// AltNameText returns the text of a name of the kinds that are kept; empty for others.
std::string AltNameText(const GENERAL_NAME* name) {
  int type = 0;
  const void* value = GENERAL_NAME_get0_value(name, &type);
  switch (type) {
    case GEN_DNS:
    case GEN_URI:
    case GEN_EMAIL: {
      const std::span<const uint8_t> text = Bytes(static_cast<const ASN1_STRING*>(value));
      return text.size() <= kMaxSubjectAltNameLength ? std::string(text.begin(), text.end()) : std::string();
    }
    case GEN_IPADD:
      return IpText(Bytes(static_cast<const ASN1_STRING*>(value)));
    default:
      return {};
  }
}

void ReadAltNames(const X509* certificate, CertificateFacts* facts) {
  const GeneralNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (names == nullptr) return;
  const int count = sk_GENERAL_NAME_num(names.get());
  facts->subject_alt_name_count = static_cast<uint32_t>(count);
  for (int i = 0; i < count && facts->subject_alt_names.size() < kMaxSubjectAltNames; ++i) {
    std::string text = AltNameText(sk_GENERAL_NAME_value(names.get(), i));
    if (!text.empty()) facts->subject_alt_names.push_back(std::move(text));
  }
}

void ReadKey(const X509* certificate, CertificateFacts* facts) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  const char* type = key != nullptr ? EVP_PKEY_get0_type_name(key) : nullptr;
  if (type == nullptr) {
    ASN1_OBJECT* algorithm = nullptr;
    X509_PUBKEY_get0_param(&algorithm, nullptr, nullptr, nullptr, X509_get_X509_PUBKEY(certificate));
    facts->key_algorithm = ObjectName(algorithm);
    return;
  }
  facts->key_algorithm = type;
  facts->key_bits = static_cast<uint32_t>(std::max(EVP_PKEY_get_bits(key), 0));
  std::array<char, 64> curve;
  size_t length = 0;
  if (facts->key_algorithm == "EC" && EVP_PKEY_get_group_name(key, curve.data(), curve.size(), &length) == 1) {
    facts->key_curve.assign(curve.data(), length);
  }
}

}  // namespace

CertificateFacts ReadCertificate(std::span<const uint8_t> der) {
  const ErrorMark mark;
  CertificateFacts facts;
  facts.sha256 = Sha256(der);
  const uint8_t* end = der.data();
  const X509Ptr certificate(d2i_X509(nullptr, &end, static_cast<long>(der.size())));
  if (certificate == nullptr || end != der.data() + der.size()) return facts;
  X509* const x509 = certificate.get();

  facts.readable = true;
  const X509_NAME* subject = X509_get_subject_name(x509);
  const X509_NAME* issuer = X509_get_issuer_name(x509);
  facts.subject = NameText(subject);
  facts.issuer = NameText(issuer);
  facts.serial_number = SerialNumber(X509_get0_serialNumber(x509));
  facts.not_before = UnixTime(X509_get0_notBefore(x509));
  facts.not_after = UnixTime(X509_get0_notAfter(x509));
  ReadAltNames(x509, &facts);
  ReadKey(x509, &facts);
  const X509_ALGOR* signature = nullptr;
  X509_get0_signature(nullptr, &signature, x509);
  const ASN1_OBJECT* algorithm = nullptr;
  X509_ALGOR_get0(&algorithm, nullptr, nullptr, signature);
  facts.signature_algorithm = ObjectName(algorithm);
  // The names first: X509_self_signed reads every extension before it compares them.
  facts.self_signed = X509_NAME_cmp(subject, issuer) == 0 && X509_self_signed(x509, /*verify_signature=*/0) == 1;
  return facts;
}

bool CertificateChain::InOrder() const {
  for (const auto& certificate : certificates) {
    if (!certificate->readable) return false;
  }
  for (size_t i = 1; i < certificates.size(); ++i) {
    if (certificates[i - 1]->issuer != certificates[i]->subject) return false;
  }
  return true;
}

bool CertificateChain::operator==(const CertificateChain& other) const {
  return length == other.length &&
         std::equal(certificates.begin(), certificates.end(), other.certificates.begin(), other.certificates.end(),
                    [](const auto& a, const auto& b) { return a == b || *a == *b; });
}

size_t CertificateCache::DigestHash::operator()(const Sha256Digest& digest) const {
  size_t hash;
  static_assert(sizeof(hash) <= sizeof(digest));
  std::memcpy(&hash, digest.data(), sizeof(hash));
  return hash;
}

bool CertificateCache::MayRead(uint64_t now_ns) {
  constexpr uint64_t kSecondNs = 1'000'000'000;
  if (now_ns < second_began_ns_ || now_ns - second_began_ns_ >= kSecondNs) {  // a clock may be set back
    second_began_ns_ = now_ns;
    reads_this_second_ = 0;
  }
  if (reads_this_second_ >= max_reads_per_second_) return false;
  ++reads_this_second_;
  return true;
}

std::shared_ptr<const CertificateFacts> CertificateCache::Read(std::span<const uint8_t> der, uint64_t now_ns) {
  const auto found = by_digest_.find(Sha256(der));
  if (found != by_digest_.end()) {
    latest_.splice(latest_.begin(), latest_, found->second);
    return latest_.front();
  }
  if (!MayRead(now_ns)) {
    ++refused_;
    return nullptr;
  }
  ++reads_;
  if (by_digest_.size() == kMaxCachedCertificates) {
    by_digest_.erase(latest_.back()->sha256);
    latest_.pop_back();
  }
  latest_.push_front(std::make_shared<const CertificateFacts>(ReadCertificate(der)));
  by_digest_.emplace(latest_.front()->sha256, latest_.begin());
  return latest_.front();
}

}  // namespace tlsmeter
