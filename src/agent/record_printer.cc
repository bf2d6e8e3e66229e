#include "src/agent/record_printer.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/export/json_lines.h"
#include "src/export/separated.h"
#include "src/export/story.h"

namespace tlsmeter::agent {
namespace {

void Write(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

PrinterOptions WithFields(PrinterOptions options) {
  if (options.fields.empty()) {
    options.fields = *ParseFields(options.format == OutputFormat::kWide ? kWideFields : kDefaultFields);
  }
  return options;
}

}  // namespace

RecordPrinter::RecordPrinter(PrinterOptions options)
    : options_(WithFields(std::move(options))), columns_(options_.fields, options_.time, options_.color) {}

void RecordPrinter::PrintHeader() {
  switch (options_.format) {
    case OutputFormat::kColumns:
    case OutputFormat::kWide:
      Write(columns_.Header());
      break;
    case OutputFormat::kCsv:
      Write(CsvHeader(options_.fields));
      break;
    case OutputFormat::kZeek:
      Write(ZeekHeader(options_.time.start_ns));
      break;
    case OutputFormat::kJson:
    case OutputFormat::kJsonPretty:
      break;
  }
  Flush().IgnoreError();  // a reader who has gone is met again at the next line
}

std::string RecordPrinter::Line(const HandshakeRecord& record) const {
  switch (options_.format) {
    case OutputFormat::kColumns:
    case OutputFormat::kWide:
      return columns_.Line(record) + (options_.stories ? Story(record) : "");
    case OutputFormat::kJson:
      return JsonLine(record);
    case OutputFormat::kJsonPretty:
      return nlohmann::ordered_json::parse(JsonLine(record)).dump(2) + '\n';
    case OutputFormat::kCsv:
      return CsvLine(options_.fields, record, options_.time);
    case OutputFormat::kZeek:
      return ZeekLine(record);
  }
  return "";
}

void RecordPrinter::Print(const HandshakeRecord& record) {
  if (full() || !options_.filter.Matches(record)) return;
  ++records_;
  Write(Line(record));
}

absl::Status RecordPrinter::Flush() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write to standard output: ", strerror(errno)));
}

}  // namespace tlsmeter::agent
