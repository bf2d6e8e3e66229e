// What GnuTLS's error numbers mean (GNUTLS_E_*, gnutls/gnutls.h; the same in 3.x). They are taken without their sign. Pure
// functions, any thread; all views are of static storage.
#ifndef TLSMETER_SRC_CORRELATE_GNUTLS_REASONS_H_
#define TLSMETER_SRC_CORRELATE_GNUTLS_REASONS_H_

#include <cstdint>
#include <string_view>

#include "src/correlate/handshake_record.h"
#include "tlsmeter/handshake.h"

namespace tlsmeter::agent {

// GnuTlsErrorText returns GnuTLS's words for an error (gnutls_strerror) as far as it ends handshakes, "" for others.
std::string_view GnuTlsErrorText(uint32_t error);

// CauseOfGnuTlsError returns the verdict that an error gives by itself when `side` meets it; kNone where it names no cause.
// What was wrong with a certificate it never says: the program verifies it.
FailureReason CauseOfGnuTlsError(uint32_t error, Sender side);

// EndOfGnuTlsStream is true where the error says only that the transport ended.
bool EndOfGnuTlsStream(uint32_t error);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_GNUTLS_REASONS_H_
