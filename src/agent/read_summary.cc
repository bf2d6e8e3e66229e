#include "src/agent/read_summary.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_format.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

constexpr double kShortest = 1e-6;
constexpr double kClassRatio = 1.02;

constexpr std::string_view kAbsent = "-";

std::string Version(const HandshakeRecord& r) { return r.tls.version ? r.tls.version->Name() : std::string(kAbsent); }
std::string Cipher(const HandshakeRecord& r) { return r.tls.cipher ? r.tls.cipher->Name() : std::string(kAbsent); }

std::string ServerName(const HandshakeRecord& r) {
  if (!r.tls.client_hello || r.tls.client_hello->server_name.empty()) return std::string(kAbsent);
  return LowerAscii(PrintableUtf8(r.tls.client_hello->server_name, kMaxHostName));
}

std::string Outcome(const HandshakeRecord& r) {
  std::string text(ResultName(r.result));
  if (r.reason != FailureReason::kNone) text += ":" + std::string(FailureReasonName(r.reason));
  return text;
}

}  // namespace

void Durations::Add(double seconds) {
  const double place = std::log(std::max(seconds, kShortest) / kShortest) / std::log(kClassRatio);
  ++classes_[std::min(static_cast<size_t>(place), kClasses - 1)];
  ++count_;
}

double Durations::Percentile(double p) const {
  const auto wanted = static_cast<uint64_t>(std::ceil(p * static_cast<double>(count_)));
  uint64_t seen = 0;
  for (size_t i = 0; i < kClasses; ++i) {
    seen += classes_[i];
    if (seen >= wanted && seen > 0) return kShortest * std::pow(kClassRatio, static_cast<double>(i) + 0.5);
  }
  return 0;
}

ReadSummary::ReadSummary() {
  counts_ = {{"VERSION", Version, {}, 0}, {"CIPHER", Cipher, {}, 0}, {"SNI", ServerName, {}, 0}, {"RESULT", Outcome, {}, 0}};
  phases_ = {{"tcp", TcpSeconds, {}},
             {"server flight", ServerFlightSeconds, {}},
             {"client flight", ClientFlightSeconds, {}},
             {"handshake", HandshakeSeconds, {}},
             {"first app byte", FirstAppByteSeconds, {}}};
}

void ReadSummary::Add(const HandshakeRecord& record) {
  ++handshakes_;
  for (Counts& counts : counts_) {
    std::string value = counts.value(record);
    if (counts.by_value.size() >= kMaxSummaryValues && !counts.by_value.contains(value)) {
      ++counts.others;
    } else {
      ++counts.by_value[std::move(value)];
    }
  }
  for (Phase& phase : phases_) {
    if (const std::optional<double> seconds = phase.seconds(record)) phase.durations.Add(*seconds);
  }
}

std::string ReadSummary::Text() const {
  std::string text = absl::StrFormat("%d handshakes\n", handshakes_);
  for (const Counts& counts : counts_) {
    absl::StrAppendFormat(&text, "\n%10s  %s\n", "COUNT", counts.title);
    std::vector<std::pair<uint64_t, std::string_view>> values;
    for (const auto& [value, count] : counts.by_value) values.emplace_back(count, value);
    // The most frequent first, and in the alphabet's order among equals.
    std::sort(values.begin(), values.end(),
              [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
    uint64_t others = counts.others;
    for (size_t i = 0; i < values.size(); ++i) {
      if (i < kMaxSummaryLines) {
        absl::StrAppendFormat(&text, "%10d  %s\n", values[i].first, values[i].second);
      } else {
        others += values[i].first;
      }
    }
    if (others > 0) absl::StrAppendFormat(&text, "%10d  all others\n", others);
  }
  absl::StrAppendFormat(&text, "\n%10s  %-14s %12s %12s %12s\n", "COUNT", "PHASE", "P50 MS", "P95 MS", "P99 MS");
  for (const Phase& phase : phases_) {
    const Durations& durations = phase.durations;
    if (durations.count() == 0) continue;
    absl::StrAppendFormat(&text, "%10d  %-14s %12.3f %12.3f %12.3f\n", durations.count(), phase.title,
                          durations.Percentile(0.50) * 1e3, durations.Percentile(0.95) * 1e3,
                          durations.Percentile(0.99) * 1e3);
  }
  return text;
}

}  // namespace tlsmeter::agent
