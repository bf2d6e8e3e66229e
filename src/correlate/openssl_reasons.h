// What OpenSSL's numbers mean: reason codes of its SSL library, and verification results. These are the same in 1.1.1, 3.0
// to 4.0. Pure functions, any thread; all views are of static storage.
#ifndef TLSMETER_SRC_CORRELATE_OPENSSL_REASONS_H_
#define TLSMETER_SRC_CORRELATE_OPENSSL_REASONS_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "src/correlate/handshake_record.h"
#include "tlsmeter/handshake.h"

namespace tlsmeter::agent {

// AlertOfReason returns the description of the alert whose receipt `reason` reports: 1000 + description
// (SSL_AD_REASON_OFFSET, openssl/ssl.h).
std::optional<uint8_t> AlertOfReason(uint32_t reason);

// ReasonText returns OpenSSL's words for a reason code (SSL_R_*, openssl/sslerr.h) as far as they occur in handshakes, ""
// for others.
std::string_view ReasonText(uint32_t reason);

// CauseOfReason returns the verdict that a reason code gives by itself when `side` meets it; kNone where the code names no
// cause. A certificate that could not be verified is judged by `verify_result`.
FailureReason CauseOfReason(uint32_t reason, uint32_t verify_result, Sender side);

// EndOfStream is true where the reason code says only that the transport ended.
bool EndOfStream(uint32_t reason);

// VerifyText returns OpenSSL's words for a verification result (X509_V_*, openssl/x509_vfy.h), "" for those that are rare.
std::string_view VerifyText(uint32_t verify_result);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_OPENSSL_REASONS_H_
