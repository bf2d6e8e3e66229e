#include "src/correlate/verdict.h"

namespace tlsmeter::agent {
namespace {

// IANA "TLS Alerts", those that name a cause.
enum AlertCode : uint8_t {
  kBadRecordMac = 20,
  kDecryptionFailed = 21,
  kHandshakeFailureAlert = 40,
  kNoCertificate = 41,
  kBadCertificate = 42,
  kUnsupportedCertificate = 43,
  kCertificateRevokedAlert = 44,
  kCertificateExpiredAlert = 45,
  kCertificateUnknown = 46,
  kUnknownCaAlert = 48,
  kAccessDenied = 49,
  kDecryptErrorAlert = 51,
  kProtocolVersionAlert = 70,
  kInsufficientSecurity = 71,
  kInternalErrorAlert = 80,
  kInappropriateFallback = 86,
  kUnrecognizedNameAlert = 112,
  kBadCertificateStatusResponse = 113,
  kCertificateRequired = 116,
  kNoApplicationProtocolAlert = 120,
};

FailureReason ReasonOfAlert(const Handshake& tls, const Alert& alert) {
  const bool by_server = alert.sender == Sender::kServer;
  if (alert.encrypted) {
    // Only certificates are refused this late: the server's by the client in place of its Finished, the client's by the
    // server.
    return by_server ? FailureReason::kClientCertificateRejected : FailureReason::kCertificateOther;
  }
  switch (alert.description) {
    case kNoCertificate:
    case kBadCertificate:
    case kUnsupportedCertificate:
    case kCertificateUnknown:
    case kAccessDenied:
    case kBadCertificateStatusResponse:
      return by_server ? FailureReason::kClientCertificateRejected : FailureReason::kCertificateOther;
    case kCertificateRevokedAlert:
      return by_server ? FailureReason::kClientCertificateRejected : FailureReason::kCertificateRevoked;
    case kCertificateExpiredAlert:
      return by_server ? FailureReason::kClientCertificateRejected : FailureReason::kCertificateExpired;
    case kUnknownCaAlert:
      return by_server ? FailureReason::kClientCertificateRejected : FailureReason::kUnknownCa;
    case kCertificateRequired:
      return FailureReason::kClientCertificateMissing;
    case kHandshakeFailureAlert:
    case kInsufficientSecurity:
      return by_server && tls.mutual_tls == MutualTls::kAbsent ? FailureReason::kClientCertificateMissing
                                                               : FailureReason::kHandshakeFailure;
    case kProtocolVersionAlert:
    case kInappropriateFallback:
      return FailureReason::kProtocolVersion;
    case kUnrecognizedNameAlert:
      return FailureReason::kUnrecognizedName;
    case kNoApplicationProtocolAlert:
      return FailureReason::kNoApplicationProtocol;
    case kBadRecordMac:
    case kDecryptionFailed:
    case kDecryptErrorAlert:
      return FailureReason::kDecryptError;
    case kInternalErrorAlert:
      return FailureReason::kInternalError;
    default:
      return FailureReason::kOther;
  }
}

// How TCP ended, in the words of the watched side. What came first is the reason: an RST often answers bytes that were sent
// to an end which had closed.
FailureReason ReasonOfEnd(const Ending& ending) {
  if (ending.timed_out || ending.tcp_end.timed_out) return FailureReason::kTimeout;
  if (ending.tcp_end.remote_fin) return FailureReason::kPeerClosed;
  if (ending.tcp_end.local_fin || ending.tcp_end.local_reset) return FailureReason::kLocalClosed;
  if (ending.tcp_end.remote_reset) return FailureReason::kPeerReset;
  return FailureReason::kPeerClosed;
}

}  // namespace

Verdict DecideVerdict(const Handshake& tls, Role role, const Ending& ending) {
  switch (tls.progress) {
    case Progress::kEstablished:
      return {Result::kSuccess, FailureReason::kNone, false};
    case Progress::kRefused:
      return {Result::kFailure, tls.alert ? ReasonOfAlert(tls, *tls.alert) : FailureReason::kOther, tls.inferred};
    case Progress::kNotTls:
      return {Result::kFailure, FailureReason::kNotTls, false};
    case Progress::kMalformed:
      return {Result::kFailure, FailureReason::kProtocolError, false};
    case Progress::kNoHello:
    case Progress::kInProgress:
      break;
  }
  // A handshake whose bytes we did not all see may well have completed.
  if (tls.incomplete || (!ending.tcp_ended && !ending.timed_out)) return {};
  if (role == Role::kObserver)
    return {Result::kAborted, ending.timed_out ? FailureReason::kTimeout : FailureReason::kOther, false};
  return {Result::kAborted, ReasonOfEnd(ending), false};
}

}  // namespace tlsmeter::agent
