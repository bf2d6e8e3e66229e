// HandshakeRecord: what one side's view of one TLS connection came to. The value that correlate makes, attribution
// completes, and aggregate and export read.
//
// A plain value of 1,600 bytes, so it is made where it stays: each stage hands on a pointer to the next, which then owns it.
// Times are nanoseconds since the Unix epoch; 0 means not seen.
#ifndef TLSMETER_SRC_CORRELATE_HANDSHAKE_RECORD_H_
#define TLSMETER_SRC_CORRELATE_HANDSHAKE_RECORD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/capture/chunk.h"
#include "src/capture/library_event.h"
#include "src/correlate/attribution.h"
#include "src/correlate/plain_protocol.h"
#include "src/image/stack_state.h"
#include "tlsmeter/handshake.h"

namespace tlsmeter::agent {

// Role is whose side of the connection was watched; kObserver for capture files.
enum class Role : uint8_t { kClient, kServer, kObserver };
std::string_view RoleName(Role role);

// Owner is the process that uses the socket. pid 0 means unknown.
struct Owner {
  uint32_t pid = 0;            // thread group id, in the initial pid namespace
  uint64_t start_time_ns = 0;  // of the group leader, since boot: with pid it names the process for good
  uint64_t cgroup_id = 0;      // cgroup v2 id (inode number) of the process that used the socket
  uint32_t uid = 0;            // the real user, in the initial user namespace
  std::string comm;            // of the group leader, at most 15 bytes, raw
};

// Result is the outcome of a handshake (metric label `result`, JSON `tlsmeter.result`).
enum class Result : uint8_t {
  kSuccess,
  kFailure,  // an alert, or bytes that are not TLS, ended it
  kAborted,  // TCP ended, or nothing came for kHandshakeTimeout, without a cause
  kUnknown,  // what was captured does not tell
};
std::string_view ResultName(Result result);

// FailureReason is the one verdict on a handshake that did not succeed (`tlsmeter.failure.reason`). A closed list:
// docs/events.md says what each means.
enum class FailureReason : uint8_t {
  kNone,
  kCertificateExpired,
  kCertificateNotYetValid,
  kCertificateRevoked,
  kUnknownCa,
  kSelfSigned,
  kHostnameMismatch,
  kCertificateOther,
  kClientCertificateMissing,
  kClientCertificateRejected,
  kHandshakeFailure,  // alert 40: no shared cipher, group or signature algorithm; the wire does not say which
  kNoSharedCipher,
  kNoSharedGroup,
  kNoSharedSignatureAlgorithm,
  kProtocolVersion,
  kUnrecognizedName,
  kNoApplicationProtocol,
  kDecryptError,
  kNotTls,         // a side sent bytes that are not TLS records
  kProtocolError,  // a side broke the framing of records or messages
  kPeerClosed,
  kPeerReset,
  kLocalClosed,  // the watched side closed or reset the connection without an alert
  kTimeout,
  kInternalError,
  kOther,
};
std::string_view FailureReasonName(FailureReason reason);
inline constexpr int kFailureReasonCount = static_cast<int>(FailureReason::kOther) + 1;

// Ending is how the watch over a connection ended.
struct Ending {
  bool tcp_ended = false;  // `tcp_end` tells how
  StopChunk::TcpEnd tcp_end;
  bool timed_out = false;  // nothing came for kHandshakeTimeout
};

// JoinedBy is how the library's facts were found to belong to the wire's record (`tlsmeter.join`).
enum class JoinedBy : uint8_t {
  kClientRandom,
  kServerRandom,  // helps with ECH, where the outer and the inner ClientHello differ
  kAddress,       // both ends' addresses and the process: for failures before a ClientHello was understood
  kNone,          // the wire did not show this handshake
};
inline constexpr size_t kJoinedByCount = 4;
std::string_view JoinedByName(JoinedBy by);

// LibraryFacts is what the watched side's own TLS library says of the handshake.
struct LibraryFacts {
  JoinedBy join = JoinedBy::kNone;
  std::string stack;  // what the library calls itself
  TlsStack implementation = TlsStack::kOpenSsl;
  LibraryOutcome outcome = LibraryOutcome::kSuccess;
  uint64_t start_ns = 0;                  // of the first step
  uint64_t end_ns = 0;                    // of the last
  uint32_t reason = 0;                    // the library's own number of its first error (GnuTLS: without its sign); 0 none
  std::optional<uint32_t> verify_result;  // of the peer's certificate: X509_V_ERR_*, or GNUTLS_CERT_* bits
  std::optional<LibraryAlert> alert_sent;
  std::optional<uint8_t> alert_received;  // GnuTLS; OpenSSL says so in `reason`
  std::optional<uint8_t> late_alert;      // description of one received after success: established, then rejected
  bool doubted = false;     // GnuTLS: it was after success that the program had it verified or checked its name, in vain
  bool closed = false;      // and then the program closed the connection
  std::string server_name;  // raw; SNI as the library knows it
  std::optional<std::array<uint8_t, 32>> client_random;  // absent: it knows no ClientHello
};

struct HandshakeRecord {
  Role role = Role::kObserver;
  Owner owner;
  Attribution attribution;  // of the owner; empty until the attribution stage has seen the record
  std::optional<SocketAddress> client;
  std::optional<SocketAddress> server;

  uint64_t tcp_start_ns = 0;        // SYN sent (client) or received (server)
  uint64_t tcp_established_ns = 0;  // TCP handshake complete

  // What was spoken before TLS, kNone where TLS came first. Known of capture files only: live sources begin with the hello.
  PlainProtocol starttls = PlainProtocol::kNone;

  Result result = Result::kUnknown;
  FailureReason reason = FailureReason::kNone;
  bool inferred = false;               // the verdict rests on lengths and positions of encrypted records
  std::optional<Sender> failure_side;  // who was at fault; nullopt where both had a share or it is not known
  Ending ending;

  Handshake tls;  // its times are Unix nanoseconds here

  // The TLS implementation that the owner uses and how well it is seen, as known when the record was made; absent where
  // libraries are not watched or the process was never looked at.
  std::optional<StackView> stack;

  // Absent where the process's library is not probed. What it knows and the wire hides (ALPN, alerts, ...) is filled into
  // `tls`.
  std::optional<LibraryFacts> library;
};

// Phase durations in seconds; nullopt when an end of the phase was not seen or the two are out of order.
std::optional<double> TcpSeconds(const HandshakeRecord& record);           // SYN to established
std::optional<double> ServerFlightSeconds(const HandshakeRecord& record);  // ClientHello to ServerHello
std::optional<double> ClientFlightSeconds(const HandshakeRecord& record);  // ClientHello to the client's last record
std::optional<double> HandshakeSeconds(const HandshakeRecord& record);     // ClientHello to the end of the handshake
std::optional<double> FirstAppByteSeconds(const HandshakeRecord& record);  // accept or connect to first application byte
std::optional<double> LibrarySeconds(const HandshakeRecord& record);       // the library's first step to its last

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_HANDSHAKE_RECORD_H_
