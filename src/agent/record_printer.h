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
  // max_records 0 is no limit.
  explicit RecordPrinter(OutputFormat format, uint64_t max_records = 0) : format_(format), max_records_(max_records) {}

  // PrintHeader prints the column names, for kColumns.
  void PrintHeader();

  // full returns true when max_records were added: no more are wanted.
  bool full() const { return max_records_ != 0 && records_ >= max_records_; }

  // Print adds a record, unless full; Flush writes out what was added. Unavailable when the reader has gone.
  void Print(const HandshakeRecord& record);
  absl::Status Flush();

 private:
  OutputFormat format_;
  uint64_t max_records_;
  uint64_t records_ = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_RECORD_PRINTER_H_
