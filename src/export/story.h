// Story: a handshake that did not succeed, told in a few lines: what was offered, what was answered, who gave up, why, and
// what to try. Pure, any thread.
#ifndef TLSMETER_SRC_EXPORT_STORY_H_
#define TLSMETER_SRC_EXPORT_STORY_H_

#include <string>

#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// Story returns the lines, each indented and with a line feed; empty for a handshake that succeeded. Says nothing that was
// not seen: what is inferred is called likely.
std::string Story(const HandshakeRecord& record);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_STORY_H_
