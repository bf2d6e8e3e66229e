#include "src/correlate/gnutls_reasons.h"

#include <algorithm>
#include <iterator>

namespace tlsmeter::agent {
namespace {

constexpr uint32_t kPushError = 53;
constexpr uint32_t kPullError = 54;
constexpr uint32_t kPrematureTermination = 110;
constexpr uint32_t kSessionEof = 328;

using enum FailureReason;

struct Error {
  uint32_t number;
  std::string_view text;
  FailureReason at_client;  // what it means when the client meets it
  FailureReason at_server;
};

// By number. kNone: what the wire saw says more.
constexpr Error kErrors[] = {
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

constexpr auto kByNumber = [](const Error& a, const Error& b) { return a.number < b.number; };
static_assert(std::is_sorted(std::begin(kErrors), std::end(kErrors), kByNumber));

// The row of `number`, or null.
const Error* Find(uint32_t number) {
  const Error* row = std::lower_bound(std::begin(kErrors), std::end(kErrors), number,
                                      [](const Error& error, uint32_t n) { return error.number < n; });
  return row != std::end(kErrors) && row->number == number ? row : nullptr;
}

}  // namespace

std::string_view GnuTlsErrorText(uint32_t error) {
  const Error* row = Find(error);
  return row != nullptr ? row->text : "";
}

FailureReason CauseOfGnuTlsError(uint32_t error, Sender side) {
  const Error* row = Find(error);
  if (row == nullptr) return kNone;
  return side == Sender::kServer ? row->at_server : row->at_client;
}

bool EndOfGnuTlsStream(uint32_t error) {
  return error == kPushError || error == kPullError || error == kPrematureTermination || error == kSessionEof;
}

}  // namespace tlsmeter::agent
