#include "src/correlate/plain_protocol.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/correlate/dialogues.h"

namespace tlsmeter::agent {
namespace {

using testing::Bytes;
using testing::FromHex;
using testing::Record;

struct Case {
  Bytes client;
  Bytes server;
  PlainProtocol protocol;
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {{}, {}, PlainProtocol::kNone},
      {Text("GET /index.html HTTP/1.1\r\n"), Text("HTTP/1.1 200 OK\r\n"), PlainProtocol::kHttp},
      {Text("PROPFIND / HTTP/1.1\r\n"), Text("HTTP/1.1 207 Multi-Status\r\n"), PlainProtocol::kHttp},
      {Text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), {}, PlainProtocol::kHttp},
      {Text("CONNECT a:443 HTTP/1.1\r\n"), Text("HTTP/1.1 200 OK\r\n"), PlainProtocol::kHttpConnect},
      {Text("SSH-2.0-OpenSSH_9.2p1\r\n"), {}, PlainProtocol::kSsh},
      {{}, Text("SSH-2.0-OpenSSH_9.2p1\r\n"), PlainProtocol::kSsh},
      {Text("ehlo me\r\n"), Text("220 here\r\n"), PlainProtocol::kSmtp},
      {{}, Text("220 mail.example.org ESMTP Postfix\r\n"), PlainProtocol::kSmtp},
      {Text("USER me\r\n"), Text("220 here\r\n"), PlainProtocol::kFtp},
      {{}, Text("220 ProFTPD Server\r\n"), PlainProtocol::kFtp},
      {Text("USER me\r\n"), Text("+OK hello\r\n"), PlainProtocol::kPop3},
      {{}, Text("+OK Dovecot ready.\r\n"), PlainProtocol::kPop3},
      {Text("a LOGIN me x\r\n"), Text("* OK ready\r\n"), PlainProtocol::kImap},
      {Text("*1\r\n$4\r\nPING\r\n"), Text("+PONG\r\n"), PlainProtocol::kRedis},
      {Text("*12\r\n$4\r\nMSET\r\n"), {}, PlainProtocol::kRedis},
      {FromHex("00000029000300007573657200"), FromHex("520000000c00000005"), PlainProtocol::kPostgresql},
      {FromHex("0000001004d2162e0000000100000002"), {}, PlainProtocol::kPostgresql},
      {{}, FromHex("4a0000000a382e302e333400"), PlainProtocol::kMysql},
      {FromHex("300c020101600702010304008000"), FromHex("300c02010161070a010004000400"), PlainProtocol::kLdap},
      {FromHex("30840000001002010163"), {}, PlainProtocol::kLdap},
      {FromHex("001d123401200001000000000001076578616d706c6503636f6d0000010001"), {}, PlainProtocol::kDns},
      {{}, FromHex("002d123481800001000100000000076578616d706c6503636f6d0000010001"), PlainProtocol::kDns},
      {Text("<stream:stream to='x'>"), {}, PlainProtocol::kXmpp},
      {FromHex("050100"), FromHex("0500"), PlainProtocol::kSocks},
      {FromHex("050100"), FromHex("05ff"), PlainProtocol::kSocks},
      {FromHex("030000130ee000000000000100080001000000"), {}, PlainProtocol::kRdp},
      {Record(23, Bytes(30)), Record(23, Bytes(60)), PlainProtocol::kTls},
      {Record(22, {1, 0}), {}, PlainProtocol::kTls},
      {Text("hello\r\n"), Text("hello yourself\r\n"), PlainProtocol::kUnknown},
      {FromHex("050100"), FromHex("0502"), PlainProtocol::kUnknown},  // a method that was not offered
      {Bytes(64, 0), Bytes(64, 0xff), PlainProtocol::kUnknown},
      {{0x16}, {}, PlainProtocol::kUnknown},
  };
  return cases;
}

TEST(PlainProtocol, IsToldByTheFirstBytesOfBothEnds) {
  for (const Case& each : Cases()) {
    SCOPED_TRACE(::testing::PrintToString(each.client) + ::testing::PrintToString(each.server));
    EXPECT_EQ(PlainProtocolName(ClassifyPlain(each.client, each.server)), PlainProtocolName(each.protocol));
    EXPECT_EQ(PlainProtocolName(ClassifyPlain(each.server, each.client)), PlainProtocolName(each.protocol));
  }
}

TEST(PlainProtocol, NoLengthOfWhatIsThereIsReadPastItsEnd) {  // for AddressSanitizer
  for (const Case& each : Cases()) {
    for (size_t client = 0; client <= each.client.size(); ++client) {
      for (size_t server = 0; server <= each.server.size(); ++server) {
        const Bytes one(each.client.begin(), each.client.begin() + static_cast<ptrdiff_t>(client));
        const Bytes other(each.server.begin(), each.server.begin() + static_cast<ptrdiff_t>(server));
        EXPECT_EQ(ClassifyPlain(one, other) == PlainProtocol::kNone, one.empty() && other.empty());
      }
    }
  }
}

TEST(PlainProtocol, EachHasANameOfItsOwn) {
  std::set<std::string> names;
  for (size_t i = 0; i < kPlainProtocolCount; ++i) names.emplace(PlainProtocolName(static_cast<PlainProtocol>(i)));
  EXPECT_EQ(names.size(), kPlainProtocolCount);
  EXPECT_EQ(names.count(""), 0u);
}

TEST(PlainProtocol, AnSslRequestOfMysqlAsksForTls) {
  const Bytes request = FromHex("2000000185ae3f00000000012d0000000000000000000000000000000000000000000000");
  for (size_t size = 0; size <= request.size(); ++size) EXPECT_TRUE(IsMysqlSslRequest(std::span(request).first(size)));
  Bytes login = request;
  login[5] = 0xa6;  // without CLIENT_SSL
  EXPECT_FALSE(IsMysqlSslRequest(login));
  EXPECT_FALSE(IsMysqlSslRequest(FromHex("20000002")));
}

}  // namespace
}  // namespace tlsmeter::agent
