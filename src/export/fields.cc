#include "src/export/fields.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/aggregate/labels.h"
#include "src/base/text.h"
#include "src/export/record_start.h"
#include "tlsmeter/ja3.h"
#include "tlsmeter/ja4.h"

namespace tlsmeter::agent {
namespace {

std::string Printable(std::string_view raw) { return PrintableUtf8(raw, kMaxFieldText); }

std::string Time(const HandshakeRecord& record, const TimeFormat& format) {
  const uint64_t start = RecordStartNs(record);
  if (start == 0) return "";
  const absl::Time time = absl::FromUnixNanos(static_cast<int64_t>(start));
  switch (format.style) {
    case TimeStyle::kClock:
      return absl::FormatTime("%H:%M:%E3S", time, format.zone);
    case TimeStyle::kSeconds:
      return absl::StrFormat("%.3f", static_cast<double>(static_cast<int64_t>(start - format.start_ns)) * 1e-9);
    case TimeStyle::kUtc:
      return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
  }
  return "";
}

std::string Endpoint(const std::optional<SocketAddress>& address) {
  if (!address.has_value()) return "";
  const std::string host = AddressText(*address);
  const bool bare = host.find(':') == std::string::npos;
  return absl::StrFormat("%s%s%s:%d", bare ? "" : "[", host, bare ? "" : "]", address->port);
}

std::string Outcome(const HandshakeRecord& record) {
  std::string text(ResultName(record.result));
  if (record.reason != FailureReason::kNone) absl::StrAppend(&text, ":", std::string(FailureReasonName(record.reason)));
  if (record.inferred) text += '~';
  return text;
}

std::string Milliseconds(std::optional<double> seconds) {
  return seconds.has_value() ? absl::StrFormat("%.3f", *seconds * 1e3) : "";
}

// The time of a certificate, to the day: what one wants to see in a column.
std::string Day(std::optional<int64_t> seconds) {
  if (!seconds.has_value()) return "";
  return absl::FormatTime("%Y-%m-%d", absl::FromUnixSeconds(*seconds), absl::UTCTimeZone());
}

std::string OfLeaf(const CertificateChain& chain, std::string CertificateFacts::*member) {
  return chain.leaf() != nullptr ? Printable(chain.leaf()->*member) : "";
}

std::string AlertText(const HandshakeRecord& record) {
  if (!record.tls.alert.has_value()) return "";
  return absl::StrCat(std::string(SenderName(record.tls.alert->sender)), ":", std::string(AlertLabel(*record.tls.alert)));
}

#define TEXT(expression) [](const HandshakeRecord& r, const TimeFormat&) -> std::string { return expression; }

// Widths of what is common: an IPv4 address with its port, an AEAD suite of TLS 1.3, a hybrid group.
constexpr std::array kFields = {
    Field{"time", "TIME", 12, false, Time},
    Field{"role", "ROLE", 8, false, TEXT(std::string(RoleName(r.role)))},
    Field{"pid", "PID", 7, false, TEXT(r.owner.pid != 0 ? std::to_string(r.owner.pid) : "")},
    Field{"comm", "COMM", 15, false, TEXT(Printable(r.owner.comm))},
    Field{"user", "USER", 6, false, TEXT(r.owner.pid != 0 ? std::to_string(r.owner.uid) : "")},
    Field{"exe", "EXE", 24, false, TEXT(Printable(r.attribution.executable))},
    Field{"namespace", "NAMESPACE", 16, false, TEXT(Printable(r.attribution.namespace_name))},
    Field{"workload", "WORKLOAD", 20, false, TEXT(Printable(r.attribution.workload))},
    Field{"pod", "POD", 30, false, TEXT(Printable(r.attribution.pod_name))},
    Field{"container", "CONTAINER", 16, false,
          TEXT(Printable(r.attribution.container_name.empty() ? r.attribution.container_id.substr(0, 12)
                                                              : r.attribution.container_name))},
    Field{"client", "CLIENT", 21, false, TEXT(Endpoint(r.client))},
    Field{"server", "SERVER", 21, false, TEXT(Endpoint(r.server))},
    Field{"sni", "SNI", 28, false,
          TEXT(r.tls.client_hello.has_value() ? LowerAscii(Printable(r.tls.client_hello->server_name)) : "")},
    Field{"ver", "VER", 4, false, TEXT(r.tls.version.has_value() ? r.tls.version->Name() : "")},
    Field{"cipher", "CIPHER", 22, false, TEXT(r.tls.cipher.has_value() ? r.tls.cipher->Name() : "")},
    Field{"group", "GROUP", 14, false, TEXT(r.tls.group.has_value() ? r.tls.group->Name() : "")},
    Field{"alpn", "ALPN", 8, false, TEXT(Printable(r.tls.alpn))},
    Field{"res", "RES", 10, false,
          TEXT(r.tls.resumption != Resumption::kNone ? std::string(ResumptionName(r.tls.resumption)) : "")},
    Field{"ms", "MS", 9, true, TEXT(Milliseconds(HandshakeSeconds(r)))},
    Field{"result", "RESULT", 0, false, TEXT(Outcome(r))},
    Field{"tcp_ms", "TCP", 7, true, TEXT(Milliseconds(TcpSeconds(r)))},
    Field{"server_flight_ms", "SFLIGHT", 9, true, TEXT(Milliseconds(ServerFlightSeconds(r)))},
    Field{"client_flight_ms", "CFLIGHT", 9, true, TEXT(Milliseconds(ClientFlightSeconds(r)))},
    Field{"first_app_byte_ms", "APP", 9, true, TEXT(Milliseconds(FirstAppByteSeconds(r)))},
    Field{"alert", "ALERT", 24, false, TEXT(AlertText(r))},
    Field{"starttls", "STARTTLS", 10, false,
          TEXT(r.starttls != PlainProtocol::kNone ? std::string(PlainProtocolName(r.starttls)) : "")},
    Field{"subject", "SUBJECT", 28, false, TEXT(OfLeaf(r.tls.server_certificates, &CertificateFacts::subject))},
    Field{"issuer", "ISSUER", 28, false, TEXT(OfLeaf(r.tls.server_certificates, &CertificateFacts::issuer))},
    Field{"not_after", "NOT_AFTER", 10, false,
          TEXT(r.tls.server_certificates.leaf() != nullptr ? Day(r.tls.server_certificates.leaf()->not_after) : "")},
    Field{"client_subject", "CLIENT_SUBJECT", 28, false,
          TEXT(OfLeaf(r.tls.client_certificates, &CertificateFacts::subject))},
    Field{"ja3", "JA3", 32, false, TEXT(r.tls.client_hello.has_value() ? Ja3(*r.tls.client_hello) : "")},
    Field{"ja4", "JA4", 36, false, TEXT(r.tls.client_hello.has_value() ? Ja4(*r.tls.client_hello, Ja4Transport::kTcp) : "")},
    Field{"random", "RANDOM", 64, false, TEXT(r.tls.client_hello.has_value() ? HexText(r.tls.client_hello->random) : "")},
};

#undef TEXT

}  // namespace

std::span<const Field> Fields() { return kFields; }

absl::StatusOr<std::vector<const Field*>> ParseFields(std::string_view list) {
  std::vector<const Field*> fields;
  while (true) {
    const std::string_view name = list.substr(0, list.find(','));
    const auto found =
        std::find_if(kFields.begin(), kFields.end(), [name](const Field& field) { return field.name == name; });
    if (found == kFields.end()) {
      std::string known;
      for (const Field& field : kFields) absl::StrAppend(&known, known.empty() ? "" : ", ", std::string(field.name));
      return absl::InvalidArgumentError(absl::StrCat("there is no field '", Printable(name), "'; there are ", known));
    }
    fields.push_back(&*found);
    if (name.size() == list.size()) return fields;
    list.remove_prefix(name.size() + 1);
  }
}

}  // namespace tlsmeter::agent
