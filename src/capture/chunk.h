// Chunk: what a source says of a connection. Live BPF events and capture files become the same chunks; nothing to the right
// of this header can tell which one runs.
//
// Times are nanoseconds since the Unix epoch. Views are valid during the call that hands the chunk on, and no longer.
#ifndef TLSMETER_SRC_CAPTURE_CHUNK_H_
#define TLSMETER_SRC_CAPTURE_CHUNK_H_

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace tlsmeter::agent {

// SocketAddress is one end of a TCP connection: an IPv6 address, IPv4 as ::ffff:a.b.c.d, and a port in host order.
struct SocketAddress {
  std::array<uint8_t, 16> ip = {};
  uint16_t port = 0;
  auto operator<=>(const SocketAddress&) const = default;

  // By words, as what follows: both are done for every packet of a capture file.
  bool operator==(const SocketAddress& other) const { return words() == other.words() && port == other.port; }
  template <typename H>
  friend H AbslHashValue(H h, const SocketAddress& a) {
    return H::combine(std::move(h), a.words()[0], a.words()[1], a.port);
  }

 private:
  std::array<uint64_t, 2> words() const { return std::bit_cast<std::array<uint64_t, 2>>(ip); }
};

// MappedIpv4 returns the IPv4-mapped form of an address (RFC 4291, section 2.5.5.2).
std::array<uint8_t, 16> MappedIpv4(std::span<const uint8_t, 4> ip);

// IsIpv4 is true for an IPv4-mapped address.
bool IsIpv4(const SocketAddress& address);

// AddressText returns the numeric address: dotted for IPv4 (mapped), RFC 5952 for IPv6.
std::string AddressText(const SocketAddress& address);

// ConnectionKey names a connection as seen from one place. Live: the socket cookie, unique while the machine runs. Capture
// files: cookie 0 and the two ends, the lower one first.
struct ConnectionKey {
  uint64_t cookie = 0;
  SocketAddress low, high;

  // A cookie names the connection by itself.
  bool operator==(const ConnectionKey& other) const {
    return cookie == other.cookie && (cookie != 0 || (low == other.low && high == other.high));
  }
  template <typename H>
  friend H AbslHashValue(H h, const ConnectionKey& k) {
    return k.cookie != 0 ? H::combine(std::move(h), k.cookie) : H::combine(std::move(h), k.low, k.high);
  }
};

// End indexes the two ends of a connection: of a watched socket kLocal is the socket itself and kRemote its peer; in a
// capture file kLocal is `low` of the key.
enum class End : uint8_t { kLocal = 0, kRemote = 1 };
constexpr End Other(End end) { return end == End::kLocal ? End::kRemote : End::kLocal; }

// OpenChunk says that a connection exists. It may come after other chunks of the same connection.
struct OpenChunk {
  SocketAddress local, remote;
  bool watched = true;                // one end is a socket of this host; false for capture files
  std::optional<End> initiator;       // who sent the SYN, when that was seen
  std::optional<End> hello_sender;    // who sent the ClientHello, when the source looked
  std::optional<uint32_t> syn_seq;    // the initiator's initial sequence number: another one is another connection
  std::array<uint32_t, 2> from = {};  // by End: the stream offset from which on TLS records are expected
  uint64_t syn_ns = 0;
  uint64_t established_ns = 0;  // when the initiator acknowledged the SYN-ACK; 0 where either was not seen
};

// DataChunk carries stream bytes of `sender`. `offset` counts the sender's stream bytes modulo 2^32, from 0 at the first
// byte after its SYN, or at the first byte that the source saw of a connection joined late.
struct DataChunk {
  End sender = End::kLocal;
  uint32_t offset = 0;
  // A TLS record begins at offset. Live sources know; of files it is a guess from the bytes, needed only after a gap.
  bool record_boundary = false;
  std::span<const uint8_t> bytes;
};

// RecordChunk is a TLS record of which only the header was captured: 5 bytes of header at `offset`, then `length` bytes.
struct RecordChunk {
  End sender = End::kLocal;
  uint32_t offset = 0;
  uint8_t type = 0;
  uint16_t length = 0;
};

// OwnerChunk names the process that uses the watched socket.
struct OwnerChunk {
  uint32_t pid = 0;
  uint64_t start_time_ns = 0;  // of the group leader, since boot
  uint64_t cgroup_id = 0;
  uint32_t uid = 0;  // of the real user, in the initial user namespace
  std::string_view comm;
};

// StopChunk says that the source will say nothing more of the connection's bytes, and why.
struct StopChunk {
  enum class Why : uint8_t {
    kHandshakeOver,  // enough encrypted records were seen in both directions
    kNotTls,         // `sender` sent bytes that are not TLS records
    kLimit,          // a byte or record ceiling of the source
    kTcpEnd,         // the connection is closed: `tcp_end` says how
  };
  Why why = Why::kHandshakeOver;
  End sender = End::kLocal;  // of kNotTls

  // How TCP ended, as far as it is known.
  struct TcpEnd {
    bool local_fin = false;     // our side sent FIN before the other
    bool remote_fin = false;    // the peer's FIN came first
    bool local_reset = false;   // closed by our side without FIN
    bool remote_reset = false;  // the peer sent RST
    bool timed_out = false;     // retransmissions ran out
  } tcp_end;
};

struct Chunk {
  ConnectionKey key;
  uint64_t time_ns = 0;
  std::variant<OpenChunk, DataChunk, RecordChunk, OwnerChunk, StopChunk> what;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_CHUNK_H_
