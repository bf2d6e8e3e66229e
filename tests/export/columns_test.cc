#include "src/export/columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "tests/export/sample_record.h"

namespace tlsmeter::agent {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Words(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  std::string word;
  while (stream >> word) words.push_back(word);
  return words;
}

Columns Default(bool color = false) {
  return Columns(*ParseFields(kDefaultFields), TimeFormat{.zone = absl::UTCTimeZone()}, color);
}

std::vector<std::string> Line(const HandshakeRecord& record) { return Words(Default().Line(record)); }

TEST(ColumnsTest, NamesTheColumns) {
  EXPECT_THAT(Words(Default().Header()), ElementsAre("TIME", "ROLE", "PID", "COMM", "CLIENT", "SERVER", "SNI", "VER",
                                                     "CIPHER", "GROUP", "ALPN", "RES", "MS", "RESULT"));
}

TEST(ColumnsTest, WritesASuccess) {
  EXPECT_THAT(Line(SampleRecord()),
              ElementsAre("12:01:03.123", "client", "4711", "curl", "10.0.0.5:51234", "192.0.2.7:443", "api.example.com",
                          "1.3", "TLS_AES_128_GCM_SHA256", "X25519MLKEM768", "h2", "psk", "12.345", "success"));
}

TEST(ColumnsTest, LinesUpUnderTheHeader) {
  const std::string header = Default().Header();
  const std::string line = Default().Line(SampleRecord());
  EXPECT_EQ(header.find("CIPHER"), line.find("TLS_AES"));
  EXPECT_EQ(header.find("RESULT"), line.find("success"));
}

TEST(ColumnsTest, WritesTheVerdictAsOneWord) {
  HandshakeRecord record = RefusedRecord();
  EXPECT_EQ(Line(record).back(), "failure:unknown_ca");
  record.inferred = true;
  EXPECT_EQ(Line(record).back(), "failure:unknown_ca~");
  record.inferred = false;
  record.result = Result::kAborted;
  record.reason = FailureReason::kPeerClosed;
  EXPECT_EQ(Line(record).back(), "aborted:peer_closed");
}

TEST(ColumnsTest, WritesADashForWhatWasNotSeen) {
  EXPECT_THAT(Line(HandshakeRecord()),
              ElementsAre("-", "observer", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "unknown"));
}

TEST(ColumnsTest, ColoursWhatDidNotSucceed) {
  EXPECT_EQ(Default(true).Line(SampleRecord()), Default().Line(SampleRecord()));
  const std::string line = Default(true).Line(RefusedRecord());
  EXPECT_TRUE(line.starts_with("\x1b[31m")) << line;
  EXPECT_TRUE(line.ends_with("\x1b[0m\n")) << line;
}

TEST(ColumnsTest, PutsIpv6IntoBrackets) {
  HandshakeRecord record = SampleRecord();
  record.client = SocketAddress{.ip = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, .port = 5};
  EXPECT_EQ(Line(record)[4], "[2001:db8::1]:5");
}

TEST(ColumnsTest, KeepsBlanksAndDashesOfNamesApartFromItsOwn) {
  HandshakeRecord record = SampleRecord();
  record.owner.comm = "tmux: server";
  EXPECT_EQ(Line(record)[3], "tmux:\\x20server");
  record.owner.comm = "-";
  EXPECT_EQ(Line(record)[3], "\\x2d");
}

TEST(ColumnsTest, LetsNoControlByteThroughAndKeepsItsColumns) {
  std::mt19937 random(5);
  const auto noise = [&random] {
    std::string bytes(random() % 255, '\0');
    for (char& c : bytes) c = static_cast<char>(random() % 2 == 0 ? random() % 64 : random());
    return bytes;
  };
  for (int round = 0; round < 2000; ++round) {
    HandshakeRecord record = SampleRecord();
    record.tls.client_hello->server_name = noise();
    record.tls.alpn = noise();
    record.owner.comm = noise();
    const std::string line = Default().Line(record);
    ASSERT_EQ(line.find('\n'), line.size() - 1);
    for (const char c : line.substr(0, line.size() - 1)) ASSERT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    ASSERT_EQ(Words(line).size(), 14u) << line;
  }
  HandshakeRecord record = SampleRecord();
  record.tls.client_hello->server_name = "\x1b]0;owned\x07\xc2\x9b";
  EXPECT_EQ(Line(record)[6], "\\x1b]0;owned\\x07\\xc2\\x9b");
}

}  // namespace
}  // namespace tlsmeter::agent
