// Closed label values: what a handshake's facts read as in a metric. Each function has a fixed list of answers; a number or
// name from the wire that is not on it reads "other". Pure functions, any thread; all views are of static storage.
#ifndef TLSMETER_SRC_AGGREGATE_LABELS_H_
#define TLSMETER_SRC_AGGREGATE_LABELS_H_

#include <cstddef>
#include <optional>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// How many values each closed label has, at most. A test counts them.
inline constexpr size_t kRoleLabels = 3;
inline constexpr size_t kResultLabels = 4;
inline constexpr size_t kReasonLabels = kFailureReasonCount;
inline constexpr size_t kPhaseLabels = 4;
inline constexpr size_t kVersionLabels = 8;  // six versions, other, none
inline constexpr size_t kResumptionLabels = 5;
inline constexpr size_t kAlpnLabels = 30;   // 27 protocols, other, none, not_visible
inline constexpr size_t kAlertLabels = 39;  // 37 names of the IANA registry, encrypted, other

inline constexpr size_t kMutualTlsLabels = 4;
inline constexpr size_t kDowngradeLabels = 4;  // those of DowngradeSignals, and below_history
inline constexpr size_t kOcspStatusLabels = 6;

// ReasonLabel returns the name of the verdict, "other" where there is none.
std::string_view ReasonLabel(FailureReason reason);

// VersionLabel returns "1.3" ... "ssl2", "other", or "none" for nullopt.
std::string_view VersionLabel(std::optional<ProtocolVersion> version);

// CipherLabel and GroupLabel return the IANA name, "other", or "none" for nullopt.
std::string_view CipherLabel(std::optional<CipherSuite> cipher);
std::string_view GroupLabel(std::optional<NamedGroup> group);

// ResumptionLabel returns "early_data" where 0-RTT data was accepted, else "none", "session_id", "ticket" or "psk".
std::string_view ResumptionLabel(const Handshake& tls);

// ResumptionName returns "none", "session_id", "ticket" or "psk".
std::string_view ResumptionName(Resumption resumption);

// AlpnLabel returns the selected protocol's id or "other"; without one "not_visible" where TLS 1.3 encrypted the answer to
// an offer, else "none".
std::string_view AlpnLabel(const Handshake& tls);

// AlertLabel returns the alert's name, "encrypted" or "other".
std::string_view AlertLabel(const Alert& alert);

// AlertSenderLabel returns "self" or "peer", seen from `role`; "client" or "server" for an observer, who is neither.
std::string_view AlertSenderLabel(const Alert& alert, Role role);

// MutualTlsLabel returns, of a handshake in which the server was seen to ask for a client certificate or to refuse the
// client for want of one, "success" (the client sent one and the handshake completed), "no_certificate" (it sent none,
// whatever became of the handshake), "rejected" (the server did not take the client's) or "failure" (it failed for another
// cause). Empty where none of this was seen, or not how it ended. A TLS 1.3 request is encrypted: of those only refusals
// show.
std::string_view MutualTlsLabel(const HandshakeRecord& record);

// DowngradeSignals returns the signs of a forced downgrade that the hellos themselves carry: "fallback_scsv" (the client
// says that this is a second try, RFC 7507); "tls12_sentinel", "tls11_sentinel" (the server says in its random that it can
// do more than it negotiated, RFC 8446, section 4.1.3, and the client had offered more).
absl::InlinedVector<std::string_view, 2> DowngradeSignals(const Handshake& tls);

// OcspStatusLabel returns "good", "revoked", "unknown", "invalid", "expired" (good, but newer information was due at
// `unix_seconds`) or, when the client asked for a staple, "absent". Empty where it was not to be seen.
std::string_view OcspStatusLabel(const Handshake& tls, int64_t unix_seconds);

// SenderName returns "client" or "server".
std::string_view SenderName(Sender sender);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGGREGATE_LABELS_H_
