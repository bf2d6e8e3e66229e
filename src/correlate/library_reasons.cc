#include "src/correlate/library_reasons.h"

#include "src/correlate/gnutls_reasons.h"
#include "src/correlate/openssl_reasons.h"

namespace tlsmeter::agent {
namespace {

bool IsGnuTls(const LibraryFacts& facts) { return facts.implementation == TlsStack::kGnuTls; }

}  // namespace

std::optional<uint8_t> AlertReceived(const LibraryFacts& facts) {
  return IsGnuTls(facts) ? facts.alert_received : AlertOfReason(facts.reason);
}

std::string_view ErrorText(const LibraryFacts& facts) {
  return IsGnuTls(facts) ? GnuTlsErrorText(facts.reason) : ReasonText(facts.reason);
}

FailureReason CauseOfError(const LibraryFacts& facts, Sender side) {
  return IsGnuTls(facts) ? CauseOfGnuTlsError(facts.reason, side) : CauseOfReason(facts.reason, facts.verify_result, side);
}

bool OnlyTheEnd(const LibraryFacts& facts) {
  return IsGnuTls(facts) ? EndOfGnuTlsStream(facts.reason) : EndOfStream(facts.reason);
}

}  // namespace tlsmeter::agent
