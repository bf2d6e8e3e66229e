// ClientHellos as clients of this decade sent them, first record whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/message_builder.h"
#include "tlsmeter/handshake.h"

namespace tlsmeter {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::Flow;
using testing::FromHex;
using ::testing::IsEmpty;

// openssl s_client 3.0, -servername www.example.com -alpn h2,http/1.1
constexpr char kOpenssl[] =
    "160301014e0100014a03037a44c6a6e4db569e0c9754adff5531be23cccfd03f18f8f701168d636e44ef2d201a00d9011e6029204f04220b"
    "eded15ee52e4f440ad22cbeb352bfc7cb00c4234003e130213031301c02cc030009fcca9cca8ccaac02bc02f009ec024c028006bc023c027"
    "0067c00ac0140039c009c0130033009d009c003d003c0035002f00ff010000c300000014001200000f7777772e6578616d706c652e636f6d"
    "000b000403000102000a00160014001d0017001e0019001801000101010201030104002300000010000e000c02683208687474702f312e31"
    "0016000000170000000d002a0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602002b"
    "0009080304030303020301002d00020101003300260024001d0020469d3e15513366c60ecdce378041b32719c750a32d489f89bbc7a6a800"
    "a3352e";

// openssl s_client 3.0, -tls1_2 -status -servername old.example.org
constexpr char kOpenssl12[] =
    "16030100d8010000d40303eb003625812c0836f1138f93a8a50338bc79aaada759793e067210d17fa0a001000038c02cc030009fcca9cca8"
    "ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c0035002f00ff01000073000000140012"
    "00000f6f6c642e6578616d706c652e6f7267000b000403000102000a000c000a001d0017001e001900180023000000050005010000000000"
    "16000000170000000d002a0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602";

// Node.js tls.connect, servername node.example, ALPN http/1.1
constexpr char kNode[] =
    "160301017c01000178030346bb89b9b772ce851fb6e5cd05d8a878e70b6637472954fad417c3c7a89151d02000857aa2d9b98b0849479457"
    "2e5c9716bc8e8bdf4e2063804d23d099e650a2df0076130213031301c02fc02bc030c02c009ec0270067c028006b00a3009fcca9cca8ccaa"
    "c0afc0adc0a3c09fc05dc061c057c05300a2c0aec0acc0a2c09ec05cc060c056c052c024006ac0230040c00ac01400390038c009c0130033"
    "0032009dc0a1c09dc051009cc0a0c09cc050003d003c0035002f00ff010000b900000011000f00000c6e6f64652e6578616d706c65000b00"
    "0403000102000a00160014001d0017001e0019001801000101010201030104002300000010000b000908687474702f312e31001600000017"
    "0000000d002a0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602002b000504030403"
    "03002d00020101003300260024001d0020ad051982f3db823837dea336e3d8f3a0ad8de8cd5652d042632ad37289ffdd48";

// curl 7.88 with OpenSSL, https://curl.example
constexpr char kCurl[] =
    "1603010200010001fc030322db03c3d9774f6e8024d6a56e6ba04ffdf1401371f5341b029be179897de87820205fae1ff2205150b31d97d9"
    "de6ecaacfb90ca332ac225f995a281d61c85915c003e130213031301c02cc030009fcca9cca8ccaac02bc02f009ec024c028006bc023c027"
    "0067c00ac0140039c009c0130033009d009c003d003c0035002f00ff0100017500000011000f00000c6375726c2e6578616d706c65000b00"
    "0403000102000a00160014001d0017001e00190018010001010102010301040010000e000c02683208687474702f312e3100160000001700"
    "0000310000000d002a0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602002b000908"
    "0304030303020301002d00020101003300260024001d00201b9f3dedcb9b651ca1fd248a8098ea6b40eeaba84c4eea6f6e21bf835dea6e0e"
    "001500b100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000";

ClientHello HelloOf(const char* hex) {
  const Handshake facts = Flow().Client(FromHex(hex)).Facts();
  EXPECT_EQ(facts.progress, Progress::kInProgress);
  EXPECT_FALSE(facts.incomplete);
  return facts.client_hello.value_or(ClientHello());
}

TEST(RealHelloTest, OpensslOffersTls13) {
  const ClientHello hello = HelloOf(kOpenssl);
  EXPECT_EQ(hello.server_name, "www.example.com");
  EXPECT_THAT(hello.alpn, ElementsAre("h2", "http/1.1"));
  EXPECT_EQ(hello.HighestVersion(), ProtocolVersion::kTls13);
  EXPECT_THAT(hello.key_share_groups, ElementsAre(NamedGroup{29}));
  EXPECT_EQ(hello.cipher_suites[0].Name(), "TLS_AES_256_GCM_SHA384");
  EXPECT_EQ(hello.session_ticket_length, 0);
  EXPECT_TRUE(hello.extended_master_secret);
  EXPECT_EQ(hello.session_id.size(), 32u);
  EXPECT_EQ(hello.psk_identities, 0);
  EXPECT_THAT(hello.psk_modes, ElementsAre(1));
}

TEST(RealHelloTest, OpensslLimitedToTls12) {
  const ClientHello hello = HelloOf(kOpenssl12);
  EXPECT_EQ(hello.server_name, "old.example.org");
  EXPECT_EQ(hello.HighestVersion(), ProtocolVersion::kTls12);
  EXPECT_THAT(hello.supported_versions, IsEmpty());
  EXPECT_TRUE(hello.status_request);
  EXPECT_THAT(hello.cipher_suites, Contains(CipherSuite::kEmptyRenegotiationInfoScsv));
  EXPECT_THAT(hello.ec_point_formats, ElementsAre(0, 1, 2));
}

TEST(RealHelloTest, NodeOffersItsName) {
  const ClientHello hello = HelloOf(kNode);
  EXPECT_EQ(hello.server_name, "node.example");
  EXPECT_THAT(hello.alpn, ElementsAre("http/1.1"));
  EXPECT_EQ(hello.HighestVersion(), ProtocolVersion::kTls13);
}

TEST(RealHelloTest, CurlPadsItsHello) {
  const ClientHello hello = HelloOf(kCurl);
  EXPECT_EQ(hello.server_name, "curl.example");
  EXPECT_THAT(hello.alpn, ElementsAre("h2", "http/1.1"));
  EXPECT_TRUE(hello.HasExtension(ExtensionType{21}));
  for (const SignatureScheme scheme : hello.signature_algorithms) EXPECT_FALSE(scheme.KnownName().empty()) << scheme.Name();
}

}  // namespace
}  // namespace tlsmeter
