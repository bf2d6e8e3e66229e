// JA4: a client's fingerprint from its ClientHello, as its authors define it (github.com/FoxIO-LLC/ja4, "JA4 details"). Of
// the JA4+ family this is the one with a free licence.
//
// Three parts joined by underscores, "t13d1516h2_8daaf6152771_e5627efa2ab1":
//   a  transport, highest version, d when a server name was sent (else i), number of cipher suites and of extensions (two
//      digits, 99 at most), first and last character of the first ALPN protocol
//   b  of the cipher suites as sorted lower-case hex, joined by commas: the first 12 hex digits of the SHA-256
//   c  the same of the sorted extension types without server_name and ALPN, then, after an underscore, the signature
//      algorithms in the order of the wire; no underscore where there are none
// GREASE is left out everywhere. An empty list makes a part 000000000000. Pure function, any thread.
#ifndef TLSMETER_JA4_H_
#define TLSMETER_JA4_H_

#include <cstdint>
#include <string>

#include "tlsmeter/client_hello.h"

namespace tlsmeter {

// Ja4Transport is what carried the hello; the value is the fingerprint's first character.
enum class Ja4Transport : char { kTcp = 't', kQuic = 'q', kDtls = 'd' };

// Ja4 returns the fingerprint, 36 characters. Versions that the definition does not name, drafts of TLS 1.3 among them, are
// "00"; an ALPN protocol that begins or ends with a byte other than a letter or digit gives the first hex digit of its first
// byte and the last one of its last.
std::string Ja4(const ClientHello& hello, Ja4Transport transport);

}  // namespace tlsmeter

#endif  // TLSMETER_JA4_H_
