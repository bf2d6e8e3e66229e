// Certificate: what an X.509 certificate says (RFC 5280), read by OpenSSL from its DER, never trusted and never verified.
//
// Reading takes some 150 us (OpenSSL 3.0, mean of 174 real ones), and a server shows the same few for ever: CertificateCache
// reads each once and finds it again in 2; a peer that shows ever new ones costs what the cache's budget allows, and no
// more. CertificateFacts is a plain value that owns its memory. ReadCertificate may be called by any thread; a cache belongs
// to one thread at a time, what it hands out to anyone.
#ifndef TLSMETER_CERTIFICATE_H_
#define TLSMETER_CERTIFICATE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace tlsmeter {

// Ceilings of what is kept of one certificate; together with kMaxSubjectAltNames they bound its facts to some 30 KiB.
inline constexpr size_t kMaxNameLength = 1024;           // subject or issuer, bytes; cut there. Real ones stay below 300
inline constexpr size_t kMaxSerialNumberLength = 64;     // bytes of the number; RFC 5280 allows 20
inline constexpr size_t kMaxSubjectAltNames = 100;       // what most authorities allow
inline constexpr size_t kMaxSubjectAltNameLength = 256;  // bytes; DNS names have at most 253, SPIFFE ids rarely more

// Sha256Digest is the fingerprint by which certificates are known.
using Sha256Digest = std::array<uint8_t, 32>;

// CertificateFacts are what one certificate says. Text is as the certificate has it and may hold any byte: it must be made
// safe before it is shown.
struct CertificateFacts {
  Sha256Digest sha256 = {};  // of the DER
  bool readable = false;     // false: not the DER of a certificate that OpenSSL reads; nothing but sha256 is set then

  // RFC 2253 text ("CN=www.example.com,O=Example"), most specific part first, in UTF-8; empty when the name is empty or
  // cannot be converted.
  std::string subject;
  std::string issuer;

  // Lower-case hex, two digits a byte, no leading zero bytes ("00" for zero), a minus sign in front of a negative number.
  // Empty: over kMaxSerialNumberLength.
  std::string serial_number;

  // Seconds since the Unix epoch, of any year from 0 to 9999; nullopt when the field is no time.
  std::optional<int64_t> not_before;
  std::optional<int64_t> not_after;

  // DNS names, IP addresses ("192.0.2.1", "2001:db8::1"), URIs and e-mail addresses of subjectAltName, in order. Those over
  // kMaxSubjectAltNames or kMaxSubjectAltNameLength are left out; the count has them all, other kinds of name included.
  std::vector<std::string> subject_alt_names;
  uint32_t subject_alt_name_count = 0;

  std::string key_algorithm;        // OpenSSL's: "RSA", "EC", "ED25519"; the OID as text for a key that it cannot read
  std::string key_curve;            // of an EC key, OpenSSL's: "prime256v1"; else empty
  uint32_t key_bits = 0;            // 2048, 256; 0 for a key that OpenSSL cannot read
  std::string signature_algorithm;  // OpenSSL's long name: "sha256WithRSAEncryption"; the OID as text when it knows none

  // The certificate names itself as its issuer, and its key identifiers do not say otherwise. The signature is not verified.
  bool self_signed = false;

  bool operator==(const CertificateFacts&) const = default;
};

// ReadCertificate reads one certificate. Whatever `der` is, it neither fails nor leaves anything in OpenSSL's error queue:
// what cannot be read is told by `readable`.
CertificateFacts ReadCertificate(std::span<const uint8_t> der);

// CertificateChain is what a peer sent in one Certificate message.
struct CertificateChain {
  // Leaf first; at most kMaxChainLength, none is null. They end before the first one that a cache refused to read.
  std::vector<std::shared_ptr<const CertificateFacts>> certificates;
  size_t length = 0;  // as sent: may be more

  // leaf returns the peer's own certificate; nullptr when none was seen. It lives as long as the chain.
  const CertificateFacts* leaf() const { return certificates.empty() ? nullptr : certificates.front().get(); }

  // InOrder returns true when each certificate is followed by the one that it names as its issuer (RFC 5246, section 7.4.2).
  // The last one's issuer is not asked for. Not known, and false, where one cannot be read.
  bool InOrder() const;

  // Two chains are equal when what their certificates say is.
  bool operator==(const CertificateChain& other) const;
};

// kMaxCachedCertificates bounds a cache: more than most hosts see, and 30 MiB if all were as large as the ceilings allow
// (a usual certificate's facts take 1 to 2 KiB).
inline constexpr size_t kMaxCachedCertificates = 1024;

// CertificateCache reads certificates and remembers the latest kMaxCachedCertificates by their digest. Facts that were
// handed out stay valid after they were forgotten.
class CertificateCache {
 public:
  // CertificateCache reads at most `max_reads_per_second` certificates that it does not remember: peers choose how many
  // there are, and whoever follows live traffic must not fall behind for them. kUnlimited is for those who have the time.
  static constexpr uint32_t kUnlimited = UINT32_MAX;
  explicit CertificateCache(uint32_t max_reads_per_second = kUnlimited) : max_reads_per_second_(max_reads_per_second) {}
  CertificateCache(const CertificateCache&) = delete;
  CertificateCache& operator=(const CertificateCache&) = delete;

  // Read returns the facts of one certificate; nullptr, and counts it as refused, when it is not remembered and the reads of
  // this second are used up. `now_ns` is the caller's clock, any one in nanoseconds; a second begins with the first read in
  // it.
  std::shared_ptr<const CertificateFacts> Read(std::span<const uint8_t> der, uint64_t now_ns);

  // size returns how many certificates are remembered, reads how many were read because they were not, refused how many
  // times one was not read.
  size_t size() const { return by_digest_.size(); }
  uint64_t reads() const { return reads_; }
  uint64_t refused() const { return refused_; }

 private:
  using Latest = std::list<std::shared_ptr<const CertificateFacts>>;
  struct DigestHash {
    size_t operator()(const Sha256Digest& digest) const;
  };

  bool MayRead(uint64_t now_ns);

  uint32_t max_reads_per_second_;
  uint64_t second_began_ns_ = 0;
  uint32_t reads_this_second_ = 0;
  Latest latest_;  // the one that was asked for last comes first
  std::unordered_map<Sha256Digest, Latest::iterator, DigestHash> by_digest_;
  uint64_t reads_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace tlsmeter

#endif  // TLSMETER_CERTIFICATE_H_
