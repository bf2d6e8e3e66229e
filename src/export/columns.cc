#include "src/export/columns.h"

#include <string_view>
#include <utility>

namespace tlsmeter::agent {
namespace {

void AppendCell(const Field& field, std::string_view cell, std::string* line) {
  const size_t fill = cell.size() < field.width ? field.width - cell.size() : 0;
  if (!line->empty()) *line += ' ';
  if (field.right) line->append(fill, ' ');
  *line += cell;
  if (!field.right) line->append(fill, ' ');
}

// A value as one cell: no blanks, and never the "-" of an absent one.
std::string Cell(std::string_view text) {
  if (text.empty()) return "-";
  if (text == "-") return "\\x2d";
  std::string cell;
  for (const char c : text) {
    if (c == ' ') {
      cell += "\\x20";
    } else {
      cell += c;
    }
  }
  return cell;
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
  for (const Field* field : fields_) AppendCell(*field, field->heading, &line);
  return line + '\n';
}

std::string Columns::Line(const HandshakeRecord& record) const {
  std::string line;
  for (const Field* field : fields_) AppendCell(*field, Cell(field->text(record, time_)), &line);
  if (const std::string_view color = color_ ? Color(record.result) : ""; !color.empty()) {
    line = std::string(color) + line + "\x1b[0m";
  }
  return line + '\n';
}

}  // namespace tlsmeter::agent
