#include "src/capture/gnutls_numbers.h"

#include <gnutls/gnutls.h>
#include <gtest/gtest.h>

#include <map>

namespace tlsmeter::agent {
namespace {

TEST(GnuTlsNumbers, VersionsAreThoseOfTheWire) {
  const std::map<uint32_t, uint16_t> wire = {{GNUTLS_SSL3, 0x0300},   {GNUTLS_TLS1_0, 0x0301}, {GNUTLS_TLS1_1, 0x0302},
                                             {GNUTLS_TLS1_2, 0x0303}, {GNUTLS_TLS1_3, 0x0304}, {GNUTLS_DTLS1_0, 0xfeff},
                                             {GNUTLS_DTLS1_2, 0xfefd}};
  for (uint32_t protocol = 0; protocol < 300; ++protocol) {
    const auto known = wire.find(protocol);
    EXPECT_EQ(VersionOfGnuTls(protocol), known == wire.end() ? 0 : known->second) << protocol;
  }
}

// IANA "TLS Supported Groups".
TEST(GnuTlsNumbers, GroupsAreThoseOfTheWire) {
  const std::map<uint32_t, uint16_t> wire = {
      {GNUTLS_GROUP_SECP192R1, 19},  {GNUTLS_GROUP_SECP224R1, 21},  {GNUTLS_GROUP_SECP256R1, 23},
      {GNUTLS_GROUP_SECP384R1, 24},  {GNUTLS_GROUP_SECP521R1, 25},  {GNUTLS_GROUP_X25519, 29},
      {GNUTLS_GROUP_X448, 30},       {GNUTLS_GROUP_FFDHE2048, 256}, {GNUTLS_GROUP_FFDHE3072, 257},
      {GNUTLS_GROUP_FFDHE4096, 258}, {GNUTLS_GROUP_FFDHE6144, 259}, {GNUTLS_GROUP_FFDHE8192, 260}};
  for (uint32_t group = 0; group < 300; ++group) {
    const auto known = wire.find(group);
    EXPECT_EQ(GroupOfGnuTls(group), known == wire.end() ? 0 : known->second) << group;
  }
}

}  // namespace
}  // namespace tlsmeter::agent
