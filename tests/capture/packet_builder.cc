#include "tests/capture/packet_builder.h"

#include <arpa/inet.h>

#include <cassert>

namespace tlsmeter::agent::testing {
namespace {

Bytes Address(int family, const char* text) {
  Bytes bytes(family == AF_INET ? 4 : 16);
  [[maybe_unused]] const int converted = inet_pton(family, text, bytes.data());
  assert(converted == 1);
  return bytes;
}

}  // namespace

Bytes Join(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes Text(std::string_view text) { return Bytes(text.begin(), text.end()); }
Bytes U16(uint16_t value) { return {static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)}; }
Bytes U32(uint32_t value) { return Join({U16(static_cast<uint16_t>(value >> 16)), U16(static_cast<uint16_t>(value))}); }

Bytes Tcp(const TcpFields& f, const Bytes& payload) {
  const auto offset = static_cast<uint8_t>((20 + f.option_bytes) / 4 << 4);
  return Join({U16(f.source_port),
               U16(f.destination_port),
               U32(f.seq),
               U32(f.ack),
               {offset, f.flags},
               U16(65535),
               U16(0),
               U16(0),
               Bytes(f.option_bytes, 1),
               payload});
}

Bytes Udp(uint16_t destination_port, const Bytes& payload) {
  return Join({U16(50000), U16(destination_port), U16(static_cast<uint16_t>(8 + payload.size())), U16(0), payload});
}

Bytes Ipv4(const char* source, const char* destination, uint8_t protocol, const Bytes& payload, uint16_t id,
           uint16_t fragment) {
  return Join({{0x45, 0},
               U16(static_cast<uint16_t>(20 + payload.size())),
               U16(id),
               U16(fragment),
               {64, protocol},
               U16(0),
               Address(AF_INET, source),
               Address(AF_INET, destination),
               payload});
}

Bytes Ipv6(const char* source, const char* destination, uint8_t next, const Bytes& payload) {
  return Join({U32(6u << 28),
               U16(static_cast<uint16_t>(payload.size())),
               {next, 64},
               Address(AF_INET6, source),
               Address(AF_INET6, destination),
               payload});
}

Bytes Ethernet(uint16_t type, const Bytes& payload) { return Join({Bytes(12, 2), U16(type), payload}); }

}  // namespace tlsmeter::agent::testing
