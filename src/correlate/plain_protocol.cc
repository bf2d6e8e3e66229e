#include "src/correlate/plain_protocol.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "tlsmeter/byte_reader.h"
#include "tlsmeter/record.h"

namespace tlsmeter::agent {
namespace {

using Head = std::span<const uint8_t>;

// Words that stand at the front of what one end says first, and leave no doubt.
struct Word {
  std::string_view text;
  PlainProtocol protocol;
};
constexpr Word kWords[] = {
    {"CONNECT ", PlainProtocol::kHttpConnect},
    {"GET ", PlainProtocol::kHttp},
    {"HEAD ", PlainProtocol::kHttp},
    {"POST ", PlainProtocol::kHttp},
    {"PUT ", PlainProtocol::kHttp},
    {"DELETE ", PlainProtocol::kHttp},
    {"PATCH ", PlainProtocol::kHttp},
    {"OPTIONS ", PlainProtocol::kHttp},
    {"PRI * HTTP/2.0", PlainProtocol::kHttp},
    {"SSH-", PlainProtocol::kSsh},
    {"EHLO ", PlainProtocol::kSmtp},
    {"HELO ", PlainProtocol::kSmtp},
    {"* OK", PlainProtocol::kImap},
    {"* PREAUTH", PlainProtocol::kImap},
    {"* BYE", PlainProtocol::kImap},
    {"AUTH TLS", PlainProtocol::kFtp},
    {"AUTH SSL", PlainProtocol::kFtp},
    {"CAPA\r\n", PlainProtocol::kPop3},
    {"STLS\r\n", PlainProtocol::kPop3},
    {"<?xml ", PlainProtocol::kXmpp},
    {"<stream:stream", PlainProtocol::kXmpp},
};

char Lower(uint8_t byte) { return static_cast<char>(std::tolower(byte)); }

// Commands are of either case.
bool StartsWith(Head head, std::string_view word) {
  return head.size() >= word.size() &&
         std::equal(word.begin(), word.end(), head.begin(), [](char a, uint8_t b) { return Lower(a) == Lower(b); });
}

bool Contains(Head head, std::string_view word) {
  return std::search(head.begin(), head.end(), word.begin(), word.end(),
                     [](uint8_t a, char b) { return Lower(a) == Lower(b); }) != head.end();
}

// An array of bulk strings: "*2\r\n$4\r\n..."; its count has one or two digits.
bool IsRedis(Head head) {
  if (head.size() < 5 || head[0] != '*' || !std::isdigit(head[1])) return false;
  const size_t end = std::isdigit(head[2]) ? 3 : 2;
  return head.size() > end + 2 && head[end] == '\r' && head[end + 1] == '\n' && head[end + 2] == '$';
}

// SSLRequest, GSSENCRequest, CancelRequest, or a StartupMessage of protocol 3.
bool IsPostgresql(Head head) {
  ByteReader reader(head);
  uint32_t length, code;
  if (!reader.ReadU32(&length) || !reader.ReadU32(&code)) return false;
  constexpr uint32_t kCancel = 80877102, kSsl = 80877103, kGss = 80877104, kProtocol3 = 3 << 16;
  if (code == kSsl || code == kGss) return length == 8;
  if (code == kCancel) return length == 16;
  return code == kProtocol3 && length > 8 && length < 10000;
}

// The server's greeting: sequence number 0, protocol 10, and a version that begins with a digit.
bool IsMysqlGreeting(Head head) {
  return head.size() >= 6 && head[2] == 0 && head[3] == 0 && head[4] == 10 && std::isdigit(head[5]);
}

// LDAPMessage (RFC 4511, section 4.1.1) of a bind, search or extended operation: SEQUENCE, INTEGER of one byte, operation.
bool IsLdap(Head head) {
  ByteReader reader(head);
  uint8_t tag, length, integer, size, id, operation;
  if (!reader.ReadU8(&tag) || tag != 0x30 || !reader.ReadU8(&length)) return false;
  if (length > 0x80 && (length > 0x84 || !reader.Skip(length & 0x7f))) return false;
  if (!reader.ReadU8(&integer) || !reader.ReadU8(&size) || !reader.ReadU8(&id) || !reader.ReadU8(&operation)) return false;
  constexpr std::array<uint8_t, 6> kOperations = {0x60, 0x61, 0x63, 0x64, 0x77, 0x78};
  return integer == 2 && size == 1 && std::find(kOperations.begin(), kOperations.end(), operation) != kOperations.end();
}

// A message of one standard query, or the answer to one.
bool IsDns(Head head) {
  ByteReader reader(head);
  uint16_t length, id, flags, questions, answers;
  if (!reader.ReadU16(&length) || !reader.ReadU16(&id) || !reader.ReadU16(&flags)) return false;
  if (!reader.ReadU16(&questions) || !reader.ReadU16(&answers)) return false;
  const bool response = (flags & 0x8000) != 0;
  const bool standard = (flags & 0x7800) == 0 && (flags & 0x0040) == 0;
  return length >= 17 && standard && questions == 1 && (response || (answers == 0 && (flags & 0x000f) == 0));
}

bool IsRdp(Head head) {
  if (head.size() < 6 || head[0] != 3 || head[1] != 0 || head[2] != 0) return false;
  return head[3] >= 11 && head[4] + 5 == head[3] && (head[5] == 0xe0 || head[5] == 0xd0);
}

bool IsTls(Head head) {
  RecordHeader header;
  return ParseRecordHeader(head, &header) == ParseStatus::kOk;
}

// What one end alone tells.
PlainProtocol ClassifyOne(Head head) {
  for (const Word& word : kWords) {
    if (StartsWith(head, word.text)) return word.protocol;
  }
  if (IsTls(head)) return PlainProtocol::kTls;
  if (IsRedis(head)) return PlainProtocol::kRedis;
  if (IsPostgresql(head)) return PlainProtocol::kPostgresql;
  if (IsMysqlGreeting(head) || (head.size() >= kMysqlSslRequestSize && IsMysqlSslRequest(head)))
    return PlainProtocol::kMysql;
  if (IsRdp(head)) return PlainProtocol::kRdp;
  if (IsLdap(head)) return PlainProtocol::kLdap;
  if (IsDns(head)) return PlainProtocol::kDns;
  return PlainProtocol::kUnknown;
}

// What only both together tell: `server` begins like many servers do.
PlainProtocol ClassifyTwo(Head client, Head server) {
  if (StartsWith(server, "220")) {  // RFC 5321 and RFC 959
    if (StartsWith(client, "USER ") || StartsWith(client, "FEAT") || Contains(server, "ftp")) return PlainProtocol::kFtp;
    if (Contains(server, "smtp")) return PlainProtocol::kSmtp;
  }
  if (StartsWith(server, "+OK ") && client.empty()) return PlainProtocol::kPop3;
  if (StartsWith(server, "+OK") &&
      (StartsWith(client, "USER ") || StartsWith(client, "APOP ") || StartsWith(client, "AUTH"))) {
    return PlainProtocol::kPop3;
  }
  if (StartsWith(server, "HTTP/1.")) return PlainProtocol::kHttp;  // to a request of an unusual method
  if (client.size() >= 3 && server.size() >= 2 && client[0] == 5 && server[0] == 5 && client[1] > 0 &&
      (std::find(client.begin() + 2, client.end(), server[1]) != client.end() || server[1] == 0xff)) {
    return PlainProtocol::kSocks;  // the server chose one of the methods that were offered, or none
  }
  if (client.size() >= 9 && server.size() >= 2 && client[0] == 4 && client[1] == 1 && server[0] == 0 && server[1] >= 90 &&
      server[1] <= 93) {
    return PlainProtocol::kSocks;
  }
  return PlainProtocol::kUnknown;
}

bool Tells(PlainProtocol protocol) { return protocol != PlainProtocol::kUnknown && protocol != PlainProtocol::kNone; }

}  // namespace

std::string_view PlainProtocolName(PlainProtocol protocol) {
  static constexpr std::array<std::string_view, kPlainProtocolCount> kNames = {
      "none", "unknown",    "dns", "ftp",   "http", "http_connect", "imap", "ldap", "mysql",
      "pop3", "postgresql", "rdp", "redis", "smtp", "socks",        "ssh",  "tls",  "xmpp",
  };
  return kNames[static_cast<size_t>(protocol)];
}

bool IsMysqlSslRequest(std::span<const uint8_t> bytes) {
  constexpr std::array<uint8_t, 4> kHeader = {32, 0, 0, 1};
  constexpr uint8_t kClientSsl = 0x08;  // 0x0800, little endian
  const size_t count = std::min(bytes.size(), kHeader.size());
  if (!std::equal(kHeader.begin(), kHeader.begin() + count, bytes.begin())) return false;
  return bytes.size() < 6 || (bytes[5] & kClientSsl) != 0;
}

PlainProtocol ClassifyPlain(std::span<const uint8_t> one, std::span<const uint8_t> other) {
  if (one.empty() && other.empty()) return PlainProtocol::kNone;
  for (const Head head : {one, other}) {
    if (const PlainProtocol protocol = ClassifyOne(head); Tells(protocol)) return protocol;
  }
  if (const PlainProtocol protocol = ClassifyTwo(one, other); Tells(protocol)) return protocol;
  return ClassifyTwo(other, one);
}

}  // namespace tlsmeter::agent
