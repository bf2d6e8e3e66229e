#include "src/capture/link_layer.h"

namespace tlsmeter::agent {
namespace {

constexpr uint16_t kNoEtherType = 0;       // reserved: carries nothing known
constexpr uint16_t kSmallestType = 0x600;  // below, an EtherType field is a length (IEEE 802.3, section 3.2.6)

// An IP packet without a type before it.
bool ReadIpVersion(const PacketReader& packet, uint16_t* type) {
  ByteReader peek = packet.bytes;
  uint8_t first;
  if (!peek.ReadU8(&first)) return false;
  *type = first >> 4 == 4 ? ether_type::kIpv4 : first >> 4 == 6 ? ether_type::kIpv6 : kNoEtherType;
  return true;
}

bool ReadEthernet(PacketReader* packet, uint16_t* type) {
  constexpr size_t kAddresses = 12;
  if (!packet->bytes.Skip(kAddresses) || !packet->bytes.ReadU16(type)) return false;
  if (*type >= kSmallestType) return true;
  // IEEE 802.3: the field was a length, and LLC follows. Of LLC only SNAP carries IP.
  packet->SetLength(*type);
  uint32_t llc_and_vendor;
  uint16_t end_of_vendor;
  if (!packet->bytes.ReadU32(&llc_and_vendor) || !packet->bytes.ReadU16(&end_of_vendor) || !packet->bytes.ReadU16(type)) {
    *type = kNoEtherType;
    return true;
  }
  if (llc_and_vendor != 0xaaaa0300 || end_of_vendor != 0) *type = kNoEtherType;
  return true;
}

// RFC 1661, with the header compressions of its section 6.5 and 6.6.
bool ReadPpp(PacketReader* packet, uint16_t* type) {
  ByteReader framed = packet->bytes;
  uint16_t address_and_control;
  if (!framed.ReadU16(&address_and_control)) return false;
  if (address_and_control == 0xff03) packet->bytes = framed;
  uint8_t byte;
  if (!packet->bytes.ReadU8(&byte)) return false;
  uint16_t protocol = byte;
  if (byte % 2 == 0) {
    if (!packet->bytes.ReadU8(&byte)) return false;
    protocol = static_cast<uint16_t>(protocol << 8 | byte);
  }
  *type = protocol == 0x21 ? ether_type::kIpv4 : protocol == 0x57 ? ether_type::kIpv6 : kNoEtherType;
  return true;
}

// RFC 2516, section 4.
bool ReadPppoe(PacketReader* packet, uint16_t* type) {
  constexpr uint32_t kVersionTypeAndSessionData = 0x1100;
  uint16_t version_type_code, session, length;
  if (!packet->bytes.ReadU16(&version_type_code) || !packet->bytes.ReadU16(&session) || !packet->bytes.ReadU16(&length)) {
    return false;
  }
  packet->SetLength(length);
  *type = version_type_code == kVersionTypeAndSessionData ? ether_type::kPpp : kNoEtherType;
  return true;
}

// One label (RFC 3032, section 2.1). What follows the last one is not said; its first nibble tells (RFC 4385, section 3).
bool ReadMplsLabel(PacketReader* packet, uint16_t* type) {
  uint32_t label;
  if (!packet->bytes.ReadU32(&label)) return false;
  if ((label & 0x100) == 0) return true;  // not the bottom of the stack
  if (!ReadIpVersion(*packet, type)) return false;
  if (*type != kNoEtherType) return true;
  uint32_t control_word;
  if (!packet->bytes.ReadU32(&control_word)) return false;
  if (control_word >> 28 == 0) *type = ether_type::kTransparentEthernet;
  return true;
}

// DLT_NULL holds AF_INET or AF_INET6 of the machine that wrote the file, in its byte order.
bool ReadNull(PacketReader* packet, uint16_t* type) {
  uint32_t family;
  if (!packet->bytes.ReadU32(&family)) return false;
  if (family > 0xffff) family = __builtin_bswap32(family);
  switch (family) {
    case 2:
      *type = ether_type::kIpv4;
      return true;
    case 10:  // Linux
    case 24:  // NetBSD, OpenBSD
    case 28:  // FreeBSD
    case 30:  // Darwin
      *type = ether_type::kIpv6;
      return true;
    default:
      *type = kNoEtherType;
      return true;
  }
}

bool ReadFirstHeader(LinkType link, PacketReader* packet, uint16_t* type) {
  switch (link) {
    case LinkType::kEthernet:
      return ReadEthernet(packet, type);
    case LinkType::kLinuxCooked:
      return packet->bytes.Skip(14) && packet->bytes.ReadU16(type);
    case LinkType::kLinuxCooked2:
      return packet->bytes.ReadU16(type) && packet->bytes.Skip(18);
    case LinkType::kRawIp:
      return ReadIpVersion(*packet, type);
    case LinkType::kNull:
      return ReadNull(packet, type);
    case LinkType::kPpp:
      return ReadPpp(packet, type);
    case LinkType::kPppoe:
      return ReadPppoe(packet, type);
  }
  return false;
}

}  // namespace

bool ReadLinkHeader(LinkType link, PacketReader* packet, uint16_t* type) {
  return ReadFirstHeader(link, packet, type) && ReadTags(packet, type);
}

bool ReadTags(PacketReader* packet, uint16_t* type) {
  for (int i = 0; i < kMaxTags; ++i) {
    bool read = true;
    switch (*type) {
      case ether_type::kVlan:
      case ether_type::kProviderVlan:
      case ether_type::kOldQinQ:
        read = packet->bytes.Skip(2) && packet->bytes.ReadU16(type);
        break;
      case ether_type::kMpls:
      case ether_type::kMplsMulticast:
        read = ReadMplsLabel(packet, type);
        break;
      case ether_type::kPppoeSession:
        read = ReadPppoe(packet, type);
        break;
      case ether_type::kPpp:
        read = ReadPpp(packet, type);
        break;
      case ether_type::kTransparentEthernet:
        read = ReadEthernet(packet, type);
        break;
      default:
        return true;
    }
    if (!read) return false;
  }
  return false;
}

}  // namespace tlsmeter::agent
