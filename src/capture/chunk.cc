#include "src/capture/chunk.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>
#include <iterator>

namespace tlsmeter::agent {
namespace {

constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::array<uint8_t, 16> MappedIpv4(std::span<const uint8_t, 4> ip) {
  std::array<uint8_t, 16> mapped;
  std::memcpy(mapped.data(), kMappedPrefix, sizeof(kMappedPrefix));
  std::memcpy(mapped.data() + sizeof(kMappedPrefix), ip.data(), ip.size());
  return mapped;
}

bool IsIpv4(const SocketAddress& address) {
  return std::memcmp(address.ip.data(), kMappedPrefix, sizeof(kMappedPrefix)) == 0;
}

std::string AddressText(const SocketAddress& address) {
  char text[INET6_ADDRSTRLEN];
  if (IsIpv4(address)) {
    char* end = text;
    for (size_t i = sizeof(kMappedPrefix); i < address.ip.size(); ++i) {
      if (end != text) *end++ = '.';
      end = std::to_chars(end, std::end(text), address.ip[i]).ptr;
    }
    return {text, end};
  }
  return inet_ntop(AF_INET6, address.ip.data(), text, sizeof(text));
}

}  // namespace tlsmeter::agent
