#include "src/capture/packet_decoder.h"

#include <algorithm>
#include <utility>

#include "src/capture/tunnel.h"

namespace tlsmeter::agent {
namespace {

// IANA "Protocol Numbers".
enum : uint8_t {
  kHopByHop = 0,
  kIpv4InIp = 4,
  kTcp = 6,
  kUdp = 17,
  kIpv6InIp = 41,
  kRouting = 43,
  kIpv6Fragment = 44,
  kGre = 47,
  kAuthentication = 51,
  kDestinationOptions = 60,
  kMobility = 135,
  kHip = 139,
  kShim6 = 140,
};

// A read failed: for want of captured bytes, or because the packet itself is too short.
PacketOutcome Short(const PacketReader& packet) {
  return packet.missing > 0 ? PacketOutcome::kTruncated : PacketOutcome::kMalformed;
}

bool ReadIpv4Address(ByteReader* reader, std::array<uint8_t, 16>* ip) {
  std::span<const uint8_t> bytes;
  if (!reader->ReadBytes(4, &bytes)) return false;
  *ip = MappedIpv4(bytes.first<4>());
  return true;
}

bool ReadIpv6Address(ByteReader* reader, std::array<uint8_t, 16>* ip) {
  std::span<const uint8_t> bytes;
  if (!reader->ReadBytes(ip->size(), &bytes)) return false;
  std::copy(bytes.begin(), bytes.end(), ip->begin());
  return true;
}

PacketOutcome ReadTcp(PacketReader packet, TcpSegment* segment) {
  constexpr size_t kHeader = 20;
  uint8_t offset_and_reserved;
  ByteReader& bytes = packet.bytes;
  const size_t length = packet.length();
  if (!bytes.ReadU16(&segment->source.port) || !bytes.ReadU16(&segment->destination.port) || !bytes.ReadU32(&segment->seq) ||
      !bytes.ReadU32(&segment->ack) || !bytes.ReadU8(&offset_and_reserved) || !bytes.ReadU8(&segment->flags) ||
      !bytes.Skip(6)) {
    return Short(packet);
  }
  const size_t header = 4u * (offset_and_reserved >> 4);
  if (header < kHeader || header > length) return PacketOutcome::kMalformed;
  segment->length = length - header;
  segment->payload = bytes.Skip(header - kHeader) ? bytes.rest() : std::span<const uint8_t>();
  return PacketOutcome::kSegment;
}

}  // namespace

std::string_view PacketOutcomeName(PacketOutcome outcome) {
  switch (outcome) {
    case PacketOutcome::kSegment:
      return "TCP";
    case PacketOutcome::kFragment:
      return "fragments";
    case PacketOutcome::kNotIp:
      return "not IP";
    case PacketOutcome::kNotTcp:
      return "not TCP";
    case PacketOutcome::kTruncated:
      return "cut in a header";
    case PacketOutcome::kMalformed:
      return "malformed";
    case PacketOutcome::kTooDeep:
      return "nested too deep";
    case PacketOutcome::kFragmentLost:
      return "unusable fragments";
  }
  return "";
}

struct PacketDecoder::IpLayer {
  std::array<uint8_t, 16> source = {}, destination = {};
};

PacketOutcome PacketDecoder::Decode(LinkType link, uint64_t time_ns, std::span<const uint8_t> captured, size_t wire_length,
                                    TcpSegment* segment) {
  time_ns_ = time_ns;
  ip_layers_ = 0;
  PacketReader packet{ByteReader(captured), wire_length > captured.size() ? wire_length - captured.size() : 0};
  uint16_t type;
  if (!ReadLinkHeader(link, &packet, &type)) return Short(packet);
  return Network(type, packet, segment);
}

PacketOutcome PacketDecoder::Network(uint16_t type, PacketReader packet, TcpSegment* segment) {
  if (type != ether_type::kIpv4 && type != ether_type::kIpv6) return PacketOutcome::kNotIp;
  if (++ip_layers_ > kMaxIpLayers) return PacketOutcome::kTooDeep;
  return type == ether_type::kIpv4 ? Ipv4(packet, segment) : Ipv6(packet, segment);
}

PacketOutcome PacketDecoder::Ipv4(PacketReader packet, TcpSegment* segment) {
  constexpr size_t kHeader = 20;
  constexpr uint16_t kMoreFragments = 0x2000, kFragmentOffset = 0x1fff;
  IpLayer ip;
  uint8_t version_and_length, protocol;
  uint16_t total, id, fragment;
  PacketReader at = packet;
  ByteReader& bytes = at.bytes;
  if (!bytes.ReadU8(&version_and_length) || !bytes.Skip(1) || !bytes.ReadU16(&total) || !bytes.ReadU16(&id) ||
      !bytes.ReadU16(&fragment) || !bytes.Skip(1) || !bytes.ReadU8(&protocol) || !bytes.Skip(2) ||
      !ReadIpv4Address(&bytes, &ip.source) || !ReadIpv4Address(&bytes, &ip.destination)) {
    return Short(packet);
  }
  const size_t header = 4u * (version_and_length & 0xf);
  if (version_and_length >> 4 != 4 || header < kHeader) return PacketOutcome::kMalformed;
  // 0 where the card cuts the packet later (TSO): then it goes to the end.
  if (total != 0) {
    if (total < header) return PacketOutcome::kMalformed;
    packet.SetLength(total);
  }
  if (!packet.bytes.Skip(header)) return Short(packet);
  if ((fragment & (kMoreFragments | kFragmentOffset)) == 0) return Transport(ip, protocol, packet, segment);
  return Rejoin(ip,
                Fragment{.source = ip.source,
                         .destination = ip.destination,
                         .id = id,
                         .protocol = protocol,
                         .ipv6 = false,
                         .more = (fragment & kMoreFragments) != 0,
                         .offset_unit = static_cast<uint16_t>(fragment & kFragmentOffset),
                         .bytes = packet.bytes.rest()},
                packet, segment);
}

PacketOutcome PacketDecoder::Ipv6(PacketReader packet, TcpSegment* segment) {
  IpLayer ip;
  uint32_t version_class_flow;
  uint16_t payload;
  uint8_t next;
  ByteReader& bytes = packet.bytes;
  if (!bytes.ReadU32(&version_class_flow) || !bytes.ReadU16(&payload) || !bytes.ReadU8(&next) || !bytes.Skip(1) ||
      !ReadIpv6Address(&bytes, &ip.source) || !ReadIpv6Address(&bytes, &ip.destination)) {
    return Short(packet);
  }
  if (version_class_flow >> 28 != 6) return PacketOutcome::kMalformed;
  if (payload != 0) packet.SetLength(payload);  // 0: a jumbogram, or one that the card cuts later
  return Transport(ip, next, packet, segment);
}

// From the protocol number of an IP header on: extension headers, then TCP, a tunnel, or neither.
PacketOutcome PacketDecoder::Transport(const IpLayer& ip, uint8_t protocol, PacketReader packet, TcpSegment* segment) {
  constexpr uint16_t kMoreFragments = 1;
  uint16_t type;
  for (int i = 0; i < kMaxExtensionHeaders; ++i) {
    uint8_t next, length;
    switch (protocol) {
      case kTcp:
        segment->source.ip = ip.source;
        segment->destination.ip = ip.destination;
        return ReadTcp(packet, segment);
      case kUdp:
        return Udp(packet, segment);
      case kGre:
        if (!ReadGre(&packet, &type) || !ReadTags(&packet, &type)) return Short(packet);
        return Network(type, packet, segment);
      case kIpv4InIp:
        return Network(ether_type::kIpv4, packet, segment);
      case kIpv6InIp:
        return Network(ether_type::kIpv6, packet, segment);
      case kIpv6Fragment: {
        uint16_t offset_and_more;
        uint32_t id;
        if (!packet.bytes.ReadU8(&next) || !packet.bytes.Skip(1) || !packet.bytes.ReadU16(&offset_and_more) ||
            !packet.bytes.ReadU32(&id)) {
          return Short(packet);
        }
        protocol = next;
        if ((offset_and_more & ~6) == 0) break;  // the whole datagram (RFC 6946)
        return Rejoin(ip,
                      Fragment{.source = ip.source,
                               .destination = ip.destination,
                               .id = id,
                               .protocol = next,
                               .ipv6 = true,
                               .more = (offset_and_more & kMoreFragments) != 0,
                               .offset_unit = static_cast<uint16_t>(offset_and_more >> 3),
                               .bytes = packet.bytes.rest()},
                      packet, segment);
      }
      case kHopByHop:
      case kRouting:
      case kDestinationOptions:
      case kMobility:
      case kHip:
      case kShim6:
      case kAuthentication: {
        if (!packet.bytes.ReadU8(&next) || !packet.bytes.ReadU8(&length)) return Short(packet);
        // Units of eight bytes beyond the first, but of four beyond the first two (RFC 4302, section 2.2).
        const size_t rest = protocol == kAuthentication ? 4u * (length + 2u) - 2 : 8u * (length + 1u) - 2;
        if (!packet.bytes.Skip(rest)) return Short(packet);
        protocol = next;
        break;
      }
      default:
        return PacketOutcome::kNotTcp;
    }
  }
  return PacketOutcome::kTooDeep;
}

PacketOutcome PacketDecoder::Udp(PacketReader packet, TcpSegment* segment) {
  uint16_t destination_port, type;
  if (!packet.bytes.Skip(2) || !packet.bytes.ReadU16(&destination_port)) return Short(packet);
  const UdpTunnel tunnel = UdpTunnelOf(destination_port);
  if (tunnel == UdpTunnel::kNone) return PacketOutcome::kNotTcp;
  // The ports are no more than a hint: what does not look like the tunnel is another program's UDP.
  if (!packet.bytes.Skip(4) || !ReadUdpTunnel(tunnel, &packet, &type) || !ReadTags(&packet, &type)) {
    return packet.missing > 0 ? PacketOutcome::kTruncated : PacketOutcome::kNotTcp;
  }
  return Network(type, packet, segment);
}

PacketOutcome PacketDecoder::Rejoin(const IpLayer& ip, Fragment fragment, const PacketReader& packet, TcpSegment* segment) {
  if (packet.missing > 0) return PacketOutcome::kFragmentLost;
  if (++ip_layers_ > kMaxIpLayers) return PacketOutcome::kTooDeep;  // fragments of fragments
  Datagram whole;
  switch (fragments_.Add(time_ns_, fragment, &whole)) {
    case FragmentBuffer::Outcome::kWaiting:
      return PacketOutcome::kFragment;
    case FragmentBuffer::Outcome::kRefused:
      return PacketOutcome::kFragmentLost;
    case FragmentBuffer::Outcome::kComplete:
      break;
  }
  // `fragment` may lie in the datagram that was joined before, one layer further out: nothing reads that one any more.
  joined_ = std::move(whole);
  return Transport(ip, joined_.protocol, PacketReader{ByteReader(joined_.bytes), 0}, segment);
}

}  // namespace tlsmeter::agent
