// LibraryEvent: what a probed TLS library says of a handshake in its process. To the right of this header nobody knows how
// it was learnt.
//
// Passive values. Times are nanoseconds since the Unix epoch. Views are valid during the call that hands the event on.
#ifndef TLSMETER_SRC_CAPTURE_LIBRARY_EVENT_H_
#define TLSMETER_SRC_CAPTURE_LIBRARY_EVENT_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "src/capture/chunk.h"
#include "src/image/image_plan.h"

namespace tlsmeter::agent {

// LibraryHandshakeId names one handshake of one side for good: an address is used again, but not at the same time.
struct LibraryHandshakeId {
  uint32_t pid = 0;
  uint64_t object = 0;  // address of the library's connection object in the process
  uint64_t start = 0;   // when its first step began, by a clock that is never set

  bool operator==(const LibraryHandshakeId&) const = default;

  template <typename H>
  friend H AbslHashValue(H h, const LibraryHandshakeId& id) {
    return H::combine(std::move(h), id.pid, id.object, id.start);
  }
};

// CertificateDer is one certificate as it was shown, shared by all handshakes that show it.
using CertificateDer = std::shared_ptr<const std::vector<uint8_t>>;

// LibraryCertificate is one certificate of a chain. Those of a handshake come before its end, in the order of the chain.
struct LibraryCertificate {
  bool own = false;   // shown by the side that was probed, else by its peer
  uint8_t index = 0;  // place in the chain
  CertificateDer der;
};

enum class LibraryOutcome : uint8_t {
  kSuccess,
  kFailure,    // the library gave up: an error, or its transport ended
  kAbandoned,  // the program freed the connection before the handshake was over
};

// LibraryAlert is an alert that the library sent, encrypted or not.
struct LibraryAlert {
  uint8_t level = 0;
  uint8_t description = 0;  // IANA "TLS Alerts"

  bool operator==(const LibraryAlert&) const = default;
};

// LibraryEnd is the end of a handshake. Numbers are 0 and views empty where the library does not show the fact or the
// handshake did not come to it.
struct LibraryEnd {
  TlsStack implementation = TlsStack::kOpenSsl;
  LibraryOutcome outcome = LibraryOutcome::kSuccess;
  bool server = false;
  bool resumed = false;
  bool met_late = false;                  // the handshake had begun before it was met: its start is not known
  bool tentative = false;                 // OpenSSL: a failure that a later end may take back; an alert makes it final
  uint32_t reason = 0;                    // the library's own number of its first error; GnuTLS: without its sign
  std::optional<uint32_t> verify_result;  // of the peer's certificate: X509_V_ERR_*, or GNUTLS_CERT_* bits
  uint16_t version = 0;                   // as on the wire
  uint16_t cipher = 0;                    // IANA
  uint16_t group = 0;                     // IANA
  std::optional<LibraryAlert> alert;      // sent; programs with GnuTLS do so afterwards
  std::optional<uint8_t> alert_received;  // GnuTLS: the one that ended it. OpenSSL says so in `reason`
  std::array<uint8_t, 32> client_random = {};
  std::array<uint8_t, 32> server_random = {};
  std::string_view alpn;         // raw, at most 32 bytes
  std::string_view server_name;  // raw
  OwnerChunk owner;
  std::optional<SocketAddress> local, remote;  // when the library reads from a TCP socket itself
};

// LibraryLate is what came shortly after the end of a handshake.
struct LibraryLate {
  enum class What : uint8_t {
    kAlertReceived,  // after success; `value` is its description, IANA "TLS Alerts"
    kAlertSent,      // a fatal one, after success or failure; the same
    kVerified,       // after success, by the program; `value` as LibraryEnd::verify_result
    kClosed,         // the program closed the connection after a kVerified other than 0 or a kNameDiffers
    kNameDiffers,    // after success, by the program: the peer's certificate is not of a name; `value` is what that adds to
                     // LibraryEnd::verify_result
    kNameMatches,    // the same: it is of a name
  };
  What what = What::kAlertReceived;
  uint32_t value = 0;
};

struct LibraryEvent {
  LibraryHandshakeId id;
  uint64_t start_ns = 0;   // of the handshake's first step
  uint64_t time_ns = 0;    // of the event
  std::string_view stack;  // what the library calls itself, such as "OpenSSL 3.0.19 27 Jan 2026"
  std::variant<LibraryEnd, LibraryLate, LibraryCertificate> what;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_LIBRARY_EVENT_H_
