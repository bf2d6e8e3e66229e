// Tunnel headers between two IP layers. Each function passes over one header and sets *type to the EtherType of what it
// carries; false when the packet ends inside the header or the header is none. Pure functions, any thread.
#ifndef TLSMETER_SRC_CAPTURE_TUNNEL_H_
#define TLSMETER_SRC_CAPTURE_TUNNEL_H_

#include <cstdint>

#include "src/capture/packet_reader.h"

namespace tlsmeter::agent {

[[nodiscard]] bool ReadGre(PacketReader* packet, uint16_t* type);  // RFC 2784, RFC 2890; version 1 of RFC 2637

// UdpTunnel names the tunnels that are recognised by their UDP port.
enum class UdpTunnel : uint8_t { kNone, kVxlan, kGeneve, kGtpUser };

// UdpTunnelOf tells by the destination port: of these protocols only it is fixed.
UdpTunnel UdpTunnelOf(uint16_t destination_port);

[[nodiscard]] bool ReadUdpTunnel(UdpTunnel tunnel, PacketReader* packet, uint16_t* type);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_TUNNEL_H_
