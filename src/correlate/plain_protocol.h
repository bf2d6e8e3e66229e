// PlainProtocol: what two ends speak where they do not speak TLS, by the first bytes of each.
//
// A closed list. Pure, any thread.
#ifndef TLSMETER_SRC_CORRELATE_PLAIN_PROTOCOL_H_
#define TLSMETER_SRC_CORRELATE_PLAIN_PROTOCOL_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tlsmeter::agent {

enum class PlainProtocol : uint8_t {
  kNone,     // no bytes at all
  kUnknown,  // none of those below
  kDns,      // over TCP (RFC 1035, section 4.2.2)
  kFtp,
  kHttp,
  kHttpConnect,  // a request for a tunnel (RFC 9110, section 9.3.6)
  kImap,
  kLdap,
  kMysql,
  kPop3,
  kPostgresql,
  kRdp,    // TPKT with an X.224 connection request or confirmation (MS-RDPBCGR, section 2.2.1.1)
  kRedis,  // RESP arrays
  kSmtp,
  kSocks,  // version 4 or 5 (RFC 1928)
  kSsh,
  kTls,  // TLS records, joined in mid-stream or cut off: their hello was not seen
  kXmpp,
};
inline constexpr size_t kPlainProtocolCount = static_cast<size_t>(PlainProtocol::kXmpp) + 1;

// PlainProtocolName returns the value of `tlsmeter.starttls`, or of a label: lower case, never empty.
std::string_view PlainProtocolName(PlainProtocol protocol);

// kPlainHeadSize is how many bytes of each end ClassifyPlain looks at.
inline constexpr size_t kPlainHeadSize = 64;

// ClassifyPlain names what is spoken between two ends. `one` and `other` are the first bytes of each, in any order, either
// possibly empty: a capture may hold one direction only.
PlainProtocol ClassifyPlain(std::span<const uint8_t> one, std::span<const uint8_t> other);

// IsMysqlSslRequest is true for the 36 bytes by which a MySQL client asks for TLS (Protocol::SSLRequest: payload of 32,
// sequence number 1, CLIENT_SSL among the capabilities). A shorter `bytes` is judged by what is there.
bool IsMysqlSslRequest(std::span<const uint8_t> bytes);
inline constexpr size_t kMysqlSslRequestSize = 36;

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_PLAIN_PROTOCOL_H_
