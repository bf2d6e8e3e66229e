// RecordPrinter: finished records to standard output, those that are wanted, a line each. Event thread.
#ifndef TLSMETER_SRC_AGENT_RECORD_PRINTER_H_
#define TLSMETER_SRC_AGENT_RECORD_PRINTER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "src/agent/record_filter.h"
#include "src/correlate/handshake_record.h"
#include "src/export/columns.h"
#include "src/export/fields.h"

namespace tlsmeter::agent {

enum class OutputFormat : uint8_t { kColumns, kWide, kJson, kJsonPretty, kCsv, kZeek };

struct PrinterOptions {
  OutputFormat format = OutputFormat::kColumns;
  std::vector<const Field*> fields;  // of columns and csv; empty: those that the format has by itself
  TimeFormat time;                   // likewise
  bool color = false;                // of columns
  bool stories = false;              // under each column line of a handshake that did not succeed
  uint64_t max_records = 0;          // 0: no limit
  RecordFilter filter;
};

class RecordPrinter {
 public:
  explicit RecordPrinter(PrinterOptions options);

  // PrintHeader prints what the format puts before the records.
  void PrintHeader();

  // full returns true when max_records were added: no more are wanted.
  bool full() const { return options_.max_records != 0 && records_ >= options_.max_records; }

  // Print adds a record if the filter lets it through, unless full; Flush writes out what was added. Unavailable when the
  // reader has gone.
  void Print(const HandshakeRecord& record);
  absl::Status Flush();

 private:
  void AppendLine(const HandshakeRecord& record);
  void WriteText();

  PrinterOptions options_;
  Columns columns_;
  uint64_t records_ = 0;
  std::string text_;  // lines that are not written yet, kMaxText and a line at most
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_RECORD_PRINTER_H_
