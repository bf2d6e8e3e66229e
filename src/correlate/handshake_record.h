// HandshakeRecord: what one side's view of one TLS connection came to. The value that correlate makes, attribution
// completes, and aggregate and export read.
//
// A plain value: copy it, move it, keep it. Times are nanoseconds since the Unix epoch; 0 means not seen.
#ifndef TLSMETER_SRC_CORRELATE_HANDSHAKE_RECORD_H_
#define TLSMETER_SRC_CORRELATE_HANDSHAKE_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/capture/chunk.h"
#include "src/correlate/attribution.h"
#include "src/correlate/plain_protocol.h"
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
  kCertificateRevoked,
  kUnknownCa,
  kCertificateOther,
  kClientCertificateMissing,
  kClientCertificateRejected,
  kHandshakeFailure,  // alert 40: no shared cipher, group or signature algorithm; the wire does not say which
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
  bool inferred = false;  // the verdict rests on lengths and positions of encrypted records

  Handshake tls;  // its times are Unix nanoseconds here
};

// Phase durations in seconds; nullopt when an end of the phase was not seen or the two are out of order.
std::optional<double> TcpSeconds(const HandshakeRecord& record);           // SYN to established
std::optional<double> ServerFlightSeconds(const HandshakeRecord& record);  // ClientHello to ServerHello
std::optional<double> ClientFlightSeconds(const HandshakeRecord& record);  // ClientHello to the client's last record
std::optional<double> HandshakeSeconds(const HandshakeRecord& record);     // ClientHello to the end of the handshake
std::optional<double> FirstAppByteSeconds(const HandshakeRecord& record);  // accept or connect to first application byte

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_HANDSHAKE_RECORD_H_
