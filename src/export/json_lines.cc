#include "src/export/json_lines.h"

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "absl/time/time.h"
#include "src/aggregate/labels.h"
#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/correlate/library_reasons.h"
#include "src/correlate/openssl_reasons.h"
#include "src/export/certificate_json.h"
#include "src/export/record_start.h"
#include "src/export/time_text.h"
#include "tlsmeter/ja3.h"
#include "tlsmeter/ja4.h"

namespace tlsmeter::agent {
namespace {

// An ALPN id that stands for no protocol (RFC 8701, section 3.1): two equal bytes of the form 0x?a.
bool IsGreaseId(std::string_view id) {
  return id.size() == 2 && id[0] == id[1] && (static_cast<uint8_t>(id[0]) & 0x0f) == 0x0a;
}

void WriteTime(const HandshakeRecord& record, JsonWriter* json) {
  const uint64_t start = RecordStartNs(record);
  if (start == 0) return;
  json->String("@timestamp", UtcTime(absl::FromUnixNanos(static_cast<int64_t>(start)), 6));
}

void WriteEndpoints(const HandshakeRecord& record, JsonWriter* json) {
  if (record.client.has_value()) {
    json->String("client.address", AddressText(*record.client));
    json->Uint("client.port", record.client->port);
  }
  if (record.server.has_value()) {
    json->String("server.address", AddressText(*record.server));
    json->Uint("server.port", record.server->port);
  }
}

void WriteHello(const ClientHello& hello, JsonWriter* json) {
  if (!hello.server_name.empty()) {
    json->String("tls.client.server_name", LowerAscii(PrintableUtf8(hello.server_name, kMaxTextField)));
  }
  if (hello.ssl2_format) return;  // the fingerprints are not defined for it
  if (const std::string ja3 = Ja3(hello); !ja3.empty()) json->String("tls.client.ja3", ja3);
  json->String("tls.client.ja4", Ja4(hello, Ja4Transport::kTcp));
}

// Most of a line are names of registered numbers, which are static.
template <typename Number>
void WriteName(JsonPath path, Number number, JsonWriter* json) {
  if (const std::string_view known = number.KnownName(); !known.empty()) {
    json->String(path, known);
  } else {
    json->String(path, number.Name());
  }
}

template <typename Number>
void WriteNames(JsonPath path, const std::vector<Number>& numbers, JsonWriter* json) {
  if (numbers.empty()) return;
  json->BeginArray(path);
  for (const Number number : numbers) {
    if (IsGrease(number.value)) continue;
    if (const std::string_view known = number.KnownName(); !known.empty()) {
      json->PlainElement(known);
    } else {
      json->Element(number.Name());
    }
  }
  json->EndArray();
}

void WriteTls(const HandshakeRecord& record, JsonWriter* json) {
  const Handshake& tls = record.tls;
  if (tls.client_hello.has_value()) WriteHello(*tls.client_hello, json);
  WriteCertificateIdentity(Sender::kClient, tls.client_certificates, json);
  WriteCertificateIdentity(Sender::kServer, tls.server_certificates, json);
  if (tls.version.has_value()) WriteName("tls.protocol.version", *tls.version, json);
  if (tls.cipher.has_value()) WriteName("tls.cipher", *tls.cipher, json);
  if (tls.group.has_value()) WriteName("tls.curve", *tls.group, json);
  if (!tls.alpn.empty()) json->String("tls.next_protocol", PrintableUtf8(tls.alpn, kMaxTextField));
  if (tls.server_hello.has_value()) json->Bool("tls.resumed", tls.resumption != Resumption::kNone);
  if (record.result != Result::kUnknown) json->Bool("tls.established", record.result == Result::kSuccess);
}

void WriteOffered(const ClientHello& hello, JsonWriter* json) {
  if (!hello.alpn.empty()) {
    json->BeginArray("tlsmeter.offered.alpn");
    for (const std::string& id : hello.alpn) {
      if (!IsGreaseId(id)) json->Element(PrintableUtf8(id, kMaxTextField));
    }
    json->EndArray();
  }
  // Without the extension the one version that the client names is its offer (RFC 8446, section 4.2.1).
  const std::vector<ProtocolVersion> only = {hello.legacy_version};
  WriteNames("tlsmeter.offered.versions", hello.supported_versions.empty() ? only : hello.supported_versions, json);
  WriteNames("tlsmeter.offered.ciphers", hello.cipher_suites, json);
  WriteNames("tlsmeter.offered.groups", hello.supported_groups, json);
  WriteNames("tlsmeter.offered.signature_algorithms", hello.signature_algorithms, json);
}

std::string_view EarlyDataName(EarlyData early_data) {
  switch (early_data) {
    case EarlyData::kNone:
      return "";
    case EarlyData::kOffered:
      return "offered";
    case EarlyData::kAccepted:
      return "accepted";
    case EarlyData::kRejected:
      return "rejected";
  }
  return "";
}

std::string_view MutualTlsName(MutualTls mutual_tls) {
  switch (mutual_tls) {
    case MutualTls::kNotVisible:
      return "";
    case MutualTls::kRequested:
      return "requested";
    case MutualTls::kPresented:
      return "presented";
    case MutualTls::kAbsent:
      return "absent";
  }
  return "";
}

void WriteParameters(const Handshake& tls, JsonWriter* json) {
  if (tls.resumption != Resumption::kNone) json->String("tlsmeter.resumption", ResumptionName(tls.resumption));
  if (tls.early_data != EarlyData::kNone) json->String("tlsmeter.early_data", EarlyDataName(tls.early_data));
  if (tls.hello_retry.has_value() || tls.server_hello.has_value()) {
    json->Bool("tlsmeter.hello_retry", tls.hello_retry.has_value());
  }
  if (tls.ech != Ech::kNone) json->String("tlsmeter.ech", tls.ech == Ech::kGrease ? "grease" : "offered");
  if (tls.client_hello.has_value() && tls.client_hello->encrypted_server_name) json->Bool("tlsmeter.esni", true);
  if (tls.server_hello.has_value() && !tls.server_hello->supported_version && !tls.server_hello->legacy_version.IsTls13()) {
    json->Bool("tlsmeter.extended_master_secret", tls.server_hello->extended_master_secret);
  }
  if (tls.renegotiation) json->Bool("tlsmeter.renegotiation", true);
  if (tls.mutual_tls != MutualTls::kNotVisible) json->String("tlsmeter.mtls", MutualTlsName(tls.mutual_tls));
  const auto hello_seconds = static_cast<int64_t>(tls.server_hello_ns / 1'000'000'000);
  if (const std::string_view staple = OcspStapleName(tls.ocsp_staple, hello_seconds); !staple.empty()) {
    json->String("tlsmeter.ocsp_staple", staple);
  }
  WriteCertificateDetails(Sender::kClient, tls.client_certificates, json);
  WriteCertificateDetails(Sender::kServer, tls.server_certificates, json);
}

void WriteOutcome(const HandshakeRecord& record, JsonWriter* json) {
  json->String("tlsmeter.result", ResultName(record.result));
  if (record.reason != FailureReason::kNone) {
    json->String("tlsmeter.failure.reason", FailureReasonName(record.reason));
    if (record.inferred) json->Bool("tlsmeter.failure.inferred", true);
    if (record.failure_side.has_value()) {
      json->String("tlsmeter.failure.side", SenderName(*record.failure_side));
    } else {
      json->String("tlsmeter.failure.side", "none");
    }
    if (record.library && record.library->outcome == LibraryOutcome::kSuccess) json->Bool("tlsmeter.failure.late", true);
  }
  if (!record.tls.alert.has_value()) return;
  const Alert& alert = *record.tls.alert;
  // Of an encrypted alert only the sender is known.
  if (!alert.encrypted) {
    json->String("tlsmeter.alert.description", AlertDescription{alert.description}.Name());
    if (alert.level == 1 || alert.level == 2) json->String("tlsmeter.alert.level", alert.level == 1 ? "warning" : "fatal");
  }
  json->String("tlsmeter.alert.sender", SenderName(alert.sender));
}

void WriteStack(StackView stack, JsonWriter* json) {
  json->String("tlsmeter.stack.name", StackKindName(stack.kind));
  json->String("tlsmeter.stack.state", StackStateName(stack.state));
}

// What the TLS library in the process says by itself.
void WriteLibrary(const LibraryFacts& library, JsonWriter* json) {
  if (!library.stack.empty()) json->String("tlsmeter.library", PrintableUtf8(library.stack, kMaxTextField));
  json->String("tlsmeter.join", JoinedByName(library.join));
  if (library.reason != 0) {
    json->Uint("tlsmeter.error.code", library.reason);
    if (const std::string_view text = ErrorText(library); !text.empty()) json->String("tlsmeter.error.text", text);
  }
  if (library.verify_result) {
    json->Uint("tlsmeter.verify.code", *library.verify_result);
    if (const std::string_view text = VerifyText(library); !text.empty()) json->String("tlsmeter.verify.text", text);
  }
}

// Milliseconds with three decimals: what the kernel's clock is worth.
void WriteMs(JsonPath path, std::optional<double> seconds, JsonWriter* json) {
  if (seconds.has_value()) json->Thousandths(path, static_cast<uint64_t>(std::llround(*seconds * 1e6)));
}

void WriteMeasures(const HandshakeRecord& record, JsonWriter* json) {
  WriteMs("tlsmeter.timing.tcp_ms", TcpSeconds(record), json);
  WriteMs("tlsmeter.timing.server_flight_ms", ServerFlightSeconds(record), json);
  WriteMs("tlsmeter.timing.client_flight_ms", ClientFlightSeconds(record), json);
  WriteMs("tlsmeter.timing.handshake_ms", HandshakeSeconds(record), json);
  WriteMs("tlsmeter.timing.first_app_byte_ms", FirstAppByteSeconds(record), json);
  WriteMs("tlsmeter.timing.library_ms", LibrarySeconds(record), json);
  const auto& bytes = record.tls.handshake_bytes;
  if (bytes[0] != 0) json->Uint("tlsmeter.bytes.client", bytes[0]);
  if (bytes[1] != 0) json->Uint("tlsmeter.bytes.server", bytes[1]);
}

void WriteText(JsonPath path, std::string_view text, JsonWriter* json) {
  if (!text.empty()) json->String(path, PrintableUtf8(text, kMaxTextField));
}

// How the owner was found out; nothing for a record that no one attributed, of a capture file say.
void WriteAttribution(const Attribution& who, JsonWriter* json) {
  if (who.source == AttributionSource::kNone) return;
  json->String("tlsmeter.attribution.source", AttributionSourceName(who.source));
  json->String("tlsmeter.attribution.result", AttributionResultName(who.result));
}

void WriteOwner(const Owner& owner, const Attribution& who, JsonWriter* json) {
  if (owner.pid != 0) json->Uint("process.pid", owner.pid);
  WriteText("process.name", owner.comm, json);
  WriteText("process.executable.path", who.executable, json);
  if (owner.pid != 0) json->String("user.id", std::to_string(owner.uid));
  const bool pod = IsKubernetes(who.kind);
  WriteText("container.id", who.container_id, json);
  if (!pod) WriteText("container.name", who.container_name, json);
  WriteText("k8s.namespace.name", who.namespace_name, json);
  WriteText("k8s.pod.name", who.pod_name, json);
  WriteText("k8s.pod.uid", who.pod_uid, json);
  if (pod) WriteText("k8s.container.name", who.container_name, json);
  if (pod) {
    WriteText("k8s.workload.name", who.workload, json);
    WriteText("k8s.workload.kind", WorkloadKindName(who.kind), json);
  }
  WriteText("systemd.unit", who.systemd_unit, json);
}

}  // namespace

void AppendJsonLine(const HandshakeRecord& record, std::string* out) {
  JsonWriter json(out);
  WriteTime(record, &json);
  WriteEndpoints(record, &json);
  WriteTls(record, &json);
  json.String("tlsmeter.role", RoleName(record.role));
  json.String("tlsmeter.transport", "tcp");
  if (record.starttls != PlainProtocol::kNone) json.String("tlsmeter.starttls", PlainProtocolName(record.starttls));
  if (record.tls.client_hello.has_value()) {
    json.String("tlsmeter.client_random", HexText(record.tls.client_hello->random));
    WriteOffered(*record.tls.client_hello, &json);
  } else if (record.library.has_value() && record.library->client_random.has_value()) {
    json.String("tlsmeter.client_random", HexText(*record.library->client_random));
  }
  WriteParameters(record.tls, &json);
  WriteOutcome(record, &json);
  if (record.stack.has_value()) WriteStack(*record.stack, &json);
  if (record.library.has_value()) WriteLibrary(*record.library, &json);
  WriteMeasures(record, &json);
  WriteAttribution(record.attribution, &json);
  WriteOwner(record.owner, record.attribution, &json);
  json.Finish();
  *out += '\n';
}

std::string JsonLine(const HandshakeRecord& record) {
  constexpr size_t kUsualLine = 4096;
  std::string line;
  line.reserve(kUsualLine);
  AppendJsonLine(record, &line);
  return line;
}

}  // namespace tlsmeter::agent
