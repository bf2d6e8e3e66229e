#include "src/correlate/openssl_reasons.h"

#include "src/correlate/reason_table.h"

namespace tlsmeter::agent {
namespace {

constexpr uint32_t kAlertOffset = 1000;  // SSL_AD_REASON_OFFSET
constexpr uint32_t kCertificateVerifyFailed = 134;
constexpr uint32_t kUnexpectedEof = 294;

using enum FailureReason;

// By number.
constexpr ReasonRow kReasons[] = {
    {101, "no suitable key share", kNoSharedGroup, kNoSharedGroup},
    {118, "no suitable signature algorithm", kNoSharedSignatureAlgorithm, kNoSharedSignatureAlgorithm},
    {123, "bad signature", kDecryptError, kDecryptError},
    {kCertificateVerifyFailed, "certificate verify failed", kCertificateOther, kClientCertificateRejected},
    {147, "decryption failed", kDecryptError, kDecryptError},
    {149, "digest check failed", kDecryptError, kDecryptError},
    {155, "https proxy request", kNotTls, kNotTls},
    {156, "http request", kNotTls, kNotTls},
    {166, "version too high", kProtocolVersion, kProtocolVersion},
    {191, "no protocols available", kProtocolVersion, kProtocolVersion},
    {193, "no shared cipher", kNoSharedCipher, kNoSharedCipher},
    {199, "peer did not return a certificate", kNone, kClientCertificateMissing},
    {207, "protocol is shutdown", kLocalClosed, kLocalClosed},
    {234, "callback failed", kNone, kNone},
    {235, "no application protocol", kNoApplicationProtocol, kNoApplicationProtocol},
    {244, "unexpected message", kNone, kNone},
    {245, "unexpected record", kNone, kNone},
    {252, "unknown protocol", kNotTls, kNotTls},
    {253, "binder does not verify", kDecryptError, kDecryptError},
    {258, "unsupported protocol", kProtocolVersion, kProtocolVersion},
    {259, "unsupported ssl version", kProtocolVersion, kProtocolVersion},
    {266, "wrong ssl version", kProtocolVersion, kProtocolVersion},
    {267, "wrong version number", kNotTls, kNotTls},
    {281, "decryption failed or bad record mac", kDecryptError, kDecryptError},
    {kUnexpectedEof, "unexpected eof while reading", kNone, kNone},
    {338, "unsafe legacy renegotiation disabled", kNone, kNone},
    {360, "signature algorithms error", kNone, kNone},
    {370, "wrong signature type", kNone, kNone},
    {373, "inappropriate fallback", kProtocolVersion, kProtocolVersion},
    {376, "no shared signature algorithms", kNoSharedSignatureAlgorithm, kNoSharedSignatureAlgorithm},
    {378, "wrong curve", kCertificateOther, kClientCertificateRejected},
    {394, "dh key too small", kNone, kNone},
    {396, "version too low", kProtocolVersion, kProtocolVersion},
    {397, "ca key too small", kCertificateOther, kClientCertificateRejected},
    {398, "ca md too weak", kCertificateOther, kClientCertificateRejected},
    {399, "ee key too small", kCertificateOther, kClientCertificateRejected},
    {407, "shutdown while in init", kLocalClosed, kLocalClosed},
    {410, "no shared groups", kNoSharedGroup, kNoSharedGroup},
};

struct VerifyResult {
  uint32_t number;
  std::string_view text;
  FailureReason cause;  // when it was the server's certificate
};

// By number.
constexpr VerifyResult kVerifyResults[] = {
    {0, "ok", kNone},
    {2, "unable to get issuer certificate", kUnknownCa},
    {3, "unable to get certificate CRL", kCertificateOther},
    {7, "certificate signature failure", kCertificateOther},
    {9, "certificate is not yet valid", kCertificateNotYetValid},
    {10, "certificate has expired", kCertificateExpired},
    {11, "CRL is not yet valid", kCertificateOther},
    {12, "CRL has expired", kCertificateOther},
    {18, "self-signed certificate", kSelfSigned},
    {19, "self-signed certificate in certificate chain", kUnknownCa},
    {20, "unable to get local issuer certificate", kUnknownCa},
    {21, "unable to verify the first certificate", kUnknownCa},
    {22, "certificate chain too long", kCertificateOther},
    {23, "certificate revoked", kCertificateRevoked},
    {25, "path length constraint exceeded", kCertificateOther},
    {26, "unsuitable certificate purpose", kCertificateOther},
    {27, "certificate not trusted", kUnknownCa},
    {28, "certificate rejected", kCertificateOther},
    {50, "application verification failure", kCertificateOther},
    {62, "hostname mismatch", kHostnameMismatch},
    {63, "email address mismatch", kHostnameMismatch},
    {64, "IP address mismatch", kHostnameMismatch},
    {66, "EE certificate key too weak", kCertificateOther},
    {67, "CA certificate key too weak", kCertificateOther},
    {68, "CA signature digest algorithm too weak", kCertificateOther},
};

static_assert(InOrder<ReasonRow>(kReasons));
static_assert(InOrder<VerifyResult>(kVerifyResults));

}  // namespace

std::optional<uint8_t> AlertOfReason(uint32_t reason) {
  if (reason < kAlertOffset || reason > kAlertOffset + 0xff) return std::nullopt;
  return static_cast<uint8_t>(reason - kAlertOffset);
}

std::string_view ReasonText(uint32_t reason) {
  const ReasonRow* row = FindRow<ReasonRow>(kReasons, reason);
  return row != nullptr ? row->text : "";
}

FailureReason CauseOfReason(uint32_t reason, uint32_t verify_result, Sender side) {
  const ReasonRow* row = FindRow<ReasonRow>(kReasons, reason);
  if (row == nullptr) return kNone;
  const bool judged = reason == kCertificateVerifyFailed && side == Sender::kClient;
  const VerifyResult* verified = judged ? FindRow<VerifyResult>(kVerifyResults, verify_result) : nullptr;
  return verified != nullptr ? verified->cause : row->At(side);
}

bool EndOfStream(uint32_t reason) { return reason == 0 || reason == kUnexpectedEof; }

std::string_view VerifyText(uint32_t verify_result) {
  const VerifyResult* row = FindRow<VerifyResult>(kVerifyResults, verify_result);
  return row != nullptr ? row->text : "";
}

}  // namespace tlsmeter::agent
