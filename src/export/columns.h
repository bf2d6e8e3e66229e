// Columns: one handshake, one line of text for people and for awk. Pure functions, any thread.
//
//   TIME         ROLE     PID     COMM            CLIENT                SERVER                SNI  ...  RES  MS  RESULT
//   12:01:03.123 client   4711    curl            10.0.0.5:51234        192.0.2.7:443         api.example.com ...
//
// Columns are separated by blanks and none holds a blank itself; what was not seen is "-". Bytes from peers cannot reach the
// terminal as control sequences.
#ifndef TLSMETER_SRC_EXPORT_COLUMNS_H_
#define TLSMETER_SRC_EXPORT_COLUMNS_H_

#include <string>

#include "absl/time/time.h"
#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// ColumnsHeader returns the line of column names, with a line feed.
std::string ColumnsHeader();

// ColumnsLine returns the line of `record`, with a line feed; TIME is that of `zone`. RESULT is success, unknown,
// failure:REASON or aborted:REASON, with ~ at its end when the verdict was inferred.
std::string ColumnsLine(const HandshakeRecord& record, absl::TimeZone zone = absl::LocalTimeZone());

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_COLUMNS_H_
