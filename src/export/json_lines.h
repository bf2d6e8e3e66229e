// JSON lines: one handshake, one object, one line. Field names are those of docs/events.md. Pure function, any thread.
#ifndef TLSMETER_SRC_EXPORT_JSON_LINES_H_
#define TLSMETER_SRC_EXPORT_JSON_LINES_H_

#include <cstddef>
#include <string>

#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// kMaxTextField bounds a server name or protocol id in a line, in bytes: the longest legal one with each byte escaped.
inline constexpr size_t kMaxTextField = 4 * 255;

// AppendJsonLine appends `record` as one JSON object with a line feed at its end. What was not seen is absent. Valid UTF-8
// and a single line whatever the peers sent.
void AppendJsonLine(const HandshakeRecord& record, std::string* out);

// JsonLine returns what AppendJsonLine appends.
std::string JsonLine(const HandshakeRecord& record);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_JSON_LINES_H_
