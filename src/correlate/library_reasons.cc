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
  const uint32_t verified = facts.verify_result.value_or(0);
  return IsGnuTls(facts) ? CauseOfGnuTlsError(facts.reason, verified, side) : CauseOfReason(facts.reason, verified, side);
}

std::string_view VerifyText(const LibraryFacts& facts) {
  if (!facts.verify_result) return "";
  return IsGnuTls(facts) ? GnuTlsStatusText(*facts.verify_result) : VerifyText(*facts.verify_result);
}

FailureReason CauseOfDoubt(const LibraryFacts& facts, Sender side) {
  return facts.doubted ? CauseOfGnuTlsStatus(facts.verify_result.value_or(0), side) : FailureReason::kNone;
}

bool OnlyTheEnd(const LibraryFacts& facts) {
  return IsGnuTls(facts) ? EndOfGnuTlsStream(facts.reason) : EndOfStream(facts.reason);
}

}  // namespace tlsmeter::agent
