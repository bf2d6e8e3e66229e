// OCSP staples: what a server sends along to show that its certificate was not revoked (RFC 6960; RFC 6066, section 8).
//
// Read by OpenSSL, never verified: what the response says, not whether it is authentic. Plain value, any thread.
#ifndef TLSMETER_OCSP_H_
#define TLSMETER_OCSP_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tlsmeter {

// OcspStatus is what became of a staple.
enum class OcspStatus : uint8_t {
  kNotVisible,  // the part of the handshake that would carry it was not seen, or is encrypted (TLS 1.3)
  kAbsent,      // the server sent its certificate and no staple
  kInvalid,     // not the DER of a successful response, or none for this certificate
  kGood,
  kRevoked,
  kUnknown,  // the responder does not know the certificate
};

struct OcspStaple {
  OcspStatus status = OcspStatus::kNotVisible;
  std::optional<int64_t> this_update;  // seconds since the Unix epoch; nullopt when the field is no time
  std::optional<int64_t> next_update;  // nullopt: the responder always has newer information

  // ExpiredAt returns true when newer information should have been there at `unix_seconds`.
  bool ExpiredAt(int64_t unix_seconds) const { return next_update && *next_update < unix_seconds; }

  bool operator==(const OcspStaple&) const = default;
};

// kMaxOcspResponses is how many single responses of one OCSP response are searched. Staples hold one.
inline constexpr int kMaxOcspResponses = 16;

// ReadOcspResponse reads the DER of an OCSP response for what it says about the certificate with that serial number, written
// as CertificateFacts::serial_number. The status is kInvalid to kUnknown. Leaves nothing in OpenSSL's error queue.
OcspStaple ReadOcspResponse(std::span<const uint8_t> der, std::string_view serial_number);

}  // namespace tlsmeter

#endif  // TLSMETER_OCSP_H_
