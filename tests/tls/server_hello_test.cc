#include "tlsmeter/server_hello.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/message_builder.h"
#include "tlsmeter/alert.h"
#include "tlsmeter/key_exchange.h"

namespace tlsmeter {
namespace {

using testing::AlpnBody;
using testing::Bytes;
using ::testing::ElementsAre;
using testing::Hello;
using testing::Numbers;
using testing::Writer;

ParseStatus Parse(const Bytes& body) {
  ServerHello hello;
  return ParseServerHello(body, &hello);
}

ServerHello Parsed(const Hello& builder) {
  ServerHello hello;
  EXPECT_EQ(ParseServerHello(builder.Body(), &hello), ParseStatus::kOk);
  return hello;
}

Hello Full12() {
  return Hello::Server(0xc02f)
      .SessionId(Bytes(32, 4))
      .Extension(0xff01, {0})
      .Extension(0, {})
      .Extension(11, {1, 0})
      .Extension(35, {})
      .Extension(5, {})
      .Extension(23, {})
      .Extension(16, AlpnBody({"http/1.1"}));
}

TEST(ServerHelloTest, ReadsATls12Hello) {
  const ServerHello hello = Parsed(Full12());
  EXPECT_EQ(hello.legacy_version, ProtocolVersion::kTls12);
  EXPECT_EQ(hello.NegotiatedVersion(), ProtocolVersion::kTls12);
  EXPECT_EQ(hello.random[31], 0x3f);
  EXPECT_EQ(hello.session_id, Bytes(32, 4));
  EXPECT_EQ(hello.cipher_suite.value, 0xc02f);
  EXPECT_EQ(hello.compression_method, 0);
  EXPECT_TRUE(hello.has_extensions);
  EXPECT_FALSE(hello.is_hello_retry);
  EXPECT_EQ(hello.alpn, "http/1.1");
  EXPECT_TRUE(hello.session_ticket);
  EXPECT_TRUE(hello.extended_master_secret);
  EXPECT_TRUE(hello.renegotiation_info);
  EXPECT_TRUE(hello.status_request);
  EXPECT_FALSE(hello.cookie);
  EXPECT_FALSE(hello.supported_version.has_value());
  EXPECT_FALSE(hello.key_share_group.has_value());
  EXPECT_FALSE(hello.selected_psk.has_value());
  EXPECT_EQ(hello.extensions.size(), 7u);
  EXPECT_EQ(hello.extensions[2].type, ExtensionType::kEcPointFormats);
  EXPECT_TRUE(hello.HasExtension(ExtensionType::kServerName));
  EXPECT_FALSE(hello.HasExtension(ExtensionType::kCookie));
}

TEST(ServerHelloTest, ReadsATls13Hello) {
  const ServerHello hello = Parsed(Hello::Server13(0x1302, 0x11ec).Extension(41, Numbers({1})));
  EXPECT_EQ(hello.legacy_version, ProtocolVersion::kTls12);
  EXPECT_EQ(hello.NegotiatedVersion(), ProtocolVersion::kTls13);
  EXPECT_EQ(hello.key_share_group, NamedGroup{0x11ec});
  EXPECT_EQ(hello.selected_psk, 1);
}

TEST(ServerHelloTest, HelloRetryRequestIsToldByItsRandom) {
  const ServerHello hello = Parsed(Hello::Retry(0x0018).Extension(44, Writer().Prefixed16({1, 2})));
  EXPECT_TRUE(hello.is_hello_retry);
  EXPECT_TRUE(hello.cookie);
  EXPECT_EQ(hello.key_share_group, NamedGroup{0x0018});
}

TEST(ServerHelloTest, AHelloMayEndBeforeItsExtensions) {
  EXPECT_FALSE(Parsed(Hello::Server(0x002f)).has_extensions);
  EXPECT_TRUE(Parsed(Hello::Server(0x002f).EmptyExtensionBlock()).has_extensions);
}

TEST(ServerHelloTest, DowngradeMarksAreRead) {
  const auto with_tail = [](unsigned last) {
    return Parsed(Hello::Server(0xc02f).Random(Writer().Fill(24, 7).Text("DOWNGRD").U8(last))).downgrade;
  };
  EXPECT_EQ(with_tail(1), Downgrade::kToTls12);
  EXPECT_EQ(with_tail(0), Downgrade::kToTls11OrBelow);
  EXPECT_EQ(with_tail(2), Downgrade::kNone);
  EXPECT_EQ(Parsed(Full12()).downgrade, Downgrade::kNone);
}

TEST(ServerHelloTest, DraftsUpTo21HaveTheShortForm) {
  const Bytes body = Writer().U16(0x7f12).Fill(32, 5).U16(0x1301).Prefixed16(
      Writer().U16(40).Prefixed16(Writer().U16(29).Prefixed16(Bytes(32, 1))));
  ServerHello hello;
  ASSERT_EQ(ParseServerHello(body, &hello), ParseStatus::kOk);
  EXPECT_EQ(hello.cipher_suite.value, 0x1301);
  EXPECT_EQ(hello.NegotiatedVersion().Name(), "1.3-draft18");
  EXPECT_EQ(hello.key_share_group, NamedGroup{29});
}

TEST(ServerHelloTest, EveryTruncationFailsButTheOneBeforeTheExtensions) {
  for (const Hello& builder : {Full12(), Hello::Server13().Extension(41, Numbers({0})), Hello::Retry()}) {
    const Bytes body = builder.Body();
    const size_t before_extensions = 2u + 32 + 1 + body[34] + 2 + 1;
    for (size_t size = 0; size < body.size(); ++size) {
      const ParseStatus status = Parse(Bytes(body.begin(), body.begin() + static_cast<ptrdiff_t>(size)));
      EXPECT_EQ(status, size == before_extensions ? ParseStatus::kOk : ParseStatus::kTruncated) << size;
    }
  }
}

TEST(ServerHelloTest, EveryTruncationInsideAnExtensionFails) {
  const std::pair<unsigned, Bytes> extensions[] = {
      {43, Numbers({0x0304})}, {51, Writer().U16(29).Prefixed16(Bytes(32, 1))}, {41, Numbers({0})}, {16, AlpnBody({"h2"})}};
  for (const auto& [type, body] : extensions) {
    for (size_t size = 0; size < body.size(); ++size) {
      const Bytes cut(body.begin(), body.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_EQ(Parse(Hello::Server(0x1301).Extension(type, cut).Body()), ParseStatus::kTruncated) << type << " " << size;
    }
    EXPECT_EQ(Parse(Hello::Server(0x1301).Extension(type, Writer().Raw(body).U8(0)).Body()), ParseStatus::kTrailingData)
        << type;
  }
}

TEST(ServerHelloTest, RejectsBadLengthsAndDuplicates) {
  EXPECT_EQ(Parse(Hello::Server(1).SessionId(Bytes(33, 1)).Body()), ParseStatus::kBadLength);
  EXPECT_EQ(Parse(Hello::Server(1).Extension(16, {0, 0}).Body()), ParseStatus::kBadLength);
  EXPECT_EQ(Parse(Hello::Server(1).Extension(16, {0, 1, 0}).Body()), ParseStatus::kBadLength);
  EXPECT_EQ(Parse(Hello::Server(1).Extension(16, AlpnBody({"h2", "h3"})).Body()), ParseStatus::kBadLength);
  EXPECT_EQ(Parse(Hello::Server(1).Extension(51, Writer().U16(29).U16(0)).Body()), ParseStatus::kBadLength);
  EXPECT_EQ(Parse(Hello::Server(1).Extension(23, {}).Extension(23, {}).Body()), ParseStatus::kDuplicate);
  EXPECT_EQ(Parse(Writer().Raw(Full12().Body()).U8(0)), ParseStatus::kTrailingData);
  Hello many = Hello::Server(1);
  for (unsigned i = 0; i <= kMaxExtensions; ++i) many.Extension(0x8000 + i, {});
  EXPECT_EQ(Parse(many.Body()), ParseStatus::kTooLarge);
}

TEST(ServerHelloTest, UnknownExtensionsAreKept) {
  const ServerHello hello = Parsed(Hello::Server(1).Extension(0xbeef, {1, 2}));
  EXPECT_THAT(hello.extensions, ElementsAre(Extension{ExtensionType{0xbeef}, 2}));
}

TEST(ServerHelloTest, NoMutationOfAByteBreaksTheInvariants) {
  for (const Hello& builder : {Full12(), Hello::Server13(), Hello::Retry()}) {
    const Bytes good = builder.Body();
    for (size_t i = 0; i < good.size(); ++i) {
      for (const int change : {0x00, 0xff, good[i] ^ 0x01, good[i] ^ 0x80}) {
        Bytes body = good;
        body[i] = static_cast<uint8_t>(change);
        ServerHello hello;
        const ParseStatus status = ParseServerHello(body, &hello);
        EXPECT_NE(status, ParseStatus::kNeedMore);
        if (status != ParseStatus::kOk) continue;
        EXPECT_LE(hello.session_id.size(), 32u);
        EXPECT_LE(hello.alpn.size(), 255u);
      }
    }
  }
}

TEST(AlertTest, ReadsLevelAndDescription) {
  AlertMessage alert;
  ASSERT_EQ(ParseAlert(Bytes{2, 48}, &alert), ParseStatus::kOk);
  EXPECT_EQ(alert.level, AlertLevel::kFatal);
  EXPECT_EQ(alert.description.Name(), "unknown_ca");
  ASSERT_EQ(ParseAlert(Bytes{1, 222}, &alert), ParseStatus::kOk);
  EXPECT_EQ(alert.description.Name(), "0xde");
}

TEST(AlertTest, RejectsOtherSizesAndLevels) {
  AlertMessage alert;
  EXPECT_EQ(ParseAlert(Bytes{}, &alert), ParseStatus::kTruncated);
  EXPECT_EQ(ParseAlert(Bytes{2}, &alert), ParseStatus::kTruncated);
  EXPECT_EQ(ParseAlert(Bytes{2, 40, 2}, &alert), ParseStatus::kTrailingData);
  EXPECT_EQ(ParseAlert(Bytes{0, 40}, &alert), ParseStatus::kBadValue);
  EXPECT_EQ(ParseAlert(Bytes{3, 40}, &alert), ParseStatus::kBadValue);
}

Bytes EcdheBody() { return Writer().U8(3).U16(23).Prefixed8(Bytes(65, 4)).U16(0x0804).Prefixed16(Bytes(256, 1)); }

TEST(KeyExchangeTest, ReadsTheNamedCurveOfEcdhe) {
  std::optional<NamedGroup> group;
  EXPECT_EQ(ParseServerKeyExchange(EcdheBody(), CipherSuite{0xc02f}, &group), ParseStatus::kOk);
  EXPECT_EQ(group, NamedGroup{23});
  EXPECT_EQ(ParseServerKeyExchange(EcdheBody(), CipherSuite{0xc018}, &group), ParseStatus::kOk);  // ECDH_anon
  EXPECT_EQ(group, NamedGroup{23});
}

TEST(KeyExchangeTest, ReadsTheNamedCurveBehindAPskHint) {
  std::optional<NamedGroup> group;
  const Bytes body = Writer().Prefixed16({'h'}).Raw(EcdheBody());
  EXPECT_EQ(ParseServerKeyExchange(body, CipherSuite{0xd001}, &group), ParseStatus::kOk);
  EXPECT_EQ(group, NamedGroup{23});
}

TEST(KeyExchangeTest, OtherSuitesAndCurvesHaveNoGroup) {
  std::optional<NamedGroup> group = NamedGroup{1};
  EXPECT_EQ(ParseServerKeyExchange(EcdheBody(), CipherSuite{0x009e}, &group), ParseStatus::kOk);  // DHE
  EXPECT_FALSE(group.has_value());
  group = NamedGroup{1};
  EXPECT_EQ(ParseServerKeyExchange(EcdheBody(), CipherSuite{0xfffe}, &group), ParseStatus::kOk);  // unknown
  EXPECT_FALSE(group.has_value());
  group = NamedGroup{1};
  EXPECT_EQ(ParseServerKeyExchange(Bytes{1, 2, 3}, CipherSuite{0xc02f}, &group), ParseStatus::kOk);  // explicit prime
  EXPECT_FALSE(group.has_value());
}

TEST(KeyExchangeTest, TruncatedParametersFail) {
  const Bytes body = EcdheBody();
  std::optional<NamedGroup> group = NamedGroup{1};
  for (size_t size = 0; size < 4 + 65; ++size) {
    EXPECT_EQ(ParseServerKeyExchange(std::span(body).first(size), CipherSuite{0xc02f}, &group), ParseStatus::kTruncated);
  }
  EXPECT_EQ(ParseServerKeyExchange(Bytes{3, 0, 23, 0}, CipherSuite{0xc02f}, &group), ParseStatus::kBadLength);
  EXPECT_EQ(ParseServerKeyExchange(Bytes{0, 9}, CipherSuite{0xd001}, &group), ParseStatus::kTruncated);
  EXPECT_EQ(group, NamedGroup{1});
}

}  // namespace
}  // namespace tlsmeter
