// The one function that decides what a handshake came to. Pure, any thread.
#ifndef TLSMETER_SRC_CORRELATE_VERDICT_H_
#define TLSMETER_SRC_CORRELATE_VERDICT_H_

#include <optional>

#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

struct Verdict {
  Result result = Result::kUnknown;
  FailureReason reason = FailureReason::kNone;
  bool inferred = false;
  std::optional<Sender> side;  // who was at fault; nullopt where both had a share or it is not known
};

// DecideVerdict fuses what TLS said with how TCP ended, as seen from `role`, and with what the watched side's own TLS
// library says, where it is known (`library` may be null). In the order of their weight: the library's reason for a failure,
// alerts, the bytes' form, the end of TCP. Where bytes were missing and nothing else decides, the result is unknown rather
// than a guess.
//
// Under TLS 1.3 a client has succeeded before the server judges its certificate. Such a handshake counts as failed where the
// server's alert was seen (by the client's library) or is inferred (from the wire).
Verdict DecideVerdict(const Handshake& tls, Role role, const Ending& ending, const LibraryFacts* library = nullptr);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_VERDICT_H_
