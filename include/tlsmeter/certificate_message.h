// Certificate and CertificateStatus messages: how chains and OCSP responses are framed (RFC 5246, section 7.4.2; RFC 8446,
// section 4.4.2; RFC 6066, section 8; RFC 6961). What a certificate says is read by certificate.h, an OCSP response by
// ocsp.h.
//
// Nothing is copied and nothing allocated: results are views that live as long as the bytes passed in. Any thread.
#ifndef TLSMETER_CERTIFICATE_MESSAGE_H_
#define TLSMETER_CERTIFICATE_MESSAGE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "tlsmeter/parse_status.h"

namespace tlsmeter {

// kMaxChainLength is how many certificates of a chain are told apart; the rest is only counted. Browsers and libraries
// verify chains of up to ten or so; real ones have two to four.
inline constexpr size_t kMaxChainLength = 10;

// CertificateList is the content of a Certificate message.
struct CertificateList {
  std::array<std::span<const uint8_t>, kMaxChainLength> certificates = {};  // DER, in the order sent: the leaf comes first
  size_t length = 0;                        // certificates sent; those after kMaxChainLength are not in `certificates`
  std::span<const uint8_t> leaf_ocsp = {};  // TLS 1.3: the OCSP response (DER) for the leaf; empty when there is none

  // stored returns the certificates that are in `certificates`.
  std::span<const std::span<const uint8_t>> stored() const {
    return std::span(certificates).first(length < kMaxChainLength ? length : kMaxChainLength);
  }
};

// ParseCertificate reads the body of a Certificate message of SSL 3.0 to TLS 1.2, ParseCertificate13 that of TLS 1.3, where
// it is encrypted on the wire: for callers inside an endpoint. An empty list is kOk: a client without a certificate.
// `*list` is replaced on kOk and untouched otherwise.
//   kTruncated     a length prefix reaches past its enclosing one, the whole message included
//   kTrailingData  bytes are left after the list, or after the last field of the leaf's status_request
//   kBadLength     a certificate is empty
[[nodiscard]] ParseStatus ParseCertificate(std::span<const uint8_t> body, CertificateList* list);
[[nodiscard]] ParseStatus ParseCertificate13(std::span<const uint8_t> body, CertificateList* list);

// ParseCertificateStatus reads the body of a CertificateStatus message. `*response` becomes the OCSP response (DER) for the
// leaf: the only one (type ocsp) or the first of a list (ocsp_multi). Empty when the list has none for the leaf, or the type
// is another one. Untouched unless kOk is returned.
//   kTruncated     a field or a length prefix reaches past its enclosing one
//   kTrailingData  bytes are left behind a known type's response
//   kBadLength     the only response is empty
[[nodiscard]] ParseStatus ParseCertificateStatus(std::span<const uint8_t> body, std::span<const uint8_t>* response);

}  // namespace tlsmeter

#endif  // TLSMETER_CERTIFICATE_MESSAGE_H_
