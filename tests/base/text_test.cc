#include "src/base/text.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace tlsmeter::agent {
namespace {

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    char32_t code = 0;
    const size_t length = Utf8Character(text, &code);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string Printable(std::string_view raw) { return PrintableUtf8(raw, 1000); }

TEST(Utf8CharacterTest, ReadsEachLength) {
  char32_t code = 0;
  EXPECT_EQ(Utf8Character("a", &code), 1u);
  EXPECT_EQ(code, U'a');
  EXPECT_EQ(Utf8Character("\xc3\xa9", &code), 2u);
  EXPECT_EQ(code, U'\u00e9');
  EXPECT_EQ(Utf8Character("\xe2\x82\xac", &code), 3u);
  EXPECT_EQ(code, U'\u20ac');
  EXPECT_EQ(Utf8Character("\xf0\x9f\x98\x80", &code), 4u);
  EXPECT_EQ(code, U'\U0001f600');
  EXPECT_EQ(Utf8Character("\xf4\x8f\xbf\xbf", &code), 4u);
  EXPECT_EQ(code, U'\U0010ffff');
}

TEST(Utf8CharacterTest, RejectsWhatIsNotWellFormed) {
  char32_t code = 0;
  for (const char* bad : {"\x80", "\xc0\xaf", "\xc1\xbf", "\xc3", "\xc3\x28", "\xe0\x80\xaf", "\xe2\x82", "\xed\xa0\x80",
                          "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", ""}) {
    EXPECT_EQ(Utf8Character(bad, &code), 0u) << Printable(bad);
  }
}

TEST(PrintableUtf8Test, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(Printable("nginx: worker \\ \"x\""), "nginx: worker \\ \"x\"");
  EXPECT_EQ(Printable("b\xc3\xbc"
                      "cher.example"),
            "b\xc3\xbc"
            "cher.example");
}

TEST(PrintableUtf8Test, EscapesControlCharacters) {
  EXPECT_EQ(Printable("a\x1b[2J\n\r\t\x7f"), "a\\x1b[2J\\x0a\\x0d\\x09\\x7f");
  EXPECT_EQ(Printable(std::string_view("\0x", 2)), "\\x00x");
  EXPECT_EQ(Printable("\xc2\x9b"), "\\xc2\\x9b");  // C1 CSI
}

TEST(PrintableUtf8Test, EscapesWhatReordersOrHidesText) {
  EXPECT_EQ(Printable("\xe2\x80\xae"), "\\xe2\\x80\\xae");           // U+202E
  EXPECT_EQ(Printable("\xe2\x81\xa6"), "\\xe2\\x81\\xa6");           // U+2066
  EXPECT_EQ(Printable("\xe2\x80\x8f"), "\\xe2\\x80\\x8f");           // U+200F
  EXPECT_EQ(Printable("\xe2\x80\xa8"), "\\xe2\\x80\\xa8");           // U+2028
  EXPECT_EQ(Printable("\xd8\x9c"), "\\xd8\\x9c");                    // U+061C
  EXPECT_EQ(Printable("\xef\xbb\xbf"), "\\xef\\xbb\\xbf");           // U+FEFF
  EXPECT_EQ(Printable("\xf3\xa0\x81\x81"), "\\xf3\\xa0\\x81\\x81");  // U+E0041
}

TEST(PrintableUtf8Test, EscapesBytesOutsideUtf8OneByOne) {
  EXPECT_EQ(Printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(Printable("\xe2\x82"), "\\xe2\\x82");
  EXPECT_EQ(Printable("\xc3(ok"), "\\xc3(ok");
}

TEST(PrintableUtf8Test, CutsBetweenCharactersAndEscapes) {
  EXPECT_EQ(PrintableUtf8("abcdef", 3), "abc");
  EXPECT_EQ(PrintableUtf8("ab\xc3\xa9", 3), "ab");
  EXPECT_EQ(PrintableUtf8("ab\x01z", 5), "ab");
  EXPECT_EQ(PrintableUtf8("ab\x01z", 6), "ab\\x01");
  EXPECT_EQ(PrintableUtf8("abc", 0), "");
}

TEST(PrintableUtf8Test, CutsOrdinaryTextAtTheBound) {
  EXPECT_EQ(PrintableUtf8("abcdef", 4), "abcd");
  EXPECT_EQ(PrintableUtf8("abcd\n", 4), "abcd");
  EXPECT_EQ(PrintableUtf8("abc\n", 6), "abc");
  EXPECT_EQ(PrintableUtf8("abc", 0), "");
}

TEST(PrintableUtf8Test, IsValidBoundedAndPrintableForAnyBytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string raw(random() % 40, '\0');
    for (char& c : raw) c = static_cast<char>(random() % 3 == 0 ? random() % 128 : 0x80 + random() % 128);
    const size_t limit = random() % 60;
    const std::string text = PrintableUtf8(raw, limit);
    ASSERT_TRUE(IsValidUtf8(text));
    ASSERT_LE(text.size(), limit);
    for (const char c : text) ASSERT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    ASSERT_EQ(PrintableUtf8(text, 1000), text);
  }
}

TEST(ServerNameLabelTest, NormalisesHostNames) {
  EXPECT_EQ(ServerNameLabel("API.Example.COM"), "api.example.com");
  EXPECT_EQ(ServerNameLabel("example.com."), "example.com");
  EXPECT_EQ(ServerNameLabel("example.com:8443"), "example.com");
  EXPECT_EQ(ServerNameLabel("example.com.:443"), "example.com");
  EXPECT_EQ(ServerNameLabel("_sip.xn--bcher-kva.example"), "_sip.xn--bcher-kva.example");
  EXPECT_EQ(ServerNameLabel("localhost"), "localhost");
}

TEST(ServerNameLabelTest, NamesTheSpecialCases) {
  EXPECT_EQ(ServerNameLabel(""), kLabelNone);
  for (const char* ip :
       {"10.0.0.1", "10.0.0.1:443", "10.0.0.1.", "2001:db8::1", "[2001:db8::1]", "[2001:DB8::1]:443", "::1"}) {
    EXPECT_EQ(ServerNameLabel(ip), kLabelIp) << ip;
  }
}

TEST(ServerNameLabelTest, TellsAddressesInEveryFormFromNames) {
  for (const char* address : {"192.0.2.7", "192.0.2.7.", "192.0.2.7:443", "::1", "2001:db8::a", "2001:DB8::A", "[::1]",
                              "[2001:db8::a]:443", "::ffff:192.0.2.7"}) {
    EXPECT_EQ(ServerNameLabel(address), kLabelIp) << address;
  }
  EXPECT_EQ(ServerNameLabel("node7"), "node7");
  EXPECT_EQ(ServerNameLabel("10.example"), "10.example");
}

TEST(ServerNameLabelTest, RejectsWhatIsNoHostName) {
  for (const char* bad : {"a b", "a/b",
                          "b\xc3\xbc"
                          "cher.example",
                          "\xff.example", "a..b", ".", "..", ".a", "a\nb", "a\"b", "a{b}",
                          "example.com:", "example.com:123456", "example.com:x", ":443", "[::1]x", "*.example.com"}) {
    EXPECT_EQ(ServerNameLabel(bad), kLabelInvalid) << bad;
  }
  EXPECT_EQ(ServerNameLabel(std::string_view("10.0.0.1\0x", 10)), kLabelInvalid);
}

TEST(ServerNameLabelTest, BoundsPartsAndNames) {
  EXPECT_EQ(ServerNameLabel(std::string(63, 'a') + ".b"), std::string(63, 'a') + ".b");
  EXPECT_EQ(ServerNameLabel(std::string(64, 'a') + ".b"), kLabelInvalid);
  std::string longest;
  while (longest.size() < 252) longest += "a.";
  longest += "a";
  ASSERT_EQ(longest.size(), kMaxHostName);
  EXPECT_EQ(ServerNameLabel(longest), longest);
  EXPECT_EQ(ServerNameLabel(longest + ".:65535"), longest);
  EXPECT_EQ(ServerNameLabel(longest + "a"), kLabelInvalid);
  EXPECT_EQ(ServerNameLabel(std::string(65535, 'a')), kLabelInvalid);
}

TEST(ServerNameLabelTest, NeverPassesOnAReservedSpelling) {
  for (const std::string_view label : {kLabelOther, kLabelNone, kLabelUnknown, kLabelInvalid, kLabelIp}) {
    EXPECT_EQ(ServerNameLabel(label), kLabelInvalid);
    EXPECT_EQ(WorkloadLabel(label), kLabelInvalid);
  }
  EXPECT_EQ(ServerNameLabel("__OTHER__"), kLabelInvalid);
}

TEST(WorkloadLabelTest, KeepsNamesAndBoundsThem) {
  EXPECT_EQ(WorkloadLabel("nginx"), "nginx");
  EXPECT_EQ(WorkloadLabel(""), kLabelUnknown);
  EXPECT_EQ(WorkloadLabel("\x1b[31m"), "\\x1b[31m");
  EXPECT_EQ(WorkloadLabel(std::string(1000, '\xff')).size(), kMaxWorkloadLabel);
}

}  // namespace
}  // namespace tlsmeter::agent
