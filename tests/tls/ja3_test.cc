#include "tlsmeter/ja3.h"

#include <gtest/gtest.h>

#include "tests/tls/message_builder.h"

namespace tlsmeter {
namespace {

using testing::ByteListBody;
using testing::Hello;
using testing::NumberListBody16;
using testing::NumberListBody8;
using testing::ServerNameBody;

ClientHello Parsed(const Hello& builder) {
  ClientHello hello;
  EXPECT_EQ(ParseClientHello(builder.Body(), &hello), ParseStatus::kOk);
  return hello;
}

// The two examples of the definition.
TEST(Ja3Test, AgreesWithTheDefinitionsExampleWithExtensions) {
  const ClientHello hello = Parsed(Hello::Client()
                                       .Version(769)
                                       .Ciphers({47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4})
                                       .Extension(0, ServerNameBody("example.com"))
                                       .Extension(10, NumberListBody16({23, 24, 25}))
                                       .Extension(11, ByteListBody({0})));
  EXPECT_EQ(Ja3Text(hello), "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
  EXPECT_EQ(Ja3(hello), "ada70206e40642a3e4461f35503241d5");
}

TEST(Ja3Test, AgreesWithTheDefinitionsExampleWithoutExtensions) {
  const ClientHello hello = Parsed(Hello::Client().Version(769).Ciphers({4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99}));
  EXPECT_EQ(Ja3Text(hello), "769,4-5-10-9-100-98-3-6-19-18-99,,,");
  EXPECT_EQ(Ja3(hello), "de350869b8c85de67a350c8d186f11e6");
}

TEST(Ja3Test, LeavesOutGreaseAndKeepsTheOrderOfTheWire) {
  const ClientHello hello = Parsed(Hello::Client()
                                       .Ciphers({0x0a0a, 0x1302, 0x1301, 0x00ff})
                                       .Extension(0xfafa, {})
                                       .Extension(43, NumberListBody8({0x2a2a, 0x0304}))
                                       .Extension(10, NumberListBody16({0x3a3a, 0x001d, 0x0017}))
                                       .Extension(0x4a4a, {0}));
  EXPECT_EQ(Ja3Text(hello), "771,4866-4865-255,43-10,29-23,");
}

TEST(Ja3Test, AListOfNothingButGreaseIsEmpty) {
  EXPECT_EQ(Ja3Text(Parsed(Hello::Client().Ciphers({0x1a1a}).Extension(0x2a2a, {}))), "771,,,,");
}

TEST(Ja3Test, TheVersionIsTheLegacyField) {
  EXPECT_EQ(Ja3Text(Parsed(Hello::Client().Version(0x0300).Ciphers({4}))), "768,4,,,");
}

}  // namespace
}  // namespace tlsmeter
