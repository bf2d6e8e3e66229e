#include "src/correlate/verdict.h"

#include "src/correlate/library_reasons.h"

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

// Whose certificate, bytes or doing `reason` speaks of. `found_by` is the side that met it or said it, as far as that is
// known.
std::optional<Sender> SideAtFault(FailureReason reason, Role role, std::optional<Sender> found_by) {
  std::optional<Sender> self;
  if (role != Role::kObserver) self = role == Role::kClient ? Sender::kClient : Sender::kServer;
  const auto peer_of = [](std::optional<Sender> s) { return s ? std::optional(Peer(*s)) : std::nullopt; };
  switch (reason) {
    case FailureReason::kCertificateExpired:
    case FailureReason::kCertificateNotYetValid:
    case FailureReason::kCertificateRevoked:
    case FailureReason::kUnknownCa:
    case FailureReason::kSelfSigned:
    case FailureReason::kHostnameMismatch:
    case FailureReason::kCertificateOther:
      return Sender::kServer;
    case FailureReason::kClientCertificateMissing:
    case FailureReason::kClientCertificateRejected:
      return Sender::kClient;
    case FailureReason::kNotTls:
    case FailureReason::kProtocolError:
      return peer_of(found_by);
    case FailureReason::kInternalError:
      return found_by;
    case FailureReason::kPeerClosed:
    case FailureReason::kPeerReset:
      return peer_of(self);
    case FailureReason::kLocalClosed:
      return self;
    // Nothing in common, or not to be told from here.
    case FailureReason::kNone:
    case FailureReason::kHandshakeFailure:
    case FailureReason::kNoSharedCipher:
    case FailureReason::kNoSharedGroup:
    case FailureReason::kNoSharedSignatureAlgorithm:
    case FailureReason::kProtocolVersion:
    case FailureReason::kUnrecognizedName:
    case FailureReason::kNoApplicationProtocol:
    case FailureReason::kDecryptError:
    case FailureReason::kTimeout:
    case FailureReason::kOther:
      break;
  }
  return std::nullopt;
}

Verdict Failure(FailureReason reason, Role role, std::optional<Sender> found_by, bool inferred) {
  return {Result::kFailure, reason, inferred, SideAtFault(reason, role, found_by)};
}

Verdict Aborted(FailureReason reason, Role role, bool inferred) {
  return {Result::kAborted, reason, inferred, SideAtFault(reason, role, std::nullopt)};
}

Verdict VerdictOfWire(const Handshake& tls, Role role, const Ending& ending) {
  switch (tls.progress) {
    case Progress::kEstablished:
      return {Result::kSuccess, FailureReason::kNone, false, std::nullopt};
    case Progress::kRefused:
      if (!tls.alert) return Failure(FailureReason::kOther, role, std::nullopt, tls.inferred);
      return Failure(ReasonOfAlert(tls, *tls.alert), role, tls.alert->sender, tls.inferred);
    case Progress::kNotTls:
      return Failure(FailureReason::kNotTls, role, Peer(tls.parse_sender), false);
    case Progress::kMalformed:
      return Failure(FailureReason::kProtocolError, role, Peer(tls.parse_sender), false);
    case Progress::kNoHello:
    case Progress::kInProgress:
      break;
  }
  // A handshake whose bytes we did not all see may well have completed.
  if (tls.incomplete || (!ending.tcp_ended && !ending.timed_out)) return {};
  if (role == Role::kObserver) {
    return Aborted(ending.timed_out ? FailureReason::kTimeout : FailureReason::kOther, role, false);
  }
  return Aborted(ReasonOfEnd(ending), role, false);
}

// Does the alert say that a certificate was refused?
bool RefusesCertificate(uint8_t description) {
  return (description >= kNoCertificate && description <= kAccessDenied) || description == kCertificateRequired;
}

constexpr uint8_t kFatal = 2;

Alert PlainAlert(Sender sender, uint8_t description) {
  return Alert{.sender = sender, .level = kFatal, .description = description, .encrypted = false, .time_ns = 0};
}

// GnuTLS does not tell a certificate that nobody but itself has signed from one of an unknown authority. The certificate
// does; as with OpenSSL it is the peer's own that counts, not a root that was sent along.
FailureReason Refine(FailureReason cause, const Handshake& tls, const LibraryFacts& library) {
  const CertificateFacts* leaf = tls.server_certificates.leaf();
  const bool alone = library.implementation == TlsStack::kGnuTls && leaf != nullptr && leaf->self_signed;
  return cause == FailureReason::kUnknownCa && alone ? FailureReason::kSelfSigned : cause;
}

// The library reported success. The client's does so before the server has judged the client, and programs with GnuTLS judge
// the peer themselves, afterwards.
Verdict VerdictAfterSuccess(const Handshake& tls, Role role, const Verdict& wire, const LibraryFacts& library) {
  if (library.late_alert && (tls.progress != Progress::kEstablished || RefusesCertificate(*library.late_alert))) {
    const Alert alert = PlainAlert(Sender::kServer, *library.late_alert);
    return Failure(ReasonOfAlert(tls, alert), role, alert.sender, false);
  }
  const Sender self = role == Role::kServer ? Sender::kServer : Sender::kClient;
  const FailureReason doubt = Refine(CauseOfDoubt(library, self), tls, library);
  if (library.alert_sent && library.alert_sent->level == kFatal) {
    if (doubt != FailureReason::kNone) return Failure(doubt, role, self, false);
    const uint8_t sent = library.alert_sent->description;
    if (RefusesCertificate(sent)) return Failure(ReasonOfAlert(tls, PlainAlert(self, sent)), role, self, false);
  }
  // It went away without a word to the peer.
  if (doubt != FailureReason::kNone && library.closed && tls.first_application_data_ns == 0) {
    return Failure(doubt, role, self, true);
  }
  const bool refused_after = role == Role::kClient && tls.progress == Progress::kRefused && tls.inferred && tls.alert &&
                             tls.alert->sender == Sender::kServer;
  if (refused_after) return wire;
  return {Result::kSuccess, FailureReason::kNone, false, std::nullopt};
}

// The library reported a failure: the first of these that names a cause is the verdict.
Verdict VerdictOfFailure(const Handshake& tls, Role role, const Verdict& wire, const LibraryFacts& library) {
  const Sender self = role == Role::kServer ? Sender::kServer : Sender::kClient;
  if (const std::optional<uint8_t> description = AlertReceived(library)) {
    return Failure(ReasonOfAlert(tls, PlainAlert(Peer(self), *description)), role, Peer(self), false);
  }
  const FailureReason cause = Refine(CauseOfError(library, self), tls, library);
  if (cause == FailureReason::kLocalClosed) return Aborted(cause, role, false);
  if (cause != FailureReason::kNone) return Failure(cause, role, self, false);
  if (OnlyTheEnd(library)) {
    // OpenSSL 3 answers the end of the stream with an alert of its own: that is not the cause.
    const bool answered = tls.alert && tls.alert->sender == self;
    if (!answered && wire.result != Result::kUnknown && wire.result != Result::kSuccess) return wire;
    return Aborted(FailureReason::kPeerClosed, role, library.reason == 0);
  }
  const bool wire_names_it = wire.result == Result::kFailure && !wire.inferred && wire.reason != FailureReason::kOther;
  if (library.alert_sent) {
    const FailureReason sent = ReasonOfAlert(tls, PlainAlert(self, library.alert_sent->description));
    if (sent != FailureReason::kOther || !wire_names_it) return Failure(sent, role, self, false);
  }
  return wire_names_it ? wire : Failure(FailureReason::kOther, role, self, false);
}

}  // namespace

Verdict DecideVerdict(const Handshake& tls, Role role, const Ending& ending, const LibraryFacts* library) {
  const Verdict wire = VerdictOfWire(tls, role, ending);
  if (library == nullptr) return wire;
  switch (library->outcome) {
    case LibraryOutcome::kSuccess:
      return VerdictAfterSuccess(tls, role, wire, *library);
    case LibraryOutcome::kFailure:
      return VerdictOfFailure(tls, role, wire, *library);
    case LibraryOutcome::kAbandoned:
      break;
  }
  // The program let go of a handshake that was not over: what the wire saw is why, else it was its own doing.
  if (wire.result == Result::kFailure || wire.result == Result::kAborted) return wire;
  return Aborted(FailureReason::kLocalClosed, role, true);
}

}  // namespace tlsmeter::agent
