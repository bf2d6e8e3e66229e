#include "tlsmeter/ja4.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/tls/message_builder.h"

namespace tlsmeter {
namespace {

using testing::AlpnBody;
using testing::Bytes;
using testing::Hello;
using testing::NumberListBody16;
using testing::NumberListBody8;
using testing::ServerNameBody;

constexpr char kNothing[] = "000000000000";

std::string Fingerprint(const Hello& builder, Ja4Transport transport = Ja4Transport::kTcp) {
  ClientHello hello;
  EXPECT_EQ(ParseClientHello(builder.Body(), &hello), ParseStatus::kOk);
  return Ja4(hello, transport);
}

std::string PartA(const Hello& builder) { return Fingerprint(builder).substr(0, 10); }
std::string PartB(const Hello& builder) { return Fingerprint(builder).substr(11, 12); }
std::string PartC(const Hello& builder) { return Fingerprint(builder).substr(24); }

// The example of the definition: a Chrome that shuffles its extensions, GREASE included.
Hello DefinitionExample() {
  Hello hello = Hello::Client();
  hello
      .Ciphers({0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
                0x009d, 0x002f, 0x0035})
      .Extension(0x9a9a, {})
      .Extension(0x001b, NumberListBody8({2}))
      .Extension(0x0000, ServerNameBody("example.com"))
      .Extension(0x0033, {0, 0})
      .Extension(0x0010, AlpnBody({"h2", "http/1.1"}))
      .Extension(0x4469, Bytes(5, 1))
      .Extension(0x0017, {})
      .Extension(0x002d, {1, 1})
      .Extension(0x000d, NumberListBody16({0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601}))
      .Extension(0x0005, {1, 0, 0, 0, 0})
      .Extension(0x0023, {})
      .Extension(0x0012, {})
      .Extension(0x002b, NumberListBody8({0x8a8a, 0x0304, 0x0303}))
      .Extension(0xff01, {0})
      .Extension(0x000b, {1, 0})
      .Extension(0x000a, NumberListBody16({0x1a1a, 0x001d}))
      .Extension(0x0015, Bytes(30, 0));
  return hello;
}

TEST(Ja4Test, AgreesWithTheDefinitionsExample) {
  EXPECT_EQ(Fingerprint(DefinitionExample()), "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

TEST(Ja4Test, TheTransportIsTheFirstCharacter) {
  EXPECT_EQ(Fingerprint(Hello::Client(), Ja4Transport::kQuic).front(), 'q');
  EXPECT_EQ(Fingerprint(Hello::Client(), Ja4Transport::kDtls).front(), 'd');
}

TEST(Ja4Test, AHelloWithoutExtensionsHasAnEmptyPartC) {
  EXPECT_EQ(PartA(Hello::Client()), "t12i020000");
  EXPECT_EQ(PartC(Hello::Client()), kNothing);
}

TEST(Ja4Test, ServerNameAndAlpnAreCountedAndNotHashed) {
  const Hello hello = Hello::Client().Extension(0, ServerNameBody("a")).Extension(16, AlpnBody({"h2"}));
  EXPECT_EQ(PartA(hello), "t12d0202h2");
  EXPECT_EQ(PartC(hello), kNothing);
}

TEST(Ja4Test, WithoutSignatureAlgorithmsThereIsNoUnderscoreInPartC) {
  // SHA-256 of "0017" and of "000d,0017_0403".
  EXPECT_EQ(PartC(Hello::Client().Extension(23, {})), "1ca028f07214");
  EXPECT_EQ(PartC(Hello::Client().Extension(23, {}).Extension(13, NumberListBody16({0x0403, 0x5a5a}))), "eae628536efc");
}

TEST(Ja4Test, GreaseAloneIsNothing) {
  const Hello hello = Hello::Client().Ciphers({0x0a0a}).Extension(0x0a0a, {});
  EXPECT_EQ(Fingerprint(hello), "t12i000000_000000000000_000000000000");
}

TEST(Ja4Test, CountsStopAt99) {
  Hello hello = Hello::Client();
  for (unsigned i = 0; i < 120; ++i) hello.Extension(0x8000 + i, {});
  EXPECT_EQ(PartA(hello), "t12i029900");
}

TEST(Ja4Test, NamesTheHighestVersionOffered) {
  const auto version = [](std::initializer_list<unsigned> versions) {
    return PartA(Hello::Client().Extension(43, NumberListBody8(versions))).substr(1, 2);
  };
  EXPECT_EQ(version({0x0303, 0x0304, 0xfafa}), "13");
  EXPECT_EQ(version({0x0303}), "12");
  EXPECT_EQ(version({0x7f17, 0x0303}), "00");
  EXPECT_EQ(version({0xfafa}), "00");
  const auto legacy = [](unsigned value) { return PartA(Hello::Client().Version(value)).substr(1, 2); };
  EXPECT_EQ(legacy(0x0302), "11");
  EXPECT_EQ(legacy(0x0301), "10");
  EXPECT_EQ(legacy(0x0300), "s3");
  EXPECT_EQ(legacy(0x0002), "s2");
  EXPECT_EQ(legacy(0xfeff), "d1");
  EXPECT_EQ(legacy(0xfefd), "d2");
  EXPECT_EQ(legacy(0xfefc), "d3");
  EXPECT_EQ(legacy(0x0305), "00");
}

TEST(Ja4Test, AnEmptyAlpnNameIsAsNone) {
  ClientHello hello;
  hello.alpn = {"", "h2"};
  EXPECT_EQ(Ja4(hello, Ja4Transport::kTcp).substr(8, 2), "00");
}

TEST(Ja4Test, AlpnIsItsFirstAndLastCharacterOrHexDigits) {
  const auto alpn = [](std::string_view first) {
    return PartA(Hello::Client().Extension(16, AlpnBody({first, "h2"}))).substr(8);
  };
  EXPECT_EQ(alpn("http/1.1"), "h1");
  EXPECT_EQ(alpn("h"), "hh");
  EXPECT_EQ(alpn("\xab\xcd"), "ad");
  EXPECT_EQ(alpn("h2-"), "6d");
  EXPECT_EQ(alpn("\x1a\x1a"), "1a");
}

TEST(Ja4Test, TheOrderOfSuitesAndExtensionsDoesNotMatter) {
  EXPECT_EQ(PartB(Hello::Client().Ciphers({0x1301, 0xc02f})), PartB(Hello::Client().Ciphers({0xc02f, 0x1301})));
  EXPECT_EQ(PartC(Hello::Client().Extension(23, {}).Extension(35, {})),
            PartC(Hello::Client().Extension(35, {}).Extension(23, {})));
}

}  // namespace
}  // namespace tlsmeter
