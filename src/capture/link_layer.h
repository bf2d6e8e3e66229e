// The layers below IP: link headers, VLAN tags, MPLS labels, PPPoE, PPP, LLC. Pure functions, any thread.
#ifndef TLSMETER_SRC_CAPTURE_LINK_LAYER_H_
#define TLSMETER_SRC_CAPTURE_LINK_LAYER_H_

#include <cstdint>

#include "src/capture/packet_reader.h"

namespace tlsmeter::agent {

// LinkType is how the packets of a capture file begin (https://www.tcpdump.org/linktypes.html).
enum class LinkType : uint8_t {
  kEthernet,
  kLinuxCooked,   // LINUX_SLL
  kLinuxCooked2,  // LINUX_SLL2
  kRawIp,         // RAW, IPV4, IPV6: the version nibble tells
  kNull,          // NULL and LOOP: an address family, in either byte order
  kPpp,           // PPP, with or without its address and control bytes
  kPppoe,         // PPP_ETHER: from the PPPoE header on
};

// EtherType values that mean something here (IANA "IEEE 802 Numbers").
namespace ether_type {
inline constexpr uint16_t kIpv4 = 0x0800;
inline constexpr uint16_t kTransparentEthernet = 0x6558;  // an Ethernet frame follows, in GRE, VXLAN, Geneve
inline constexpr uint16_t kVlan = 0x8100;
inline constexpr uint16_t kIpv6 = 0x86dd;
inline constexpr uint16_t kMpls = 0x8847;
inline constexpr uint16_t kMplsMulticast = 0x8848;
inline constexpr uint16_t kPppoeSession = 0x8864;
inline constexpr uint16_t kPpp = 0x880b;
inline constexpr uint16_t kProviderVlan = 0x88a8;  // 802.1ad
inline constexpr uint16_t kOldQinQ = 0x9100;
}  // namespace ether_type

// kMaxTags is how many VLAN tags, MPLS labels and other small headers may follow each other. Real stacks have up to five.
inline constexpr int kMaxTags = 16;

// ReadLinkHeader passes over everything before the network layer and sets *type to the EtherType of what follows. Returns
// false when the packet ends inside a header, or has more than kMaxTags of them.
[[nodiscard]] bool ReadLinkHeader(LinkType link, PacketReader* packet, uint16_t* type);

// ReadTags does the same from an EtherType on: *type is what the bytes are, and becomes what they carry. A type that carries
// nothing known is left alone.
[[nodiscard]] bool ReadTags(PacketReader* packet, uint16_t* type);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_LINK_LAYER_H_
