// Columns: one handshake, one line of text for people and for awk. Pure, any thread.
//
//   TIME         ROLE     PID     COMM            CLIENT                SERVER                SNI  ...  RES  MS  RESULT
//   12:01:03.123 client   4711    curl            10.0.0.5:51234        192.0.2.7:443         api.example.com ...
//
// Columns are separated by blanks and none holds a blank itself; what was not seen is "-". Bytes from peers cannot reach the
// terminal as control sequences.
#ifndef TLSMETER_SRC_EXPORT_COLUMNS_H_
#define TLSMETER_SRC_EXPORT_COLUMNS_H_

#include <string>
#include <vector>

#include "src/correlate/handshake_record.h"
#include "src/export/fields.h"

namespace tlsmeter::agent {

class Columns {
 public:
  // Columns writes `fields` in their order, which must not be empty. With `color` whole lines are coloured by their result,
  // with the escapes of ECMA-48: failures red, aborted ones yellow, unknown ones dim.
  Columns(std::vector<const Field*> fields, TimeFormat time, bool color = false);

  // Header returns the line of column names, Line that of `record`; each with a line feed.
  std::string Header() const;
  std::string Line(const HandshakeRecord& record) const;

 private:
  std::vector<const Field*> fields_;
  TimeFormat time_;
  bool color_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_COLUMNS_H_
