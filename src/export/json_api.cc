#include "src/export/json_api.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "src/aggregate/labels.h"
#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/export/json_lines.h"
#include "src/export/query.h"
#include "src/export/time_text.h"

namespace tlsmeter::agent {
namespace {

constexpr size_t kDefaultLimit = 100;

// Bounds what an error repeats of a query.
constexpr size_t kMaxRepeated = 80;

HttpResponse Json(unsigned status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  response.body += '\n';
  return response;
}

HttpResponse BadQuery(const std::string& what) {
  std::string body;
  JsonWriter json(&body);
  json.String("error", what);
  json.Finish();
  return Json(400, std::move(body));
}

// Filter is a query, read. What is absent is not asked for.
struct Filter {
  std::optional<std::string> role;
  std::optional<std::string> server_name;
  std::optional<std::string> result;
  std::optional<std::string> reason;
  std::optional<uint64_t> pid;
  std::optional<uint64_t> limit;
};

absl::Status ReadNumber(const std::string& name, const std::string& text, uint64_t least, uint64_t most,
                        std::optional<uint64_t>* number) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    return absl::InvalidArgumentError(absl::StrCat(name, " must be a number from ", least, " to ", most));
  }
  *number = value;
  return absl::OkStatus();
}

// A value that no record can have is a mistake, and not an empty answer.
template <typename Value, typename Name>
bool IsNameOfOne(const std::string& text, int count, Name name) {
  for (int i = 0; i < count; ++i) {
    if (name(static_cast<Value>(i)) == text) return true;
  }
  return false;
}

absl::Status ReadParameter(const std::string& name, const std::string& value, Filter* filter) {
  constexpr int kRoles = static_cast<int>(Role::kObserver) + 1;
  constexpr int kResults = static_cast<int>(Result::kUnknown) + 1;
  if (name == "pid") return ReadNumber(name, value, 1, UINT32_MAX, &filter->pid);
  if (name == "limit") return ReadNumber(name, value, 1, RecentRecords::kMaxRecords, &filter->limit);
  if (name == "server_name") {
    filter->server_name = LowerAscii(value);
  } else if (name == "role" && IsNameOfOne<Role>(value, kRoles, RoleName)) {
    filter->role = value;
  } else if (name == "result" && IsNameOfOne<Result>(value, kResults, ResultName)) {
    filter->result = value;
  } else if (name == "reason" && IsNameOfOne<FailureReason>(value, kFailureReasonCount, FailureReasonName)) {
    filter->reason = value;
  } else if (name == "role" || name == "result" || name == "reason") {
    return absl::InvalidArgumentError(absl::StrCat("no ", name, " is called ", PrintableUtf8(value, kMaxRepeated)));
  } else {
    return absl::InvalidArgumentError(absl::StrCat("unknown parameter ", PrintableUtf8(name, kMaxRepeated),
                                                   "; known: role, server_name, result, reason, pid, limit"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Filter> ReadFilter(std::string_view target) {
  const std::optional<QueryParameters> parameters = ParseQuery(target);
  if (!parameters.has_value())
    return absl::InvalidArgumentError("a percent sign must be followed by two hexadecimal digits");
  Filter filter;
  for (size_t i = 0; i < parameters->size(); ++i) {
    const std::string& name = (*parameters)[i].first;
    const auto earlier = parameters->begin() + static_cast<ptrdiff_t>(i);
    if (std::any_of(parameters->begin(), earlier, [&name](const auto& other) { return other.first == name; })) {
      return absl::InvalidArgumentError(absl::StrCat(PrintableUtf8(name, kMaxRepeated), " is given twice"));
    }
    const absl::Status status = ReadParameter(name, (*parameters)[i].second, &filter);
    if (!status.ok()) return status;
  }
  return filter;
}

// The server name as the record shows it.
std::string ServerName(const HandshakeRecord& record) {
  if (!record.tls.client_hello.has_value()) return "";
  return LowerAscii(PrintableUtf8(record.tls.client_hello->server_name, kMaxTextField));
}

bool Matches(const Filter& filter, const HandshakeRecord& record) {
  return (!filter.role.has_value() || *filter.role == RoleName(record.role)) &&
         (!filter.result.has_value() || *filter.result == ResultName(record.result)) &&
         (!filter.reason.has_value() || *filter.reason == FailureReasonName(record.reason)) &&
         (!filter.pid.has_value() || *filter.pid == record.owner.pid) &&
         (!filter.server_name.has_value() || *filter.server_name == ServerName(record));
}

void WriteTime(JsonPath path, std::optional<int64_t> unix_seconds, JsonWriter* json) {
  if (!unix_seconds.has_value()) return;
  json->String(path, UtcTime(absl::FromUnixSeconds(*unix_seconds), 0));
}

// Text from a certificate; absent when empty.
void WriteText(JsonPath path, std::string_view text, JsonWriter* json) {
  if (!text.empty()) json->String(path, PrintableUtf8(text, kMaxTextField));
}

void WriteUse(const CertificateUse& use, std::string* out) {
  constexpr std::array<JsonPath, 4> kWorkload = {"role", "namespace", "workload", "workload_type"};
  JsonWriter json(out);
  for (size_t i = 0; i < kWorkload.size(); ++i) json.String(kWorkload[i], use.workload[i]);
  json.String("server_name", use.server_name);
  json.Bool("sent", use.sent);
  WriteTime("chain_not_after", use.chain_not_after, &json);
  WriteTime("first_seen", use.first_seen, &json);
  WriteTime("last_seen", use.last_seen, &json);
  json.Finish();
}

void WriteCertificate(const Certificate& certificate, std::string* out) {
  const CertificateFacts& facts = *certificate.facts;
  JsonWriter json(out);
  json.String("fingerprint_sha256", FingerprintLabel(facts.sha256));
  json.Bool("readable", facts.readable);
  WriteText("subject", facts.subject, &json);
  WriteText("issuer", facts.issuer, &json);
  WriteText("serial_number", facts.serial_number, &json);
  WriteTime("not_before", facts.not_before, &json);
  WriteTime("not_after", facts.not_after, &json);
  json.BeginArray("subject_alt_names");
  for (const std::string& name : facts.subject_alt_names) json.Element(PrintableUtf8(name, kMaxTextField));
  json.EndArray();
  json.Uint("subject_alt_name_count", facts.subject_alt_name_count);
  WriteText("key_algorithm", facts.key_algorithm, &json);
  WriteText("key_curve", facts.key_curve, &json);
  if (facts.key_bits != 0) json.Uint("key_bits", facts.key_bits);
  WriteText("signature_algorithm", facts.signature_algorithm, &json);
  json.Bool("self_signed", facts.self_signed);
  json.String("sender", SenderName(certificate.sender));
  json.Uint("chain_position", certificate.chain_position);
  WriteTime("ocsp_next_update", certificate.ocsp_next_update, &json);
  WriteTime("first_seen", certificate.first_seen, &json);
  WriteTime("last_seen", certificate.last_seen, &json);
  json.Finish();
  out->pop_back();  // JsonWriter knows no arrays of objects: the last member goes in before the closing brace
  *out += ",\"uses\":[";
  for (size_t i = 0; i < certificate.uses.size(); ++i) {
    if (i != 0) *out += ',';
    WriteUse(certificate.uses[i], out);
  }
  *out += "]}";
}

// StatusWriter writes lists of labelled values as objects. It keeps the paths that it made for as long as JsonWriter needs
// them.
class StatusWriter {
 public:
  explicit StatusWriter(std::string* out) : json_(out) {}

  JsonWriter& json() { return json_; }

  JsonPath Path(std::string_view parent, std::string_view name, std::string_view leaf = "") {
    paths_.push_back(absl::StrCat(std::string(parent), ".", std::string(name)));
    if (!leaf.empty()) paths_.back().append(".").append(leaf);
    return JsonPath(paths_.back());
  }

  void Counts(std::string_view path, const std::vector<LabelledValue>& values) {
    for (const LabelledValue& value : values) json_.Uint(Path(path, value.label), static_cast<uint64_t>(value.value));
  }

 private:
  std::deque<std::string> paths_;  // never moves what it holds
  JsonWriter json_;
};

void WriteTables(const AggregateSnapshot& snapshot, StatusWriter* out) {
  const SelfStats& self = snapshot.self;
  for (size_t i = 0; i < std::min(self.bpf_map_entries.size(), self.bpf_map_max_entries.size()); ++i) {
    const auto& [map, entries] = self.bpf_map_entries[i];
    out->json().Uint(out->Path("tables.bpf_maps", map, "entries"), static_cast<uint64_t>(entries));
    out->json().Uint(out->Path("tables.bpf_maps", map, "max_entries"),
                     static_cast<uint64_t>(self.bpf_map_max_entries[i].value));
  }
  for (const FamilySnapshot& family : snapshot.families) {
    out->json().Uint(out->Path("tables.families", family.spec->name, "label_sets"), family.sets.size());
    out->json().Uint(out->Path("tables.families", family.spec->name, "limit"), family.limit);
    const size_t series_per_set = family.spec->type == MetricType::kHistogram ? kHistogramSeries : 1;
    out->json().Uint(out->Path("tables.families", family.spec->name, "series"), family.sets.size() * series_per_set);
    const auto labels = family.spec->labels();
    for (size_t label = 0; label < labels.size(); ++label) {
      if (!CountsOverflow(labels[label])) continue;
      const std::string leaf = absl::StrCat("overflow.", std::string(labels[label]));
      out->json().Uint(out->Path("tables.families", family.spec->name, leaf), family.overflow[label]);
    }
  }
}

}  // namespace

HttpResponse HandshakesAnswer(const RecentRecords& records, std::string_view target) {
  const absl::StatusOr<Filter> filter = ReadFilter(target);
  if (!filter.ok()) return BadQuery(std::string(filter.status().message()));
  const auto kept = records.All();
  std::string body = "{\"handshakes\":[";
  size_t count = 0;
  bool truncated = false;
  for (auto record = kept.rbegin(); record != kept.rend() && count < filter->limit.value_or(kDefaultLimit); ++record) {
    if (!Matches(*filter, **record)) continue;
    if (body.size() > kMaxAnswerBytes) {
      truncated = true;
      break;
    }
    body += count++ == 0 ? "\n" : ",\n";
    AppendJsonLine(**record, &body);
    body.pop_back();  // the line feed
  }
  absl::StrAppend(&body, "\n],\"count\":", count, ",\"kept\":", kept.size(), truncated ? ",\"truncated\":true}" : "}");
  return Json(200, std::move(body));
}

HttpResponse CertificatesAnswer(const CertificateView& view) {
  std::vector<const Certificate*> order;
  for (const Certificate& certificate : view.certificates) order.push_back(&certificate);
  // Equal times by fingerprint: the same catalogue gives the same answer.
  const auto key = [](const Certificate* certificate) {
    return std::pair(certificate->facts->not_after.value_or(INT64_MAX), certificate->facts->sha256);
  };
  std::sort(order.begin(), order.end(), [&key](const auto* a, const auto* b) { return key(a) < key(b); });
  std::string body = "{\"certificates\":[";
  for (const Certificate* certificate : order) {
    body += certificate == order.front() ? "\n" : ",\n";
    WriteCertificate(*certificate, &body);
  }
  absl::StrAppend(&body, "\n],\"count\":", order.size(), ",\"evicted\":", view.evicted,
                  ",\"evicted_uses\":", view.evicted_uses, "}");
  return Json(200, std::move(body));
}

HttpResponse StatusAnswer(const AggregateSnapshot& snapshot, const ProcessStats& process, const absl::Status& ready) {
  const SelfStats& self = snapshot.self;
  std::string body;
  StatusWriter out(&body);
  out.json().String("version", self.version);
  if (process.start_time_seconds.has_value()) {
    const absl::Time start = absl::FromUnixMillis(static_cast<int64_t>(*process.start_time_seconds * 1000));
    out.json().String("start_time", UtcTime(start, 3));
    out.json().Uint("uptime_seconds", static_cast<uint64_t>(std::max<int64_t>(0, (absl::Now() - start) / absl::Seconds(1))));
  }
  out.json().Bool("ready", ready.ok());
  if (!ready.ok()) out.json().String("not_ready_because", std::string(ready.message()));
  for (const LabelledValue& hook : self.attached) out.json().Bool(out.Path("hooks", hook.label), hook.value != 0);
  out.Counts("events", self.events);
  out.Counts("events_lost", self.events_lost);
  out.Counts("parse_errors", self.parse_errors);
  out.Counts("blind_handshakes", self.blind_handshakes);
  out.Counts("connections_without_handshake", self.connections_without_handshake);
  out.Counts("connections_evicted", self.connections_evicted);
  out.json().Uint("tracked_connections", static_cast<uint64_t>(self.tracked_connections));
  WriteTables(snapshot, &out);
  out.json().Finish();
  return Json(200, std::move(body));
}

}  // namespace tlsmeter::agent
