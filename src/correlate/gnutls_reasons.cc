#include "src/correlate/gnutls_reasons.h"

#include <algorithm>
#include <iterator>

#include "src/correlate/reason_table.h"

namespace tlsmeter::agent {
namespace {

constexpr uint32_t kPushError = 53;
constexpr uint32_t kPullError = 54;
constexpr uint32_t kPrematureTermination = 110;
constexpr uint32_t kSessionEof = 328;

using enum FailureReason;

// By number.
constexpr ReasonRow kErrors[] = {
    {8, "A packet with illegal or unsupported version was received.", kProtocolVersion, kProtocolVersion},
    {9, "Error decoding the received TLS packet.", kNone, kNone},
    {12, "A TLS fatal alert has been received.", kNone, kNone},
    {15, "An unexpected TLS packet was received.", kNone, kNone},
    {18, "An error was encountered at the TLS Finished packet calculation.", kDecryptError, kDecryptError},
    {19, "An unexpected TLS handshake packet was received.", kNone, kNone},
    {24, "Decryption has failed.", kDecryptError, kDecryptError},
    {25, "Internal error in memory allocation.", kInternalError, kInternalError},
    {32, "Insufficient credentials for that request.", kNone, kNone},
    {43, "Error in the certificate.", kCertificateOther, kClientCertificateRejected},
    {47, "Unsupported critical extension in X.509 certificate.", kCertificateOther, kClientCertificateRejected},
    {48, "Key usage violation in certificate has been detected.", kCertificateOther, kClientCertificateRejected},
    {49, "No certificate was found.", kNone, kClientCertificateMissing},
    {kPushError, "Error in the push function.", kNone, kNone},
    {kPullError, "Error in the pull function.", kNone, kNone},
    {55, "An illegal parameter has been received.", kNone, kNone},
    {58, "An illegal TLS extension was received.", kNone, kNone},
    {59, "GnuTLS internal error.", kInternalError, kInternalError},
    {60, "The certificate and the given key do not match.", kCertificateOther, kClientCertificateRejected},
    {61, "The certificate type is not supported.", kCertificateOther, kClientCertificateRejected},
    {63, "The Diffie-Hellman prime sent by the server is not acceptable (not long enough).", kNone, kNone},
    {81, "Too many handshake packets have been received.", kNone, kNone},
    {82, "A disallowed SNI server name has been received.", kUnrecognizedName, kUnrecognizedName},
    {87, "No supported cipher suites have been found.", kNoSharedCipher, kNoSharedCipher},
    {89, "Public key signature verification has failed.", kDecryptError, kDecryptError},
    {106, "The signature algorithm is not supported.", kNoSharedSignatureAlgorithm, kNoSharedSignatureAlgorithm},
    {107, "Safe renegotiation failed.", kNone, kNone},
    {108, "Unsafe renegotiation denied.", kNone, kNone},
    {kPrematureTermination, "The TLS connection was non-properly terminated.", kNone, kNone},
    {112, "Certificate is required.", kNone, kClientCertificateMissing},
    {210, "The handshake data size is too large.", kNone, kNone},
    {217, "One of the involved algorithms has insufficient security level.", kNone, kNone},
    {294, "The SNI host name not recognised.", kUnrecognizedName, kUnrecognizedName},
    {302, "Error in parsing.", kNone, kNone},
    {319, "The operation timed out", kTimeout, kTimeout},
    {320, "The operation was cancelled due to user error", kLocalClosed, kLocalClosed},
    {321, "No supported ECC curves were found", kNoSharedGroup, kNoSharedGroup},
    {325, "An illegal parameter was found.", kNone, kNone},
    {kSessionEof, "Peer has terminated the connection", kNone, kNone},
    {341, "The OCSP response is invalid", kCertificateOther, kClientCertificateRejected},
    {344, "No common application protocol could be negotiated.", kNoApplicationProtocol, kNoApplicationProtocol},
    {347, "A connection with inappropriate fallback was attempted.", kProtocolVersion, kProtocolVersion},
    {348, "Error in the certificate verification.", kCertificateOther, kClientCertificateRejected},
    {350, "Invalid TLS extensions length field.", kNone, kNone},
    {416, "Error in the time fields of certificate.", kCertificateOther, kClientCertificateRejected},
    {417, "A TLS record packet with invalid length was received.", kNone, kNone},
    {423, "No common key share with peer.", kNoSharedGroup, kNoSharedGroup},
    {427, "An required TLS extension was received.", kNone, kNone},
};

static_assert(InOrder<ReasonRow>(kErrors));

struct Status {
  uint32_t bit;  // gnutls_certificate_status_t
  std::string_view text;
  FailureReason cause;  // when it was the server's certificate
};

// By weight: what is wrong with the chain comes before what is wrong with one certificate of a good one.
constexpr Status kStatus[] = {
    {1 << 5, "The certificate chain is revoked.", kCertificateRevoked},
    {1 << 6, "The certificate issuer is unknown.", kUnknownCa},
    {1 << 7, "The certificate issuer is not a CA.", kUnknownCa},
    {1 << 11, "The signature in the certificate is invalid.", kCertificateOther},
    {1 << 8, "The certificate chain uses insecure algorithm.", kCertificateOther},
    {1 << 16, "The certificate chain violates the signer's constraints.", kCertificateOther},
    {1 << 10, "The certificate chain uses expired certificate.", kCertificateExpired},
    {1 << 9, "The certificate chain uses not yet valid certificate.", kCertificateNotYetValid},
    {1 << 14, "The name in the certificate does not match the expected.", kHostnameMismatch},
    {1 << 18, "The certificate chain does not match the intended purpose.", kCertificateOther},
    {1 << 12, "The revocation or OCSP data are old and have been superseded.", kCertificateOther},
    {1 << 15, "The revocation or OCSP data are issued with a future date.", kCertificateOther},
    {1 << 1, "The certificate is NOT trusted.", kCertificateOther},  // goes with all of them
};

// What weighs most of `status`; null when it names nothing that is known.
const Status* Decisive(uint32_t status) {
  const Status* row =
      std::find_if(std::begin(kStatus), std::end(kStatus), [status](const Status& s) { return (status & s.bit) != 0; });
  return row != std::end(kStatus) ? row : nullptr;
}

}  // namespace

std::string_view GnuTlsErrorText(uint32_t error) {
  const ReasonRow* row = FindRow<ReasonRow>(kErrors, error);
  return row != nullptr ? row->text : "";
}

FailureReason CauseOfGnuTlsError(uint32_t error, uint32_t status, Sender side) {
  const ReasonRow* row = FindRow<ReasonRow>(kErrors, error);
  if (row == nullptr) return kNone;
  const bool of_certificate = row->at_client == kCertificateOther;
  return of_certificate && status != 0 ? CauseOfGnuTlsStatus(status, side) : row->At(side);
}

bool EndOfGnuTlsStream(uint32_t error) {
  return error == kPushError || error == kPullError || error == kPrematureTermination || error == kSessionEof;
}

std::string_view GnuTlsStatusText(uint32_t status) {
  if (status == 0) return "The certificate is trusted.";
  const Status* row = Decisive(status);
  return row != nullptr ? row->text : "";
}

FailureReason CauseOfGnuTlsStatus(uint32_t status, Sender side) {
  if (status == 0) return kNone;
  if (side == Sender::kServer) return kClientCertificateRejected;
  const Status* row = Decisive(status);
  return row != nullptr ? row->cause : kCertificateOther;
}

}  // namespace tlsmeter::agent
