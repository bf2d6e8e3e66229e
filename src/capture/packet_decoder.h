// PacketDecoder: one captured packet becomes a TCP segment, or a reason why it is none.
//
// Passes over link headers, tags and tunnels to the innermost IP layer, and joins IP fragments. No file, no clock: times are
// the packets' own, and only age fragments. Checksums are not verified: a capture on the sending host holds packets whose
// checksums the card has yet to fill in. What is read is bounds-checked and nothing is believed but lengths that the bytes
// bear out. One thread uses a decoder.
#ifndef TLSMETER_SRC_CAPTURE_PACKET_DECODER_H_
#define TLSMETER_SRC_CAPTURE_PACKET_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "src/capture/chunk.h"
#include "src/capture/fragment_buffer.h"
#include "src/capture/link_layer.h"
#include "src/capture/packet_reader.h"

namespace tlsmeter::agent {

// kMaxIpLayers is how many IP headers may be nested. Overlay networks over a tunnel over a tunnel have four.
inline constexpr int kMaxIpLayers = 6;

// kMaxExtensionHeaders is how many IPv6 extension headers are passed over. A packet with more is dropped by most routers.
inline constexpr int kMaxExtensionHeaders = 16;

// PacketOutcome is what became of a packet.
enum class PacketOutcome : uint8_t {
  kSegment,       // a TCP segment
  kFragment,      // a piece of a datagram that waits for others
  kNotIp,         // ARP, LLDP, 802.3 control frames, ...
  kNotTcp,        // IP that carries neither TCP nor a known tunnel
  kTruncated,     // the snapshot length cut it inside a header
  kMalformed,     // a header ends past its packet, or contradicts itself
  kTooDeep,       // over kMaxIpLayers or kMaxExtensionHeaders
  kFragmentLost,  // a fragment that cannot be used: cut by the snapshot length, or at odds with others
};
inline constexpr size_t kPacketOutcomeCount = static_cast<size_t>(PacketOutcome::kFragmentLost) + 1;

// PacketOutcomeName returns the outcome for people: "not TCP", "cut in a header".
std::string_view PacketOutcomeName(PacketOutcome outcome);

// TCP flags (RFC 9293, section 3.1).
namespace tcp_flag {
inline constexpr uint8_t kFin = 0x01;
inline constexpr uint8_t kSyn = 0x02;
inline constexpr uint8_t kRst = 0x04;
inline constexpr uint8_t kAck = 0x10;
}  // namespace tcp_flag

// TcpSegment is a segment with the addresses of the innermost IP layer.
struct TcpSegment {
  SocketAddress source, destination;
  uint32_t seq = 0;
  uint32_t ack = 0;  // meaningful with kAck
  uint8_t flags = 0;
  size_t length = 0;                 // bytes of payload on the wire, by the IP header
  std::span<const uint8_t> payload;  // what was captured of them; a view, see Decode
};

class PacketDecoder {
 public:
  // Decode reads one packet of `wire_length` bytes of which `captured` are there. Sets *segment for kSegment; its payload is
  // a view into `captured` or, of a datagram that was joined, into the decoder: valid until the next call.
  PacketOutcome Decode(LinkType link, uint64_t time_ns, std::span<const uint8_t> captured, size_t wire_length,
                       TcpSegment* segment);

  const FragmentBuffer& fragments() const { return fragments_; }

 private:
  struct IpLayer;

  PacketOutcome Network(uint16_t type, PacketReader packet, TcpSegment* segment);
  PacketOutcome Ipv4(PacketReader packet, TcpSegment* segment);
  PacketOutcome Ipv6(PacketReader packet, TcpSegment* segment);
  PacketOutcome Transport(const IpLayer& ip, uint8_t protocol, PacketReader packet, TcpSegment* segment);
  PacketOutcome Udp(PacketReader packet, TcpSegment* segment);
  PacketOutcome Rejoin(const IpLayer& ip, Fragment fragment, const PacketReader& packet, TcpSegment* segment);

  FragmentBuffer fragments_;
  Datagram joined_;       // the last one
  uint64_t time_ns_ = 0;  // of the packet at hand
  int ip_layers_ = 0;     // of the packet at hand
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_PACKET_DECODER_H_
