// JA3: a client's fingerprint from its ClientHello, as its authors define it (github.com/salesforce/ja3).
//
// Five fields, joined by commas: legacy version, cipher suites, extension types, supported groups, EC point formats; numbers
// in decimal, in the order of the wire, joined by dashes, GREASE left out. The fingerprint is the MD5 of that text. Clients
// that shuffle their extensions have a new one for each connection: Ja4 was made for these. Pure functions, any thread.
#ifndef TLSMETER_JA3_H_
#define TLSMETER_JA3_H_

#include <string>

#include "tlsmeter/client_hello.h"

namespace tlsmeter {

// Ja3Text returns the text that is hashed: "771,49195-49199,0-10-11,29-23,0". Fields of lists that were not sent are empty.
std::string Ja3Text(const ClientHello& hello);

// Ja3 returns the MD5 of Ja3Text as 32 lower-case hex digits; empty where libcrypto refuses MD5 (FIPS mode).
std::string Ja3(const ClientHello& hello);

}  // namespace tlsmeter

#endif  // TLSMETER_JA3_H_
