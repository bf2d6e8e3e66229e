// RecordPrinter: finished records to standard output, a line each. Event thread.
#ifndef TLSMETER_SRC_AGENT_RECORD_PRINTER_H_
#define TLSMETER_SRC_AGENT_RECORD_PRINTER_H_

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

enum class OutputFormat : uint8_t { kColumns, kJson };

class RecordPrinter {
 public:
  explicit RecordPrinter(OutputFormat format) : format_(format) {}

  // PrintHeader prints the column names, for kColumns.
  void PrintHeader();

  // Print adds a record; Flush writes out what was added. Unavailable when the reader has gone.
  void Print(const HandshakeRecord& record);
  absl::Status Flush();

 private:
  OutputFormat format_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_RECORD_PRINTER_H_
