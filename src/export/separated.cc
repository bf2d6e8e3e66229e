#include "src/export/separated.h"

#include <array>
#include <cstdint>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/aggregate/labels.h"
#include "src/base/text.h"
#include "src/export/record_start.h"

namespace tlsmeter::agent {
namespace {

void AppendCsv(std::string_view value, bool first, std::string* line) {
  if (!first) *line += ',';
  if (value.find_first_of(",\"") == std::string_view::npos) {
    *line += value;
    return;
  }
  *line += '"';
  for (const char c : value) {
    if (c == '"') *line += '"';
    *line += c;
  }
  *line += '"';
}

// "1.3" as Zeek writes it: "TLSv13".
std::string ZeekVersion(std::optional<ProtocolVersion> version) {
  if (!version.has_value()) return "-";
  const std::string name = version->Name();
  if (name.starts_with("ssl")) return "SSLv" + name.substr(3);
  if (name.size() == 3 && name[1] == '.') return std::string("TLSv1") + (name[2] == '0' ? std::string() : name.substr(2));
  return name;
}

std::string ZeekText(std::string_view raw) {
  if (raw.empty()) return "-";
  if (raw == "-") return "\\x2d";
  return PrintableUtf8(raw, kMaxFieldText);  // leaves no tab, the separator
}

struct ZeekField {
  std::string_view name;
  std::string_view type;
  std::string (*text)(const HandshakeRecord& record);
};

std::string Address(const std::optional<SocketAddress>& end) { return end.has_value() ? AddressText(*end) : "-"; }
std::string Port(const std::optional<SocketAddress>& end) { return end.has_value() ? std::to_string(end->port) : "-"; }

constexpr std::array kZeekFields = {
    ZeekField{
        "ts", "time",
        [](const HandshakeRecord& r) { return absl::StrFormat("%.6f", static_cast<double>(RecordStartNs(r)) * 1e-9); }},
    ZeekField{"uid", "string",
              [](const HandshakeRecord& r) {
                if (!r.tls.client_hello.has_value()) return std::string("-");
                return "C" + HexText(std::span(r.tls.client_hello->random).first(8));
              }},
    ZeekField{"id.orig_h", "addr", [](const HandshakeRecord& r) { return Address(r.client); }},
    ZeekField{"id.orig_p", "port", [](const HandshakeRecord& r) { return Port(r.client); }},
    ZeekField{"id.resp_h", "addr", [](const HandshakeRecord& r) { return Address(r.server); }},
    ZeekField{"id.resp_p", "port", [](const HandshakeRecord& r) { return Port(r.server); }},
    ZeekField{"version", "string", [](const HandshakeRecord& r) { return ZeekVersion(r.tls.version); }},
    ZeekField{"cipher", "string",
              [](const HandshakeRecord& r) { return r.tls.cipher.has_value() ? r.tls.cipher->Name() : std::string("-"); }},
    ZeekField{"curve", "string",
              [](const HandshakeRecord& r) { return r.tls.group.has_value() ? r.tls.group->Name() : std::string("-"); }},
    ZeekField{"server_name", "string",
              [](const HandshakeRecord& r) {
                return r.tls.client_hello.has_value() ? ZeekText(LowerAscii(r.tls.client_hello->server_name))
                                                      : std::string("-");
              }},
    ZeekField{"resumed", "bool",
              [](const HandshakeRecord& r) { return std::string(r.tls.resumption != Resumption::kNone ? "T" : "F"); }},
    ZeekField{"last_alert", "string",
              [](const HandshakeRecord& r) {
                return r.tls.alert.has_value() ? std::string(AlertLabel(*r.tls.alert)) : std::string("-");
              }},
    ZeekField{"next_protocol", "string", [](const HandshakeRecord& r) { return ZeekText(r.tls.alpn); }},
    ZeekField{"established", "bool",
              [](const HandshakeRecord& r) { return std::string(r.result == Result::kSuccess ? "T" : "F"); }},
};

}  // namespace

std::string CsvHeader(const std::vector<const Field*>& fields) {
  std::string line;
  for (const Field* field : fields) AppendCsv(field->name, field == fields.front(), &line);
  return line + '\n';
}

std::string CsvLine(const std::vector<const Field*>& fields, const HandshakeRecord& record, const TimeFormat& time) {
  std::string line;
  std::string value;
  for (size_t i = 0; i < fields.size(); ++i) {
    value.clear();
    fields[i]->append(record, time, &value);
    AppendCsv(value, i == 0, &line);
  }
  return line + '\n';
}

std::string ZeekHeader(uint64_t opened_ns) {
  std::string names = "#fields";
  std::string types = "#types";
  for (const ZeekField& field : kZeekFields) {
    absl::StrAppend(&names, "\t", std::string(field.name));
    absl::StrAppend(&types, "\t", std::string(field.type));
  }
  return absl::StrCat(
      "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tssl\n#open\t",
      absl::FormatTime("%Y-%m-%d-%H-%M-%S", absl::FromUnixNanos(static_cast<int64_t>(opened_ns)), absl::UTCTimeZone()), "\n",
      names, "\n", types, "\n");
}

std::string ZeekLine(const HandshakeRecord& record) {
  std::string line;
  for (const ZeekField& field : kZeekFields) {
    if (!line.empty()) line += '\t';
    line += field.text(record);
  }
  return line + '\n';
}

}  // namespace tlsmeter::agent
