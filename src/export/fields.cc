#include "src/export/fields.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "src/aggregate/labels.h"
#include "src/base/text.h"
#include "src/export/record_start.h"
#include "src/export/time_text.h"
#include "tlsmeter/ja3.h"
#include "tlsmeter/ja4.h"

namespace tlsmeter::agent {
namespace {

void AppendPrintable(std::string_view raw, std::string* out) { *out += PrintableUtf8(raw, kMaxFieldText); }

void AppendStart(const HandshakeRecord& record, const TimeFormat& format, std::string* out) {
  const uint64_t start = RecordStartNs(record);
  if (start == 0) return;
  const absl::Time time = absl::FromUnixNanos(static_cast<int64_t>(start));
  switch (format.style) {
    case TimeStyle::kClock:
      return AppendClock(time, format.zone, out);
    case TimeStyle::kSeconds:
      return AppendThousandths(std::llround(static_cast<double>(static_cast<int64_t>(start - format.start_ns)) * 1e-6), out);
    case TimeStyle::kUtc:
      return AppendUtcTime(time, 6, out);
  }
}

void AppendEndpoint(const std::optional<SocketAddress>& address, std::string* out) {
  if (!address.has_value()) return;
  const std::string host = AddressText(*address);
  const bool bare = host.find(':') == std::string::npos;
  if (!bare) *out += '[';
  *out += host;
  if (!bare) *out += ']';
  *out += ':';
  *out += std::to_string(address->port);
}

void AppendServerName(const std::optional<ClientHello>& hello, std::string* out) {
  if (hello.has_value()) *out += LowerAscii(PrintableUtf8(hello->server_name, kMaxFieldText));
}

template <typename Number>
void AppendName(const std::optional<Number>& number, std::string* out) {
  if (!number.has_value()) return;
  if (const std::string_view known = number->KnownName(); !known.empty()) {
    *out += known;
  } else {
    *out += number->Name();
  }
}

void AppendOutcome(const HandshakeRecord& record, std::string* out) {
  *out += ResultName(record.result);
  if (record.reason != FailureReason::kNone) {
    *out += ':';
    *out += FailureReasonName(record.reason);
  }
  if (record.inferred) *out += '~';
}

void AppendMilliseconds(std::optional<double> seconds, std::string* out) {
  if (seconds.has_value()) AppendThousandths(std::llround(*seconds * 1e6), out);
}

// The time of the leaf's end, to the day: what one wants to see in a column.
void AppendNotAfter(const CertificateChain& chain, std::string* out) {
  const CertificateFacts* leaf = chain.leaf();
  if (leaf != nullptr && leaf->not_after) AppendUtcDay(absl::FromUnixSeconds(*leaf->not_after), out);
}

void AppendOfLeaf(const CertificateChain& chain, std::string CertificateFacts::*member, std::string* out) {
  if (chain.leaf() != nullptr) AppendPrintable(chain.leaf()->*member, out);
}

void AppendAlert(const std::optional<Alert>& alert, std::string* out) {
  if (!alert.has_value()) return;
  *out += SenderName(alert->sender);
  *out += ':';
  *out += AlertLabel(*alert);
}

// Without a state it is instrumented.
void AppendStack(const std::optional<StackView>& stack, std::string* out) {
  if (!stack.has_value()) return;
  *out += StackKindName(stack->kind);
  if (stack->state == StackState::kInstrumented) return;
  *out += ':';
  *out += StackStateName(stack->state);
}

#define APPEND(statement) [](const HandshakeRecord& r, const TimeFormat&, std::string* out) { statement; }

// A container's name, or the first digits of its id, as the runtimes' own tools print it.
void AppendContainer(const Attribution& attribution, std::string* out) {
  const std::string_view id = attribution.container_id;
  AppendPrintable(attribution.container_name.empty() ? id.substr(0, 12) : attribution.container_name, out);
}

// Widths of what is common: an IPv4 address with its port, an AEAD suite of TLS 1.3, a hybrid group.
constexpr std::array kFields = {
    Field{"time", "TIME", 12, false, AppendStart},
    Field{"role", "ROLE", 8, false, APPEND(*out += RoleName(r.role))},
    Field{"pid", "PID", 7, false, APPEND(if (r.owner.pid != 0)* out += std::to_string(r.owner.pid))},
    Field{"comm", "COMM", 15, false, APPEND(AppendPrintable(r.owner.comm, out))},
    Field{"user", "USER", 6, false, APPEND(if (r.owner.pid != 0)* out += std::to_string(r.owner.uid))},
    Field{"exe", "EXE", 24, false, APPEND(AppendPrintable(r.attribution.executable, out))},
    Field{"namespace", "NAMESPACE", 16, false, APPEND(AppendPrintable(r.attribution.namespace_name, out))},
    Field{"workload", "WORKLOAD", 20, false, APPEND(AppendPrintable(r.attribution.workload, out))},
    Field{"pod", "POD", 30, false, APPEND(AppendPrintable(r.attribution.pod_name, out))},
    Field{"container", "CONTAINER", 16, false, APPEND(AppendContainer(r.attribution, out))},
    Field{"client", "CLIENT", 21, false, APPEND(AppendEndpoint(r.client, out))},
    Field{"server", "SERVER", 21, false, APPEND(AppendEndpoint(r.server, out))},
    Field{"sni", "SNI", 28, false, APPEND(AppendServerName(r.tls.client_hello, out))},
    Field{"ver", "VER", 4, false, APPEND(AppendName(r.tls.version, out))},
    Field{"cipher", "CIPHER", 22, false, APPEND(AppendName(r.tls.cipher, out))},
    Field{"group", "GROUP", 14, false, APPEND(AppendName(r.tls.group, out))},
    Field{"alpn", "ALPN", 8, false, APPEND(AppendPrintable(r.tls.alpn, out))},
    Field{"res", "RES", 10, false,
          APPEND(if (r.tls.resumption != Resumption::kNone)* out += ResumptionName(r.tls.resumption))},
    Field{"ms", "MS", 9, true, APPEND(AppendMilliseconds(HandshakeSeconds(r), out))},
    Field{"result", "RESULT", 0, false, APPEND(AppendOutcome(r, out))},
    Field{"tcp_ms", "TCP", 7, true, APPEND(AppendMilliseconds(TcpSeconds(r), out))},
    Field{"server_flight_ms", "SFLIGHT", 9, true, APPEND(AppendMilliseconds(ServerFlightSeconds(r), out))},
    Field{"client_flight_ms", "CFLIGHT", 9, true, APPEND(AppendMilliseconds(ClientFlightSeconds(r), out))},
    Field{"first_app_byte_ms", "APP", 9, true, APPEND(AppendMilliseconds(FirstAppByteSeconds(r), out))},
    Field{"alert", "ALERT", 24, false, APPEND(AppendAlert(r.tls.alert, out))},
    Field{"starttls", "STARTTLS", 10, false,
          APPEND(if (r.starttls != PlainProtocol::kNone)* out += PlainProtocolName(r.starttls))},
    Field{"stack", "STACK", 12, false, APPEND(AppendStack(r.stack, out))},
    Field{"subject", "SUBJECT", 28, false, APPEND(AppendOfLeaf(r.tls.server_certificates, &CertificateFacts::subject, out))},
    Field{"issuer", "ISSUER", 28, false, APPEND(AppendOfLeaf(r.tls.server_certificates, &CertificateFacts::issuer, out))},
    Field{"not_after", "NOT_AFTER", 10, false, APPEND(AppendNotAfter(r.tls.server_certificates, out))},
    Field{"client_subject", "CLIENT_SUBJECT", 28, false,
          APPEND(AppendOfLeaf(r.tls.client_certificates, &CertificateFacts::subject, out))},
    Field{"ja3", "JA3", 32, false, APPEND(if (r.tls.client_hello)* out += Ja3(*r.tls.client_hello))},
    Field{"ja4", "JA4", 36, false, APPEND(if (r.tls.client_hello)* out += Ja4(*r.tls.client_hello, Ja4Transport::kTcp))},
    Field{"random", "RANDOM", 64, false, APPEND(if (r.tls.client_hello)* out += HexText(r.tls.client_hello->random))},
};

#undef APPEND

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
      return absl::InvalidArgumentError(
          absl::StrCat("there is no field '", PrintableUtf8(name, kMaxFieldText), "'; there are ", known));
    }
    fields.push_back(&*found);
    if (name.size() == list.size()) return fields;
    list.remove_prefix(name.size() + 1);
  }
}

}  // namespace tlsmeter::agent
