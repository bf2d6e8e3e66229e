#include "src/correlate/handshake_record.h"

#include <array>

namespace tlsmeter::agent {
namespace {

// Seconds from `from` to `to`, when both were seen, in that order.
std::optional<double> Between(uint64_t from, uint64_t to) {
  if (from == 0 || to < from) return std::nullopt;
  return static_cast<double>(to - from) * 1e-9;
}

}  // namespace

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kClient:
      return "client";
    case Role::kServer:
      return "server";
    case Role::kObserver:
      return "observer";
  }
  return "";
}

std::string_view ResultName(Result result) {
  switch (result) {
    case Result::kSuccess:
      return "success";
    case Result::kFailure:
      return "failure";
    case Result::kAborted:
      return "aborted";
    case Result::kUnknown:
      return "unknown";
  }
  return "";
}

std::string_view FailureReasonName(FailureReason reason) {
  static constexpr std::array<std::string_view, kFailureReasonCount> kNames = {
      "",
      "certificate_expired",
      "certificate_not_yet_valid",
      "certificate_revoked",
      "unknown_ca",
      "self_signed",
      "hostname_mismatch",
      "certificate_other",
      "client_certificate_missing",
      "client_certificate_rejected",
      "handshake_failure",
      "no_shared_cipher",
      "no_shared_group",
      "no_shared_signature_algorithm",
      "protocol_version",
      "unrecognized_name",
      "no_application_protocol",
      "decrypt_error",
      "not_tls",
      "protocol_error",
      "peer_closed",
      "peer_reset",
      "local_closed",
      "timeout",
      "internal_error",
      "other",
  };
  return kNames[static_cast<size_t>(reason)];
}

std::string_view JoinedByName(JoinedBy by) {
  switch (by) {
    case JoinedBy::kClientRandom:
      return "client_random";
    case JoinedBy::kServerRandom:
      return "server_random";
    case JoinedBy::kAddress:
      return "address";
    case JoinedBy::kNone:
      return "none";
  }
  return "";
}

std::optional<double> TcpSeconds(const HandshakeRecord& record) {
  return Between(record.tcp_start_ns, record.tcp_established_ns);
}

std::optional<double> ServerFlightSeconds(const HandshakeRecord& record) {
  return Between(record.tls.client_hello_ns, record.tls.server_hello_ns);
}

std::optional<double> ClientFlightSeconds(const HandshakeRecord& record) {
  return Between(record.tls.client_hello_ns, record.tls.client_finished_ns);
}

std::optional<double> HandshakeSeconds(const HandshakeRecord& record) {
  return Between(record.tls.client_hello_ns, record.tls.established_ns);
}

std::optional<double> FirstAppByteSeconds(const HandshakeRecord& record) {
  return Between(record.tcp_established_ns, record.tls.first_application_data_ns);
}

std::optional<double> LibrarySeconds(const HandshakeRecord& record) {
  if (!record.library.has_value()) return std::nullopt;
  return Between(record.library->start_ns, record.library->end_ns);
}

}  // namespace tlsmeter::agent
