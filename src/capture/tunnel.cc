#include "src/capture/tunnel.h"

#include "src/capture/link_layer.h"

namespace tlsmeter::agent {
namespace {

// RFC 7348, section 5.
bool ReadVxlan(PacketReader* packet, uint16_t* type) {
  constexpr uint32_t kNetworkIdValid = 0x08000000;
  uint32_t flags;
  if (!packet->bytes.ReadU32(&flags) || !packet->bytes.Skip(4)) return false;
  *type = ether_type::kTransparentEthernet;
  return (flags & kNetworkIdValid) != 0;
}

// RFC 8926, section 3.4.
bool ReadGeneve(PacketReader* packet, uint16_t* type) {
  uint8_t version_and_length, flags;
  if (!packet->bytes.ReadU8(&version_and_length) || !packet->bytes.ReadU8(&flags) || !packet->bytes.ReadU16(type))
    return false;
  const size_t options = 4u * (version_and_length & 0x3f);
  return version_and_length >> 6 == 0 && packet->bytes.Skip(4 + options);
}

// 3GPP TS 29.281, section 5.1: the user data of a mobile network.
bool ReadGtpUser(PacketReader* packet, uint16_t* type) {
  constexpr uint8_t kUserData = 255;
  constexpr int kMaxExtensions = 8;
  uint8_t flags, message;
  uint16_t length;
  if (!packet->bytes.ReadU8(&flags) || !packet->bytes.ReadU8(&message) || !packet->bytes.ReadU16(&length)) return false;
  if (flags >> 4 != 3 || message != kUserData || !packet->bytes.Skip(4)) return false;  // version 1, GTP and not GTP'
  packet->SetLength(length);
  if ((flags & 0x07) != 0) {
    uint8_t next;
    if (!packet->bytes.Skip(3) || !packet->bytes.ReadU8(&next)) return false;
    for (int i = 0; next != 0; ++i) {
      uint8_t words;
      if (i == kMaxExtensions || !packet->bytes.ReadU8(&words) || words == 0) return false;
      if (!packet->bytes.Skip(4u * words - 2) || !packet->bytes.ReadU8(&next)) return false;
    }
  }
  ByteReader peek = packet->bytes;
  uint8_t first;
  if (!peek.ReadU8(&first)) return false;
  *type = first >> 4 == 6 ? ether_type::kIpv6 : ether_type::kIpv4;
  return true;
}

}  // namespace

bool ReadGre(PacketReader* packet, uint16_t* type) {
  constexpr uint16_t kChecksum = 0x8000, kRouting = 0x4000, kKey = 0x2000, kSequence = 0x1000, kAcknowledgement = 0x0080,
                     kVersion = 0x0007;
  uint16_t flags;
  if (!packet->bytes.ReadU16(&flags) || !packet->bytes.ReadU16(type)) return false;
  if ((flags & kRouting) != 0 || (flags & kVersion) > 1) return false;  // source routes are of RFC 1701, and gone
  size_t options = 0;
  for (const uint16_t option : {kChecksum, kKey, kSequence}) options += (flags & option) != 0 ? 4 : 0;
  if ((flags & kVersion) == 1 && (flags & kAcknowledgement) != 0) options += 4;
  return packet->bytes.Skip(options);
}

UdpTunnel UdpTunnelOf(uint16_t destination_port) {
  switch (destination_port) {
    case 4789:
    case 8472:  // Linux, before the number was assigned
      return UdpTunnel::kVxlan;
    case 6081:
      return UdpTunnel::kGeneve;
    case 2152:
      return UdpTunnel::kGtpUser;
    default:
      return UdpTunnel::kNone;
  }
}

bool ReadUdpTunnel(UdpTunnel tunnel, PacketReader* packet, uint16_t* type) {
  switch (tunnel) {
    case UdpTunnel::kNone:
      return false;
    case UdpTunnel::kVxlan:
      return ReadVxlan(packet, type);
    case UdpTunnel::kGeneve:
      return ReadGeneve(packet, type);
    case UdpTunnel::kGtpUser:
      return ReadGtpUser(packet, type);
  }
  return false;
}

}  // namespace tlsmeter::agent
