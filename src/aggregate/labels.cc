#include "src/aggregate/labels.h"

#include <array>

namespace tlsmeter::agent {
namespace {

constexpr std::string_view kOther = "other";
constexpr std::string_view kNone = "none";

// What servers on TCP are seen to select: of IANA "TLS ALPN Protocol IDs", and a few in use without registration.
constexpr std::array<std::string_view, kAlpnLabels - 3> kAlpnIds = {
    "h2",   "http/1.1",    "http/1.0",    "h3",   "h2c",        "spdy/3",      "grpc-exp", "imap",  "pop3",
    "smtp", "managesieve", "ftp",         "nntp", "irc",        "xmpp-client", "mqtt",     "dot",   "doq",
    "coap", "acme-tls/1",  "xmpp-server", "smb",  "postgresql", "tds/8.0",     "sip/2",    "dicom", "ntske/1",
};

std::string_view OrOther(std::string_view known) { return known.empty() ? kOther : known; }

}  // namespace

std::string_view ReasonLabel(FailureReason reason) { return OrOther(FailureReasonName(reason)); }

std::string_view VersionLabel(std::optional<ProtocolVersion> version) {
  return version.has_value() ? OrOther(version->KnownName()) : kNone;
}

std::string_view CipherLabel(std::optional<CipherSuite> cipher) {
  return cipher.has_value() ? OrOther(cipher->KnownName()) : kNone;
}

std::string_view GroupLabel(std::optional<NamedGroup> group) {
  return group.has_value() ? OrOther(group->KnownName()) : kNone;
}

std::string_view ResumptionName(Resumption resumption) {
  switch (resumption) {
    case Resumption::kNone:
      return kNone;
    case Resumption::kSessionId:
      return "session_id";
    case Resumption::kTicket:
      return "ticket";
    case Resumption::kPsk:
      return "psk";
  }
  return kNone;
}

std::string_view ResumptionLabel(const Handshake& tls) {
  return tls.early_data == EarlyData::kAccepted ? "early_data" : ResumptionName(tls.resumption);
}

std::string_view AlpnLabel(const Handshake& tls) {
  if (tls.alpn.empty()) {
    const bool offered = !tls.client_hello.has_value() || !tls.client_hello->alpn.empty();
    return offered && tls.version.has_value() && tls.version->IsTls13() ? "not_visible" : kNone;
  }
  for (const std::string_view id : kAlpnIds) {
    if (id == tls.alpn) return id;
  }
  return kOther;
}

std::string_view AlertLabel(const Alert& alert) {
  return alert.encrypted ? "encrypted" : OrOther(AlertDescription{alert.description}.KnownName());
}

std::string_view AlertSenderLabel(const Alert& alert, Role role) {
  if (role == Role::kObserver) return SenderName(alert.sender);
  return (role == Role::kClient) == (alert.sender == Sender::kClient) ? "self" : "peer";
}

std::string_view MutualTlsLabel(const HandshakeRecord& record) {
  const MutualTls seen = record.tls.mutual_tls;
  if (record.reason == FailureReason::kClientCertificateMissing || seen == MutualTls::kAbsent) return "no_certificate";
  if (record.reason == FailureReason::kClientCertificateRejected) return "rejected";
  if (seen == MutualTls::kNotVisible || record.result == Result::kUnknown) return "";
  if (record.result != Result::kSuccess) return "failure";
  // A success whose answer was not seen says nothing of the client's certificate.
  return seen == MutualTls::kPresented ? "success" : "";
}

absl::InlinedVector<std::string_view, 2> DowngradeSignals(const Handshake& tls) {
  absl::InlinedVector<std::string_view, 2> signals;
  if (!tls.client_hello.has_value()) return signals;
  if (tls.client_hello->IsFallback()) signals.push_back("fallback_scsv");
  if (!tls.server_hello.has_value()) return signals;
  // A client that offers no more than it gets sees the sentinel in every good handshake with a newer server.
  const uint16_t offered = tls.client_hello->HighestVersion().value;
  if (tls.server_hello->downgrade == Downgrade::kToTls12 && offered > ProtocolVersion::kTls12.value) {
    signals.push_back("tls12_sentinel");
  }
  if (tls.server_hello->downgrade == Downgrade::kToTls11OrBelow && offered >= ProtocolVersion::kTls12.value) {
    signals.push_back("tls11_sentinel");
  }
  return signals;
}

std::string_view OcspStatusLabel(const Handshake& tls, int64_t unix_seconds) {
  switch (tls.ocsp_staple.status) {
    case OcspStatus::kNotVisible:
      return "";
    case OcspStatus::kAbsent:
      return tls.client_hello.has_value() && tls.client_hello->status_request ? "absent" : "";
    case OcspStatus::kInvalid:
      return "invalid";
    case OcspStatus::kGood:
      return tls.ocsp_staple.ExpiredAt(unix_seconds) ? "expired" : "good";
    case OcspStatus::kRevoked:
      return "revoked";
    case OcspStatus::kUnknown:
      return "unknown";
  }
  return "";
}

std::string_view SenderName(Sender sender) { return sender == Sender::kClient ? "client" : "server"; }

}  // namespace tlsmeter::agent
