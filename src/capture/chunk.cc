#include "src/capture/chunk.h"

#include <arpa/inet.h>

#include <cstring>

namespace tlsmeter::agent {
namespace {

constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291, section 2.5.5.2

}  // namespace

bool IsIpv4(const SocketAddress& address) {
  return std::memcmp(address.ip.data(), kMappedPrefix, sizeof(kMappedPrefix)) == 0;
}

std::string AddressText(const SocketAddress& address) {
  char text[INET6_ADDRSTRLEN];
  if (IsIpv4(address)) return inet_ntop(AF_INET, address.ip.data() + sizeof(kMappedPrefix), text, sizeof(text));
  return inet_ntop(AF_INET6, address.ip.data(), text, sizeof(text));
}

}  // namespace tlsmeter::agent
