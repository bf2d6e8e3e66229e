#include "tlsmeter/registry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "src/tls/cipher_suite_names.h"
#include "src/tls/registry_names.h"
#include "tlsmeter/parse_status.h"

namespace tlsmeter {
namespace {

TEST(RegistryTest, KnownNumbersHaveTheirRegisteredNames) {
  EXPECT_EQ(CipherSuite{0x1301}.Name(), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(CipherSuite{0xc02f}.Name(), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  EXPECT_EQ(CipherSuite{0xc0aa}.Name(), "TLS_PSK_DHE_WITH_AES_128_CCM_8");
  EXPECT_EQ(CipherSuite{0x0018}.Name(), "TLS_DH_anon_WITH_RC4_128_MD5");
  EXPECT_EQ(CipherSuite::kFallbackScsv.Name(), "TLS_FALLBACK_SCSV");
  EXPECT_EQ(CipherSuite::kEmptyRenegotiationInfoScsv.Name(), "TLS_EMPTY_RENEGOTIATION_INFO_SCSV");
  EXPECT_EQ(NamedGroup{29}.Name(), "x25519");
  EXPECT_EQ(NamedGroup{4588}.Name(), "X25519MLKEM768");
  EXPECT_EQ(NamedGroup{4587}.Name(), "SecP256r1MLKEM768");
  EXPECT_EQ(NamedGroup{4589}.Name(), "SecP384r1MLKEM1024");
  EXPECT_EQ(NamedGroup{513}.Name(), "MLKEM768");
  EXPECT_EQ(NamedGroup{0x6399}.Name(), "X25519Kyber768Draft00");
  EXPECT_EQ(SignatureScheme{0x0905}.Name(), "mldsa65");
  EXPECT_EQ(SignatureScheme{0x081a}.Name(), "ecdsa_brainpoolP256r1tls13_sha256");
  EXPECT_EQ(SignatureScheme{0x0708}.Name(), "sm2sig_sm3");
  EXPECT_EQ(SignatureScheme{0x0203}.Name(), "ecdsa_sha1");
  EXPECT_EQ(ExtensionType::kAlpn.Name(), "application_layer_protocol_negotiation");
  EXPECT_EQ(ExtensionType::kEncryptedClientHello.Name(), "encrypted_client_hello");
  EXPECT_EQ(AlertDescription{48}.Name(), "unknown_ca");
  EXPECT_EQ(AlertDescription{116}.Name(), "certificate_required");
  EXPECT_EQ(AlertDescription{121}.Name(), "ech_required");
  EXPECT_EQ(ContentType::kHandshake.Name(), "handshake");
  EXPECT_EQ(HandshakeType::kServerHelloDone.Name(), "server_hello_done");
}

TEST(RegistryTest, VersionsPrintAsTheProtocolNamesThem) {
  EXPECT_EQ(ProtocolVersion::kTls13.Name(), "1.3");
  EXPECT_EQ(ProtocolVersion::kTls12.Name(), "1.2");
  EXPECT_EQ(ProtocolVersion::kTls11.Name(), "1.1");
  EXPECT_EQ(ProtocolVersion::kTls10.Name(), "1.0");
  EXPECT_EQ(ProtocolVersion::kSsl3.Name(), "ssl3");
  EXPECT_EQ(ProtocolVersion::kSsl2.Name(), "ssl2");
  EXPECT_EQ(ProtocolVersion{0x7f12}.Name(), "1.3-draft18");
  EXPECT_EQ(ProtocolVersion{0x7f05}.Name(), "1.3-draft05");
  EXPECT_EQ(ProtocolVersion{0x0305}.Name(), "0x0305");
  EXPECT_TRUE(ProtocolVersion{0x7f12}.IsTls13());
  EXPECT_FALSE(ProtocolVersion::kTls12.IsTls13());
}

TEST(RegistryTest, UnknownNumbersPrintAsHex) {
  EXPECT_EQ(CipherSuite{0x13aa}.Name(), "0x13aa");
  EXPECT_TRUE(CipherSuite{0x13aa}.KnownName().empty());
  EXPECT_EQ(NamedGroup{0xffff}.Name(), "0xffff");
  EXPECT_EQ(NamedGroup{0}.Name(), "0x0000");
  EXPECT_EQ(AlertDescription{5}.Name(), "0x05");
  EXPECT_EQ(ContentType{0}.Name(), "0x00");
  EXPECT_EQ(HandshakeType{255}.Name(), "0xff");
}

TEST(RegistryTest, GreaseIsExactlyTheSixteenValuesAndHasNoName) {
  int count = 0;
  for (unsigned value = 0; value <= 0xffff; ++value) {
    if (!IsGrease(static_cast<uint16_t>(value))) continue;
    ++count;
    EXPECT_EQ(value >> 8, value & 0xff);
    EXPECT_EQ(value & 0xf, 0xau);
    EXPECT_TRUE(CipherSuite{static_cast<uint16_t>(value)}.KnownName().empty());
    EXPECT_TRUE(NamedGroup{static_cast<uint16_t>(value)}.KnownName().empty());
    EXPECT_TRUE(ExtensionType{static_cast<uint16_t>(value)}.KnownName().empty());
  }
  EXPECT_EQ(count, 16);
}

template <size_t N>
void ExpectSortedWithUniqueNames(const NamedNumber (&table)[N]) {
  EXPECT_TRUE(IsSortedAndUnique(table));
  std::set<std::string_view> names;
  for (const NamedNumber& row : table) {
    EXPECT_FALSE(row.name.empty());
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(FindName(table, row.value), row.name);
  }
}

TEST(RegistryTest, EveryTableIsSortedAndNamesEachNumberOnce) {
  ExpectSortedWithUniqueNames(kCipherSuiteNames);
  ExpectSortedWithUniqueNames(kProtocolVersionNames);
  ExpectSortedWithUniqueNames(kNamedGroupNames);
  ExpectSortedWithUniqueNames(kSignatureSchemeNames);
  ExpectSortedWithUniqueNames(kExtensionTypeNames);
  ExpectSortedWithUniqueNames(kAlertDescriptionNames);
  ExpectSortedWithUniqueNames(kContentTypeNames);
  ExpectSortedWithUniqueNames(kHandshakeTypeNames);
}

TEST(RegistryTest, Tls13SuitesFixTheLengthOfFinishedAndAlert) {
  EXPECT_EQ(CipherSuite{0x1301}.Lengths13()->FinishedRecord(), 53);
  EXPECT_EQ(CipherSuite{0x1302}.Lengths13()->FinishedRecord(), 69);
  EXPECT_EQ(CipherSuite{0x1303}.Lengths13()->FinishedRecord(), 53);
  EXPECT_EQ(CipherSuite{0x1304}.Lengths13()->FinishedRecord(), 53);
  EXPECT_EQ(CipherSuite{0x1305}.Lengths13()->FinishedRecord(), 45);
  EXPECT_EQ(CipherSuite{0x1301}.Lengths13()->AlertRecord(), 19);
  EXPECT_EQ(CipherSuite{0x1305}.Lengths13()->AlertRecord(), 11);
  EXPECT_EQ(CipherSuite{0x1302}.Lengths13()->EndOfEarlyDataRecord(), 21);
  EXPECT_FALSE(CipherSuite{0xc02f}.Lengths13().has_value());
  EXPECT_FALSE(CipherSuite{0x13ff}.Lengths13().has_value());
}

TEST(ParseStatusTest, EveryStatusHasItsOwnLabel) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(ParseStatus::kNotTls); ++i) {
    const std::string_view name = ParseStatusName(static_cast<ParseStatus>(i));
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_TRUE(std::all_of(name.begin(), name.end(), [](char c) { return c == '_' || (c >= 'a' && c <= 'z'); })) << name;
  }
  EXPECT_EQ(ParseStatusName(ParseStatus::kNeedMore), "need_more");
}

}  // namespace
}  // namespace tlsmeter
