#include "src/capture/packet_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/capture/packet_builder.h"

namespace tlsmeter::agent {
namespace {

using namespace testing;

constexpr uint16_t kIp4 = 0x0800, kIp6 = 0x86dd;
constexpr uint64_t kNow = 1'800'000'000'000'000'000;

Bytes TcpOver4(const Bytes& payload = Text("hello")) { return Ipv4("10.0.0.1", "10.0.0.2", kTcp, Tcp({}, payload)); }
Bytes TcpOver6(const Bytes& payload = Text("hello")) { return Ipv6("2001:db8::1", "2001:db8::2", kTcp, Tcp({}, payload)); }

class PacketDecoderTest : public ::testing::Test {
 protected:
  PacketOutcome Decode(LinkType link, const Bytes& packet, size_t cut = 0) {
    captured_.assign(packet.begin(), packet.end() - static_cast<ptrdiff_t>(cut));  // exact size: ASan sees a read past it
    segment_ = {};
    return decoder_.Decode(link, now_, captured_, packet.size(), &segment_);
  }
  PacketOutcome Decode(const Bytes& ip_packet) { return Decode(LinkType::kRawIp, ip_packet); }

  std::string Payload() const { return std::string(segment_.payload.begin(), segment_.payload.end()); }

  // The packet is a segment from .1 to .2 that says hello.
  void ExpectHello(LinkType link, const Bytes& packet) {
    ASSERT_EQ(Decode(link, packet), PacketOutcome::kSegment);
    EXPECT_EQ(Payload(), "hello");
    EXPECT_EQ(segment_.length, 5u);
    const bool ipv4 = IsIpv4(segment_.source);
    EXPECT_EQ(AddressText(segment_.source), ipv4 ? "10.0.0.1" : "2001:db8::1");
    EXPECT_EQ(AddressText(segment_.destination), ipv4 ? "10.0.0.2" : "2001:db8::2");
    EXPECT_EQ(segment_.source.port, 40000);
    EXPECT_EQ(segment_.destination.port, 443);
  }

  PacketDecoder decoder_;
  Bytes captured_;
  TcpSegment segment_;
  uint64_t now_ = kNow;
};

TEST_F(PacketDecoderTest, ReadsAllFieldsOfTcp) {
  const TcpFields fields{
      .source_port = 1, .destination_port = 65535, .seq = 0xfffffff0, .ack = 77, .flags = 0x12, .option_bytes = 12};
  ASSERT_EQ(Decode(Ipv4("192.0.2.1", "192.0.2.2", kTcp, Tcp(fields, Text("x")))), PacketOutcome::kSegment);
  EXPECT_EQ(segment_.source.port, 1);
  EXPECT_EQ(segment_.destination.port, 65535);
  EXPECT_EQ(segment_.seq, 0xfffffff0);
  EXPECT_EQ(segment_.ack, 77u);
  EXPECT_EQ(segment_.flags, tcp_flag::kSyn | tcp_flag::kAck);
  EXPECT_EQ(Payload(), "x");
}

TEST_F(PacketDecoderTest, ReadsEachLinkLayer) {
  for (const auto& [type, ip] : {std::pair(kIp4, TcpOver4()), std::pair(kIp6, TcpOver6())}) {
    const uint8_t ppp = type == kIp4 ? 0x21 : 0x57;
    const Bytes session = Join({{0x11, 0}, U16(7), U16(static_cast<uint16_t>(ip.size() + 2)), {0, ppp}, ip});
    ExpectHello(LinkType::kEthernet, Ethernet(type, ip));
    ExpectHello(LinkType::kLinuxCooked, Join({Bytes(14, 0), U16(type), ip}));
    ExpectHello(LinkType::kLinuxCooked2, Join({U16(type), Bytes(18, 0), ip}));
    ExpectHello(LinkType::kRawIp, ip);
    ExpectHello(LinkType::kPpp, Join({{0, ppp}, ip}));
    ExpectHello(LinkType::kPpp, Join({{ppp}, ip}));
    ExpectHello(LinkType::kPpp, Join({{0xff, 0x03, 0, ppp}, ip}));
    ExpectHello(LinkType::kPppoe, session);
    ExpectHello(LinkType::kEthernet, Ethernet(0x8864, session));
  }
}

TEST_F(PacketDecoderTest, ReadsTheNullLinkLayerOfEverySystemInBothByteOrders) {
  ExpectHello(LinkType::kNull, Join({{0, 0, 0, 2}, TcpOver4()}));
  ExpectHello(LinkType::kNull, Join({{2, 0, 0, 0}, TcpOver4()}));
  for (const uint8_t family : {10, 24, 28, 30}) {
    ExpectHello(LinkType::kNull, Join({{0, 0, 0, family}, TcpOver6()}));
    ExpectHello(LinkType::kNull, Join({{family, 0, 0, 0}, TcpOver6()}));
  }
  EXPECT_EQ(Decode(LinkType::kNull, Join({{0, 0, 0, 99}, TcpOver4()})), PacketOutcome::kNotIp);
}

TEST_F(PacketDecoderTest, PassesOverStacksOfTags) {
  ExpectHello(LinkType::kEthernet, Ethernet(0x8100, Join({U16(5), U16(kIp4), TcpOver4()})));
  ExpectHello(LinkType::kEthernet, Ethernet(0x88a8, Join({U16(5), U16(0x8100), U16(6), U16(kIp6), TcpOver6()})));
  ExpectHello(LinkType::kEthernet, Ethernet(0x9100, Join({U16(5), U16(0x8100), U16(6), U16(kIp4), TcpOver4()})));
  ExpectHello(LinkType::kLinuxCooked, Join({Bytes(14, 0), U16(0x8100), U16(5), U16(kIp4), TcpOver4()}));
  ExpectHello(LinkType::kEthernet, Ethernet(0x8847, Join({U32(0x00010040), U32(0x00020140), TcpOver4()})));
  ExpectHello(LinkType::kEthernet, Ethernet(0x8848, Join({U32(0x00020140), TcpOver6()})));
  // A pseudowire: control word, then Ethernet.
  ExpectHello(LinkType::kEthernet, Ethernet(0x8847, Join({U32(0x00020140), U32(0), Ethernet(kIp4, TcpOver4())})));
  ExpectHello(LinkType::kEthernet, Ethernet(static_cast<uint16_t>(8 + TcpOver4().size()),
                                            Join({{0xaa, 0xaa, 3, 0, 0, 0}, U16(kIp4), TcpOver4()})));
}

TEST_F(PacketDecoderTest, GivesUpOnEndlessTags) {
  Bytes packet = TcpOver4();
  for (int i = 0; i <= kMaxTags; ++i) packet = Join({U16(5), U16(i == 0 ? kIp4 : 0x8100), packet});
  EXPECT_EQ(Decode(LinkType::kEthernet, Ethernet(0x8100, packet)), PacketOutcome::kMalformed);
}

TEST_F(PacketDecoderTest, SaysWhatIsNoTcp) {
  EXPECT_EQ(Decode(LinkType::kEthernet, Ethernet(0x0806, Bytes(28, 0))), PacketOutcome::kNotIp);     // ARP
  EXPECT_EQ(Decode(LinkType::kEthernet, Ethernet(0x0026, Bytes(46, 0x42))), PacketOutcome::kNotIp);  // spanning tree
  EXPECT_EQ(Decode(Ipv4("10.0.0.1", "10.0.0.2", 1, Bytes(8, 0))), PacketOutcome::kNotTcp);           // ICMP
  EXPECT_EQ(Decode(Ipv4("10.0.0.1", "10.0.0.2", kUdp, Udp(53, Bytes(30, 0)))), PacketOutcome::kNotTcp);
  EXPECT_EQ(Decode(Ipv6("2001:db8::1", "2001:db8::2", 59, {})), PacketOutcome::kNotTcp);  // no next header
}

TEST_F(PacketDecoderTest, EthernetPaddingIsNoPayload) {
  const Bytes padded = Ethernet(kIp4, Join({TcpOver4({}), Bytes(6, 0)}));
  ASSERT_EQ(Decode(LinkType::kEthernet, padded), PacketOutcome::kSegment);
  EXPECT_EQ(segment_.length, 0u);
  EXPECT_EQ(Payload(), "");
}

TEST_F(PacketDecoderTest, IpLengthZeroReachesToTheEnd) {
  Bytes tso4 = TcpOver4(), tso6 = TcpOver6();
  tso4[2] = tso4[3] = 0;
  tso6[4] = tso6[5] = 0;
  ExpectHello(LinkType::kRawIp, tso4);
  ExpectHello(LinkType::kRawIp, tso6);
}

TEST_F(PacketDecoderTest, UsesWhatTheSnapshotLengthLeft) {
  ASSERT_EQ(Decode(LinkType::kRawIp, TcpOver4(), 3), PacketOutcome::kSegment);
  EXPECT_EQ(Payload(), "he");
  EXPECT_EQ(segment_.length, 5u);
  // The same of a tool that forgets the true length when it cuts.
  Bytes cut = TcpOver4();
  cut.resize(cut.size() - 3);
  ASSERT_EQ(Decode(cut), PacketOutcome::kSegment);
  EXPECT_EQ(Payload(), "he");
  EXPECT_EQ(segment_.length, 5u);
}

TEST_F(PacketDecoderTest, CutInTheTcpOptionsLeavesNoPayload) {
  const Bytes packet = Ipv4("10.0.0.1", "10.0.0.2", kTcp, Tcp({.option_bytes = 12}, Text("hello")));
  ASSERT_EQ(Decode(LinkType::kRawIp, packet, 10), PacketOutcome::kSegment);
  EXPECT_EQ(Payload(), "");
  EXPECT_EQ(segment_.length, 5u);
}

TEST_F(PacketDecoderTest, EveryCutInsideTheHeadersIsTruncated) {
  const Bytes payload = Text("hello");
  const Bytes vxlan = Join({U32(0x08000000), U32(7), Ethernet(0x8100, Join({U16(1), U16(kIp6), TcpOver6()}))});
  const std::vector<std::pair<LinkType, Bytes>> packets = {
      {LinkType::kEthernet, Ethernet(kIp4, TcpOver4())},
      {LinkType::kEthernet, Ethernet(kIp6, TcpOver6())},
      {LinkType::kLinuxCooked, Join({Bytes(14, 0), U16(kIp4), TcpOver4()})},
      {LinkType::kLinuxCooked2, Join({U16(kIp4), Bytes(18, 0), TcpOver4()})},
      {LinkType::kNull, Join({{2, 0, 0, 0}, TcpOver4()})},
      {LinkType::kPpp, Join({{0xff, 3, 0, 0x21}, TcpOver4()})},
      {LinkType::kEthernet, Ethernet(0x8847, Join({U32(0x00020140), U32(0), Ethernet(kIp4, TcpOver4())}))},
      {LinkType::kEthernet, Ethernet(kIp4, Ipv4("192.0.2.1", "192.0.2.2", kUdp, Udp(4789, vxlan)))},
  };
  for (const auto& [link, packet] : packets) {
    for (size_t cut = 1; cut <= packet.size(); ++cut) {
      const PacketOutcome outcome = Decode(link, packet, cut);
      if (cut <= payload.size()) {
        EXPECT_EQ(outcome, PacketOutcome::kSegment) << cut;
        EXPECT_EQ(Payload(), std::string(payload.begin(), payload.end() - static_cast<ptrdiff_t>(cut)));
      } else {
        EXPECT_EQ(outcome, PacketOutcome::kTruncated) << static_cast<int>(link) << " " << cut;
      }
    }
  }
}

TEST_F(PacketDecoderTest, HeadersThatContradictThemselvesAreMalformed) {
  Bytes header_too_short = TcpOver4(), total_below_header = TcpOver4(), version = TcpOver4(), data_offset = TcpOver4(),
        offset_past_end = TcpOver4();
  header_too_short[0] = 0x44;
  total_below_header[3] = 19;
  version[0] = 0x65;
  data_offset[20 + 12] = 0x40;
  offset_past_end[20 + 12] = 0xf0;
  for (const Bytes& packet : {header_too_short, total_below_header, data_offset, offset_past_end}) {
    EXPECT_EQ(Decode(LinkType::kEthernet, Ethernet(kIp4, packet)), PacketOutcome::kMalformed);
  }
  EXPECT_EQ(Decode(LinkType::kEthernet, Ethernet(kIp4, version)), PacketOutcome::kMalformed);
  EXPECT_EQ(Decode(LinkType::kEthernet, Ethernet(kIp6, TcpOver4())), PacketOutcome::kMalformed);
  EXPECT_EQ(Decode(LinkType::kEthernet, Ethernet(kIp4, {0x45, 0})), PacketOutcome::kMalformed);
}

TEST_F(PacketDecoderTest, PassesOverExtensionHeaders) {
  const Bytes tcp = Tcp({}, Text("hello"));
  const Bytes authentication = Join({{kTcp, 4}, Bytes(22, 0), tcp});    // 24 bytes: (4 + 2) * 4
  const Bytes options = Join({{51, 1}, Bytes(14, 0), authentication});  // 16 bytes
  const Bytes routing = Join({{60, 0}, Bytes(6, 0), options});
  const Bytes atomic_fragment = Join({{43, 0}, U16(0), U32(9), routing});  // RFC 6946
  const Bytes hop_by_hop = Join({{44, 0}, Bytes(6, 0), atomic_fragment});
  ExpectHello(LinkType::kRawIp, Ipv6("2001:db8::1", "2001:db8::2", 0, hop_by_hop));
}

TEST_F(PacketDecoderTest, GivesUpOnEndlessExtensionHeaders) {
  Bytes payload = Tcp({}, {});
  for (int i = 0; i <= kMaxExtensionHeaders; ++i)
    payload = Join({{static_cast<uint8_t>(i == 0 ? kTcp : 60), 0}, Bytes(6, 0), payload});
  EXPECT_EQ(Decode(Ipv6("2001:db8::1", "2001:db8::2", 60, payload)), PacketOutcome::kTooDeep);
}

TEST_F(PacketDecoderTest, TakesTheInnermostAddressesOfTunnels) {
  const Bytes in4 = TcpOver4(), in6 = TcpOver6();
  const auto outer4 = [](uint8_t protocol, const Bytes& payload) {
    return Ipv4("192.0.2.1", "192.0.2.2", protocol, payload);
  };
  const auto outer6 = [](uint8_t next, const Bytes& payload) {
    return Ipv6("2001:db8:9::1", "2001:db8:9::2", next, payload);
  };
  ExpectHello(LinkType::kRawIp, outer4(kIpv4InIp, in4));
  ExpectHello(LinkType::kRawIp, outer4(kIpv6InIp, in6));
  ExpectHello(LinkType::kRawIp, outer6(kIpv4InIp, in4));
  ExpectHello(LinkType::kRawIp, outer6(kIpv6InIp, in6));

  ExpectHello(LinkType::kRawIp, outer4(kGre, Join({U16(0), U16(kIp4), in4})));
  ExpectHello(LinkType::kRawIp, outer6(kGre, Join({U16(0xb000), U16(kIp6), U32(1), U32(2), U32(3), in6})));
  ExpectHello(LinkType::kRawIp, outer4(kGre, Join({U16(0), U16(0x6558), Ethernet(kIp4, in4)})));
  // Version 1, of PPTP: key, sequence and acknowledgement, then PPP.
  ExpectHello(LinkType::kRawIp,
              outer4(kGre, Join({U16(0x3081), U16(0x880b), U32(1), U32(2), U32(3), {0xff, 3, 0, 0x21}, in4})));

  for (const uint16_t port : {4789, 8472}) {
    ExpectHello(LinkType::kRawIp, outer4(kUdp, Udp(port, Join({U32(0x08000000), U32(7), Ethernet(kIp4, in4)}))));
  }
  ExpectHello(LinkType::kRawIp,
              outer6(kUdp, Udp(6081, Join({{2, 0}, U16(0x6558), U32(7), Bytes(8, 0), Ethernet(kIp6, in6)}))));
  const auto gtp_length = [](size_t length) { return U16(static_cast<uint16_t>(length)); };
  ExpectHello(LinkType::kRawIp, outer4(kUdp, Udp(2152, Join({{0x30, 255}, gtp_length(in4.size()), U32(9), in4}))));
  ExpectHello(
      LinkType::kRawIp,
      outer4(kUdp, Udp(2152, Join({{0x34, 255}, gtp_length(in6.size() + 8), U32(9), {0, 0, 0, 0x85}, {1, 0, 0, 0}, in6}))));
}

TEST_F(PacketDecoderTest, WhatOnlyUsesTheUdpPortOfATunnelIsNotTcp) {
  for (const uint16_t port : {4789, 6081, 2152}) {
    EXPECT_EQ(Decode(Ipv4("192.0.2.1", "192.0.2.2", kUdp, Udp(port, Bytes(40, 0xf0)))), PacketOutcome::kNotTcp) << port;
    EXPECT_EQ(Decode(Ipv4("192.0.2.1", "192.0.2.2", kUdp, Udp(port, {}))), PacketOutcome::kNotTcp) << port;
  }
}

TEST_F(PacketDecoderTest, GivesUpOnNestingThatNoNetworkHas) {
  Bytes packet = TcpOver4();
  for (int i = 1; i < kMaxIpLayers; ++i) packet = Ipv4("192.0.2.1", "192.0.2.2", kIpv4InIp, packet);
  ExpectHello(LinkType::kRawIp, packet);
  EXPECT_EQ(Decode(Ipv4("192.0.2.1", "192.0.2.2", kIpv4InIp, packet)), PacketOutcome::kTooDeep);
}

TEST_F(PacketDecoderTest, JoinsFragmentsOfIpv4) {
  const Bytes tcp = Tcp({}, Text("hello"));
  const auto piece = [&](size_t begin, size_t end, bool more, uint16_t id = 1) {
    const auto field = static_cast<uint16_t>((more ? 0x2000 : 0) | begin / 8);
    return Ipv4("10.0.0.1", "10.0.0.2", kTcp,
                Bytes(tcp.begin() + static_cast<ptrdiff_t>(begin), tcp.begin() + static_cast<ptrdiff_t>(end)), id, field);
  };
  EXPECT_EQ(Decode(piece(16, tcp.size(), false)), PacketOutcome::kFragment);
  EXPECT_EQ(Decode(piece(0, 8, true, 2)), PacketOutcome::kFragment);  // another datagram
  EXPECT_EQ(Decode(LinkType::kEthernet, Ethernet(kIp4, piece(0, 8, true))), PacketOutcome::kFragment);
  ExpectHello(LinkType::kEthernet, Ethernet(kIp4, piece(8, 16, true)));
}

TEST_F(PacketDecoderTest, JoinsFragmentsOfIpv6InsideATunnel) {
  const Bytes tcp = Tcp({}, Text("hello"));
  const auto piece = [&](size_t begin, size_t end, bool more) {
    const Bytes part(tcp.begin() + static_cast<ptrdiff_t>(begin), tcp.begin() + static_cast<ptrdiff_t>(end));
    const Bytes inner = Ipv6("2001:db8::1", "2001:db8::2", 44,
                             Join({{kTcp, 0}, U16(static_cast<uint16_t>(begin | (more ? 1 : 0))), U32(77), part}));
    return Ipv4("192.0.2.1", "192.0.2.2", kIpv6InIp, inner);
  };
  EXPECT_EQ(Decode(piece(0, 16, true)), PacketOutcome::kFragment);
  ExpectHello(LinkType::kRawIp, piece(16, tcp.size(), false));
}

TEST_F(PacketDecoderTest, JoinsFragmentsOfFragments) {
  const Bytes tcp = Tcp({}, Text("hello"));
  const Bytes first = Ipv4("10.0.0.1", "10.0.0.2", kTcp, Bytes(tcp.begin(), tcp.begin() + 16), 1, 0x2000);
  const Bytes second = Ipv4("10.0.0.1", "10.0.0.2", kTcp, Bytes(tcp.begin() + 16, tcp.end()), 1, 2);
  EXPECT_EQ(Decode(first), PacketOutcome::kFragment);
  const Bytes head(second.begin(), second.begin() + 24), tail(second.begin() + 24, second.end());
  EXPECT_EQ(Decode(Ipv4("192.0.2.1", "192.0.2.2", kIpv4InIp, head, 5, 0x2000)), PacketOutcome::kFragment);
  ExpectHello(LinkType::kRawIp, Ipv4("192.0.2.1", "192.0.2.2", kIpv4InIp, tail, 5, 3));
}

TEST_F(PacketDecoderTest, AFragmentThatWasCutIsLost) {
  EXPECT_EQ(Decode(LinkType::kRawIp, Ipv4("10.0.0.1", "10.0.0.2", kTcp, Bytes(64, 0), 1, 0x2000), 1),
            PacketOutcome::kFragmentLost);
  EXPECT_EQ(decoder_.fragments().waiting(), 0u);
}

TEST_F(PacketDecoderTest, EveryOutcomeHasAName) {
  for (size_t i = 0; i < kPacketOutcomeCount; ++i) EXPECT_NE(PacketOutcomeName(static_cast<PacketOutcome>(i)), "");
}

}  // namespace
}  // namespace tlsmeter::agent
