#include "src/export/columns.h"

#include <string_view>
#include <utility>

namespace tlsmeter::agent {
namespace {

constexpr size_t kUsualLine = 256;

// The value that begins at `begin` becomes one cell: no blanks, and never the "-" of an absent one.
void MakeCell(size_t begin, std::string* line) {
  const std::string_view value = std::string_view(*line).substr(begin);
  if (value.empty()) {
    *line += '-';
  } else if (value == "-") {
    line->replace(begin, 1, "\\x2d");
  } else {
    for (size_t at = line->find(' ', begin); at != std::string::npos; at = line->find(' ', at)) {
      line->replace(at, 1, "\\x20");
    }
  }
}

// Fills the cell that begins at `begin` up to the width of its column.
void Pad(const Field& field, size_t begin, std::string* line) {
  const size_t size = line->size() - begin;
  if (size < field.width) line->insert(field.right ? begin : line->size(), field.width - size, ' ');
}

std::string_view Color(Result result) {
  switch (result) {
    case Result::kSuccess:
      return "";
    case Result::kFailure:
      return "\x1b[31m";
    case Result::kAborted:
      return "\x1b[33m";
    case Result::kUnknown:
      return "\x1b[2m";
  }
  return "";
}

}  // namespace

Columns::Columns(std::vector<const Field*> fields, TimeFormat time, bool color)
    : fields_(std::move(fields)), time_(time), color_(color) {}

std::string Columns::Header() const {
  std::string line;
  for (const Field* field : fields_) {
    if (!line.empty()) line += ' ';
    const size_t begin = line.size();
    line += field->heading;
    Pad(*field, begin, &line);
  }
  return line + '\n';
}

std::string Columns::Line(const HandshakeRecord& record) const {
  std::string line;
  line.reserve(kUsualLine);
  const std::string_view color = color_ ? Color(record.result) : "";
  line += color;
  for (const Field* field : fields_) {
    if (line.size() > color.size()) line += ' ';
    const size_t begin = line.size();
    field->append(record, time_, &line);
    MakeCell(begin, &line);
    Pad(*field, begin, &line);
  }
  if (!color.empty()) line += "\x1b[0m";
  line += '\n';
  return line;
}

}  // namespace tlsmeter::agent
