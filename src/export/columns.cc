#include "src/export/columns.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/strings/str_format.h"
#include "src/aggregate/labels.h"
#include "src/base/text.h"
#include "src/export/record_start.h"

namespace tlsmeter::agent {
namespace {

struct Column {
  std::string_view name;
  size_t width;  // shorter values are filled up; longer ones push the rest of the line
  bool right = false;
};

// Widths of what is common: an IPv4 address with its port, an AEAD suite of TLS 1.3, a hybrid group.
constexpr std::array<Column, 14> kColumns = {{
    {"TIME", 12},
    {"ROLE", 8},
    {"PID", 7},
    {"COMM", 15},
    {"CLIENT", 21},
    {"SERVER", 21},
    {"SNI", 28},
    {"VER", 4},
    {"CIPHER", 22},
    {"GROUP", 14},
    {"ALPN", 8},
    {"RES", 10},
    {"MS", 9, true},
    {"RESULT", 0},
}};

// kMaxCell bounds a value from a peer on the terminal, in bytes: the longest host name.
constexpr size_t kMaxCell = kMaxHostName;

using Cells = std::array<std::string, kColumns.size()>;

std::string Join(const Cells& cells) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string_view cell = cells[i].empty() ? std::string_view("-") : std::string_view(cells[i]);
    const size_t fill = cell.size() < kColumns[i].width ? kColumns[i].width - cell.size() : 0;
    if (i > 0) line += ' ';
    if (kColumns[i].right) line.append(fill, ' ');
    line += cell;
    if (!kColumns[i].right) line.append(fill, ' ');
  }
  line += '\n';
  return line;
}

// Text from outside as one cell: no blanks, and never the "-" of an absent value.
std::string Cell(std::string_view raw) {
  if (raw == "-") return "\\x2d";
  std::string cell;
  for (const char c : PrintableUtf8(raw, kMaxCell)) {
    if (c == ' ') {
      cell += "\\x20";
    } else {
      cell += c;
    }
  }
  return cell;
}

std::string EndpointText(const std::optional<SocketAddress>& address) {
  if (!address.has_value()) return "";
  const std::string host = AddressText(*address);
  const bool bare = host.find(':') == std::string::npos;
  return absl::StrFormat("%s%s%s:%d", bare ? "" : "[", host, bare ? "" : "]", address->port);
}

std::string TimeText(const HandshakeRecord& record, absl::TimeZone zone) {
  const uint64_t start = RecordStartNs(record);
  if (start == 0) return "";
  return absl::FormatTime("%H:%M:%E3S", absl::FromUnixNanos(static_cast<int64_t>(start)), zone);
}

std::string ResultText(const HandshakeRecord& record) {
  std::string text(ResultName(record.result));
  if (record.reason != FailureReason::kNone) {
    text += ':';
    text += FailureReasonName(record.reason);
  }
  if (record.inferred) text += '~';
  return text;
}

}  // namespace

std::string ColumnsHeader() {
  Cells cells;
  for (size_t i = 0; i < cells.size(); ++i) cells[i] = std::string(kColumns[i].name);
  return Join(cells);
}

std::string ColumnsLine(const HandshakeRecord& record, absl::TimeZone zone) {
  const Handshake& tls = record.tls;
  const std::optional<double> seconds = HandshakeSeconds(record);
  Cells cells = {
      TimeText(record, zone),
      std::string(RoleName(record.role)),
      record.owner.pid != 0 ? std::to_string(record.owner.pid) : "",
      Cell(record.owner.comm),
      EndpointText(record.client),
      EndpointText(record.server),
      tls.client_hello.has_value() ? LowerAscii(Cell(tls.client_hello->server_name)) : "",
      tls.version.has_value() ? tls.version->Name() : "",
      tls.cipher.has_value() ? tls.cipher->Name() : "",
      tls.group.has_value() ? tls.group->Name() : "",
      Cell(tls.alpn),
      tls.resumption != Resumption::kNone ? std::string(ResumptionName(tls.resumption)) : "",
      seconds.has_value() ? absl::StrFormat("%.3f", *seconds * 1e3) : "",
      ResultText(record),
  };
  return Join(cells);
}

}  // namespace tlsmeter::agent
