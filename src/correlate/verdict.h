// The one function that decides what a handshake came to. Pure, any thread.
#ifndef TLSMETER_SRC_CORRELATE_VERDICT_H_
#define TLSMETER_SRC_CORRELATE_VERDICT_H_

#include "src/capture/chunk.h"
#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// Ending is how the watch over a connection ended.
struct Ending {
  bool tcp_ended = false;  // `tcp_end` tells how
  StopChunk::TcpEnd tcp_end;
  bool timed_out = false;  // nothing came for kHandshakeTimeout
};

struct Verdict {
  Result result = Result::kUnknown;
  FailureReason reason = FailureReason::kNone;
  bool inferred = false;
};

// DecideVerdict fuses what TLS said with how TCP ended, as seen from `role`. An alert outweighs the end of TCP that follows
// it; where bytes were missing and nothing else decides, the result is unknown rather than a guess.
Verdict DecideVerdict(const Handshake& tls, Role role, const Ending& ending);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_VERDICT_H_
