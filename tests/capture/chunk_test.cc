#include "src/capture/chunk.h"

#include <gtest/gtest.h>

namespace tlsmeter::agent {
namespace {

TEST(AddressText, WritesMappedAddressesAsIpv4) {
  SocketAddress address;
  address.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7};
  EXPECT_TRUE(IsIpv4(address));
  EXPECT_EQ(AddressText(address), "192.0.2.7");
}

TEST(AddressText, WritesIpv6InItsShortestForm) {
  SocketAddress address;
  address.ip = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_FALSE(IsIpv4(address));
  EXPECT_EQ(AddressText(address), "2001:db8::1");
}

}  // namespace
}  // namespace tlsmeter::agent
