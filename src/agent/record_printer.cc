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

// Lines are written in pieces of this size: stdio by itself calls the kernel for each page.
constexpr size_t kMaxText = 64 * 1024;

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
      text_ += columns_.Header();
      break;
    case OutputFormat::kCsv:
      text_ += CsvHeader(options_.fields);
      break;
    case OutputFormat::kZeek:
      text_ += ZeekHeader(options_.time.start_ns);
      break;
    case OutputFormat::kJson:
    case OutputFormat::kJsonPretty:
      break;
  }
  Flush().IgnoreError();  // a reader who has gone is met again at the next line
}

void RecordPrinter::AppendLine(const HandshakeRecord& record) {
  switch (options_.format) {
    case OutputFormat::kColumns:
    case OutputFormat::kWide:
      text_ += columns_.Line(record);
      if (options_.stories) text_ += Story(record);
      break;
    case OutputFormat::kJson:
      AppendJsonLine(record, &text_);
      break;
    case OutputFormat::kJsonPretty:
      text_ += nlohmann::ordered_json::parse(JsonLine(record)).dump(2) + '\n';
      break;
    case OutputFormat::kCsv:
      text_ += CsvLine(options_.fields, record, options_.time);
      break;
    case OutputFormat::kZeek:
      text_ += ZeekLine(record);
      break;
  }
}

void RecordPrinter::Print(const HandshakeRecord& record) {
  if (full() || !options_.filter.Matches(record)) return;
  ++records_;
  AppendLine(record);
  if (text_.size() >= kMaxText) WriteText();
}

void RecordPrinter::WriteText() {
  std::fwrite(text_.data(), 1, text_.size(), stdout);
  text_.clear();
}

absl::Status RecordPrinter::Flush() {
  WriteText();
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write to standard output: ", strerror(errno)));
}

}  // namespace tlsmeter::agent
