// What GnuTLS's numbers mean (gnutls/gnutls.h; the same in 3.x): errors, GNUTLS_E_*, which are taken without their sign, and
// the bits of a verdict on a certificate, GNUTLS_CERT_*. Pure functions, any thread; all views are of static storage.
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
// What was wrong with a certificate it never says: that is in `status`, the verdict on it, 0 where there was none.
FailureReason CauseOfGnuTlsError(uint32_t error, uint32_t status, Sender side);

// EndOfGnuTlsStream is true where the error says only that the transport ended.
bool EndOfGnuTlsStream(uint32_t error);

// GnuTlsStatusText returns GnuTLS's words (gnutls_certificate_verification_status_print) for what weighs most in a verdict
// on a certificate, "" for what is rare.
std::string_view GnuTlsStatusText(uint32_t status);

// CauseOfGnuTlsStatus returns why `side` refuses the peer after that verdict on its certificate; kNone for a good one.
FailureReason CauseOfGnuTlsStatus(uint32_t status, Sender side);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_GNUTLS_REASONS_H_
