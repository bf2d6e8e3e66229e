#include "tests/correlate/dialogues.h"

#include <string_view>

namespace tlsmeter::agent {
namespace {

using testing::Bytes;
using testing::FromHex;
using namespace std::string_view_literals;

Turn C(std::string_view text) { return {true, Text(text)}; }
Turn S(std::string_view text) { return {false, Text(text)}; }
Turn C(const Bytes& bytes) { return {true, bytes}; }
Turn S(const Bytes& bytes) { return {false, bytes}; }

Bytes Joined(Bytes one, const Bytes& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

// HandshakeV10 of MySQL 8, shortened at the end, and the SSLRequest that answers it.
Bytes MysqlGreeting() {
  return FromHex("4a0000000a382e302e3334000b0000002f550a1c4a38106300ffffff0200ffdf15000000000000000000001d61");
}
Bytes MysqlSslRequest() { return FromHex("2000000185ae3f00000000012d0000000000000000000000000000000000000000000000"); }

// ExtendedRequest and ExtendedResponse of StartTLS, 1.3.6.1.4.1.1466.20037 (RFC 4511, section 4.14).
Bytes LdapRequest() { return FromHex("301d02010177188016312e332e362e312e342e312e313436362e3230303337"); }
Bytes LdapResponse() { return FromHex("300c02010178070a010004000400"); }

constexpr std::string_view kProxyLine = "PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n";
Bytes ProxyBlock() { return FromHex("0d0a0d0a000d0a515549540a2111000cc0000201c00002029c4001bb"); }

}  // namespace

Bytes Text(std::string_view text) { return Bytes(text.begin(), text.end()); }

std::vector<Dialogue> Dialogues(const Bytes& hello) {
  const Turn tls = C(hello);
  return {
      {"tls", PlainProtocol::kNone, {tls}},
      {"smtp",
       PlainProtocol::kSmtp,
       {S("220 mail.example.org ESMTP Postfix\r\n"), C("EHLO client.example.org\r\n"),
        S("250-mail.example.org\r\n250-SIZE 10240000\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"),
        S("220 2.0.0 Ready to start TLS\r\n"), tls}},
      {"imap",
       PlainProtocol::kImap,
       {S("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] Dovecot ready.\r\n"), C(". CAPABILITY\r\n"),
        S("* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n. OK done.\r\n"), C(". STARTTLS\r\n"),
        S(". OK Begin TLS negotiation now.\r\n"), tls}},
      {"pop3",
       PlainProtocol::kPop3,
       {S("+OK Dovecot ready.\r\n"), C("CAPA\r\n"), S("+OK\r\nCAPA\r\nTOP\r\nSTLS\r\nSASL\r\n.\r\n"), C("STLS\r\n"),
        S("+OK Begin TLS negotiation now.\r\n"), tls}},
      {"ftp",
       PlainProtocol::kFtp,
       {S("220 (vsFTPd 3.0.3)\r\n"), C("AUTH TLS\r\n"), S("234 Proceed with negotiation.\r\n"), tls}},
      {"ftp after FEAT",
       PlainProtocol::kFtp,
       {S("220 Welcome\r\n"), C("FEAT\r\n"), S("211-Features:\r\n AUTH TLS\r\n211 End\r\n"), C("AUTH SSL\r\n"),
        S("234 AUTH SSL successful\r\n"), tls}},
      {"xmpp",
       PlainProtocol::kXmpp,
       {C("<?xml version='1.0'?><stream:stream to='example.org' xmlns='jabber:client' "
          "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"),
        S("<?xml version='1.0'?><stream:stream id='1' from='example.org' version='1.0'>"),
        S("<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"),
        C("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), S("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        tls}},
      {"ldap", PlainProtocol::kLdap, {C(LdapRequest()), S(LdapResponse()), tls}},
      {"postgresql", PlainProtocol::kPostgresql, {C(FromHex("0000000804d2162f")), S("S"), tls}},
      {"postgresql after GSSENCRequest",
       PlainProtocol::kPostgresql,
       {C(FromHex("0000000804d21630")), S("N"), C(FromHex("0000000804d2162f")), S("S"), tls}},
      {"mysql", PlainProtocol::kMysql, {S(MysqlGreeting()), C(MysqlSslRequest()), tls}},
      {"mysql in one segment", PlainProtocol::kMysql, {S(MysqlGreeting()), C(Joined(MysqlSslRequest(), hello))}},
      {"http CONNECT",
       PlainProtocol::kHttpConnect,
       {C("CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n"),
        S("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"),
        C("CONNECT www.example.com:443 HTTP/1.1\r\nProxy-Authorization: Basic eDp5\r\n\r\n"),
        S("HTTP/1.1 200 Connection established\r\n\r\n"), tls}},
      {"socks 5",
       PlainProtocol::kSocks,
       {C("\x05\x02\x00\x02"sv), S("\x05\x00"sv), C("\x05\x01\x00\x03\x0bexample.com\x01\xbb"sv),
        S("\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00"sv), tls}},
      {"socks 4",
       PlainProtocol::kSocks,
       {C("\x04\x01\x01\xbb\xc0\x00\x02\x07user\x00"sv), S("\x00\x5a\x00\x00\x00\x00\x00\x00"sv), tls}},
      {"rdp",
       PlainProtocol::kRdp,
       {C(FromHex("030000130ee000000000000100080001000000")), S(FromHex("030000130ed000001234000209080001000000")), tls}},
      {"unknown", PlainProtocol::kUnknown, {S("sieve here\r\n"), C("STARTTLS\r\n"), S("OK\r\n"), tls}},
      {"proxy line", PlainProtocol::kNone, {C(kProxyLine), tls}},
      {"proxy line in one segment", PlainProtocol::kNone, {C(Joined(Text(kProxyLine), hello))}},
      {"proxy block", PlainProtocol::kNone, {C(ProxyBlock()), tls}},
      {"proxy block in one segment", PlainProtocol::kNone, {C(Joined(ProxyBlock(), hello))}},
      {"proxy line, then smtp",
       PlainProtocol::kSmtp,
       {C(kProxyLine), S("220 mail ESMTP\r\n"), C("EHLO x\r\n"), S("250 STARTTLS\r\n"), C("STARTTLS\r\n"), S("220 go\r\n"),
        tls}},
      {"proxy block, then mysql in one segment",
       PlainProtocol::kMysql,
       {C(ProxyBlock()), S(MysqlGreeting()), C(Joined(MysqlSslRequest(), hello))}},
  };
}

}  // namespace tlsmeter::agent
