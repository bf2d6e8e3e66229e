// Packets for tests, from the inside out: Ethernet(0x0800, Ipv4("10.0.0.1", "10.0.0.2", kTcp, Tcp({...}))).
#ifndef TLSMETER_TESTS_CAPTURE_PACKET_BUILDER_H_
#define TLSMETER_TESTS_CAPTURE_PACKET_BUILDER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tlsmeter::agent::testing {

using Bytes = std::vector<uint8_t>;

inline constexpr uint8_t kTcp = 6, kUdp = 17, kGre = 47, kIpv4InIp = 4, kIpv6InIp = 41;

// Join returns the parts behind one another.
Bytes Join(std::initializer_list<Bytes> parts);
Bytes Text(std::string_view text);
Bytes U16(uint16_t value);
Bytes U32(uint32_t value);

struct TcpFields {
  uint16_t source_port = 40000;
  uint16_t destination_port = 443;
  uint32_t seq = 1;
  uint32_t ack = 0;
  uint8_t flags = 0x10;
  size_t option_bytes = 0;  // a multiple of four
};
Bytes Tcp(const TcpFields& fields, const Bytes& payload);
Bytes Udp(uint16_t destination_port, const Bytes& payload);

// Addresses in text form. `fragment` is the field with flags and offset of IPv4.
Bytes Ipv4(const char* source, const char* destination, uint8_t protocol, const Bytes& payload, uint16_t id = 0,
           uint16_t fragment = 0);
Bytes Ipv6(const char* source, const char* destination, uint8_t next, const Bytes& payload);

Bytes Ethernet(uint16_t type, const Bytes& payload);

}  // namespace tlsmeter::agent::testing

#endif  // TLSMETER_TESTS_CAPTURE_PACKET_BUILDER_H_
