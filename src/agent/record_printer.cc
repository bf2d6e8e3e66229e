#include "src/agent/record_printer.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "src/export/columns.h"
#include "src/export/json_lines.h"

namespace tlsmeter::agent {
namespace {

void Write(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace

void RecordPrinter::PrintHeader() {
  if (format_ == OutputFormat::kColumns) Write(ColumnsHeader());
  Flush().IgnoreError();  // a reader who has gone is met again at the next line
}

void RecordPrinter::Print(const HandshakeRecord& record) {
  if (full()) return;
  ++records_;
  Write(format_ == OutputFormat::kJson ? JsonLine(record) : ColumnsLine(record));
}

absl::Status RecordPrinter::Flush() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write to standard output: ", strerror(errno)));
}

}  // namespace tlsmeter::agent
