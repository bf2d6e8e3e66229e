// What a library's numbers mean, whichever library it is: the one place that knows which table they are looked up in. Pure
// functions, any thread; all views are of static storage.
#ifndef TLSMETER_SRC_CORRELATE_LIBRARY_REASONS_H_
#define TLSMETER_SRC_CORRELATE_LIBRARY_REASONS_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "src/correlate/handshake_record.h"
#include "tlsmeter/handshake.h"

namespace tlsmeter::agent {

// AlertReceived returns the description of the alert whose receipt ended the handshake.
std::optional<uint8_t> AlertReceived(const LibraryFacts& facts);

// ErrorText returns the library's own words for facts.reason, "" for those that are rare.
std::string_view ErrorText(const LibraryFacts& facts);

// CauseOfError returns the verdict that facts.reason gives by itself when `side` meets it; kNone where it names no cause.
FailureReason CauseOfError(const LibraryFacts& facts, Sender side);

// VerifyText returns the library's own words for facts.verify_result, "" for those that are rare or where there is none.
std::string_view VerifyText(const LibraryFacts& facts);

// CauseOfDoubt returns what the program of `side` found wrong with the peer's certificate after the handshake; kNone where
// it found nothing.
FailureReason CauseOfDoubt(const LibraryFacts& facts, Sender side);

// OnlyTheEnd is true where facts.reason says only that the transport ended.
bool OnlyTheEnd(const LibraryFacts& facts);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_LIBRARY_REASONS_H_
