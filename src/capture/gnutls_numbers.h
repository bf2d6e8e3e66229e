// What GnuTLS calls versions and groups by numbers of its own, as the wire does (gnutls/gnutls.h, the same in 3.x). Pure
// functions, any thread.
#ifndef TLSMETER_SRC_CAPTURE_GNUTLS_NUMBERS_H_
#define TLSMETER_SRC_CAPTURE_GNUTLS_NUMBERS_H_

#include <cstdint>

namespace tlsmeter::agent {

// VersionOfGnuTls returns the version on the wire of a gnutls_protocol_t, 0 for one that is not known.
uint16_t VersionOfGnuTls(uint32_t protocol);

// GroupOfGnuTls returns the IANA number of a gnutls_group_t, 0 for one that is not known or has none.
uint16_t GroupOfGnuTls(uint32_t group);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_GNUTLS_NUMBERS_H_
