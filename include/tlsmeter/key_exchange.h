// ServerKeyExchange: the curve of an ephemeral key exchange up to TLS 1.2 (RFC 8422, section 5.4).
//
// Since TLS 1.3 the group is in ServerHello's key_share; before, the only place that names it is this message. Any thread.
#ifndef TLSMETER_KEY_EXCHANGE_H_
#define TLSMETER_KEY_EXCHANGE_H_

#include <cstdint>
#include <optional>
#include <span>

#include "tlsmeter/parse_status.h"
#include "tlsmeter/registry.h"

namespace tlsmeter {

// ParseServerKeyExchange reads the named curve from the body of a ServerKeyExchange. What the message looks like depends on
// the suite that ServerHello chose, so `cipher` must be that one. `*group` is replaced on kOk: nullopt when the suite does
// not use ECDHE or is unknown (the body is then not looked at), or when the server sent the parameters of a curve in place
// of its name. The key and the signature are framed over, not copied.
//   kTruncated  the message ends inside the parameters
//   kBadLength  the public key is empty
// `*group` is untouched on failure.
[[nodiscard]] ParseStatus ParseServerKeyExchange(std::span<const uint8_t> body, CipherSuite cipher,
                                                 std::optional<NamedGroup>* group);

}  // namespace tlsmeter

#endif  // TLSMETER_KEY_EXCHANGE_H_
