// What is wrong with a certificate chain, as far as the chain itself and the peer's answer tell. No trust store is asked.
// Pure functions, any thread; all views are of static storage.
#ifndef TLSMETER_SRC_AGGREGATE_CHAIN_ISSUES_H_
#define TLSMETER_SRC_AGGREGATE_CHAIN_ISSUES_H_

#include <cstdint>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "src/correlate/handshake_record.h"
#include "tlsmeter/certificate.h"

namespace tlsmeter::agent {

inline constexpr size_t kChainIssueLabels = 9;

// ChainIssues returns, each once and of the chain that the server sent:
//   expired, not_yet_valid  at `unix_seconds`, of any certificate but a root that was sent along
//   self_signed             the leaf
//   incomplete              the client refused with unknown_ca a leaf that came alone
//   unknown_ca              ... that came with other certificates
//   wrong_order             a certificate is not followed by its issuer (RFC 5246, section 7.4.2)
//   name_mismatch           the leaf does not name `server_name`, the name as the client sent it (RFC 9525, section 6); not
//                           told where the name is none, or not all names of the leaf are known
//   weak_key                RSA, DSA or DH below 2048 bits, EC below 224 (NIST SP 800-57 part 1, table 2)
//   weak_signature          made with MD2, MD4, MD5 or SHA-1; of any certificate but a root
absl::InlinedVector<std::string_view, 2> ChainIssues(const CertificateChain& chain, std::string_view server_name,
                                                     FailureReason reason, int64_t unix_seconds);

// NamesHost returns true when `pattern`, a name of a certificate, stands for `host`, a host name in lower case: equal
// without regard to case, or "*." and all of `host` but its first part (RFC 9525, section 6.3).
bool NamesHost(std::string_view pattern, std::string_view host);

// CommonName returns the first CN of an RFC 2253 name, escapes resolved; empty when there is none.
std::string CommonName(std::string_view distinguished_name);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGGREGATE_CHAIN_ISSUES_H_
