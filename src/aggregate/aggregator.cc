#include "src/aggregate/aggregator.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "src/aggregate/labels.h"
#include "src/base/text.h"

namespace tlsmeter::agent {

void HistogramValue::Observe(double seconds) {
  // A bucket holds what is less than or equal to its bound.
  const auto bound = std::lower_bound(kDurationBuckets.begin(), kDurationBuckets.end(), seconds);
  ++counts[static_cast<size_t>(bound - kDurationBuckets.begin())];
  sum += seconds;
}

Aggregator::Aggregator() {
  families_.reserve(kAggregatedFamilies);
  for (const MetricSpec& spec : Catalogue().first(kAggregatedFamilies)) families_.emplace_back(spec);
}

Aggregator::Family& Aggregator::FamilyOf(Metric metric) { return families_[static_cast<size_t>(metric)]; }

void Aggregator::Count(Metric metric, const Workload& workload, std::initializer_list<std::string_view> more) {
  std::array<std::string_view, kMaxLabels> values;
  auto end = std::copy(workload.begin(), workload.end(), values.begin());
  end = std::copy(more.begin(), more.end(), end);
  Family& family = FamilyOf(metric);
  const size_t index = family.limiter.Index(std::span(values.begin(), end));
  family.counts.resize(family.limiter.sets().size());
  ++family.counts[index];
}

void Aggregator::Observe(Metric metric, std::initializer_list<std::string_view> labels, std::optional<double> seconds) {
  if (!seconds.has_value()) return;
  Family& family = FamilyOf(metric);
  const size_t index = family.limiter.Index(std::span(labels.begin(), labels.end()));
  family.histograms.resize(family.limiter.sets().size());
  family.histograms[index].Observe(*seconds);
}

void Aggregator::AddSuccess(const HandshakeRecord& record, const Workload& w) {
  const Handshake& tls = record.tls;
  Count(Metric::kResumptions, w, {ResumptionLabel(tls)});
  Count(Metric::kApplicationProtocols, w, {AlpnLabel(tls)});

  const std::string_view resumed = tls.resumption == Resumption::kNone ? "false" : "true";
  Observe(Metric::kHandshakeDuration, {w[0], w[1], w[2], w[3], resumed}, HandshakeSeconds(record));
  Observe(Metric::kConnectionSetupDuration, {w[0], w[1], w[2], w[3]}, FirstAppByteSeconds(record));
  Observe(Metric::kHandshakePhaseDuration, {w[0], "tcp"}, TcpSeconds(record));
  Observe(Metric::kHandshakePhaseDuration, {w[0], "server_flight"}, ServerFlightSeconds(record));
  Observe(Metric::kHandshakePhaseDuration, {w[0], "client_flight"}, ClientFlightSeconds(record));
  Observe(Metric::kHandshakePhaseDuration, {w[0], "first_app_byte"}, FirstAppByteSeconds(record));
}

void Aggregator::Add(const HandshakeRecord& record) {
  const Handshake& tls = record.tls;
  const std::string workload_label = WorkloadLabel(record.owner.comm);
  const std::string name_label =
      tls.client_hello.has_value() ? ServerNameLabel(tls.client_hello->server_name) : std::string(kLabelUnknown);

  const MutexLock lock(&mutex_);
  Workload w = {RoleName(record.role), "", workloads_.Admit(workload_label), "process"};
  if (w[2] == kLabelOther) w[1] = w[3] = kLabelOther;

  Count(Metric::kHandshakes, w, {server_names_.Admit(name_label), ResultName(record.result)});
  if (tls.client_hello.has_value()) {
    Count(Metric::kClientHellos, w, {VersionLabel(tls.client_hello->HighestVersion())});
  }
  if (record.result == Result::kFailure || record.result == Result::kAborted) {
    Count(Metric::kHandshakeFailures, w, {ReasonLabel(record.reason)});
  }
  if (tls.server_hello.has_value()) {
    Count(Metric::kNegotiations, w, {VersionLabel(tls.version), CipherLabel(tls.cipher), GroupLabel(tls.group)});
  }
  if (tls.alert.has_value()) {
    Count(Metric::kAlerts, w, {AlertSenderLabel(*tls.alert, record.role), AlertLabel(*tls.alert)});
  }
  if (record.result == Result::kSuccess) AddSuccess(record, w);
}

void Aggregator::SetSelfStats(SelfStats stats) {
  const MutexLock lock(&mutex_);
  // What was there is freed by the caller's stack, after the lock is gone.
  std::swap(self_, stats);
}

AggregateSnapshot Aggregator::Snapshot() const {
  AggregateSnapshot snapshot;
  const MutexLock lock(&mutex_);
  snapshot.families.reserve(families_.size());
  for (const Family& family : families_) {
    snapshot.families.push_back({.spec = family.spec,
                                 .sets = family.limiter.sets(),
                                 .counts = family.counts,
                                 .histograms = family.histograms,
                                 .limit = family.limiter.limit(),
                                 .overflow = family.limiter.overflow()});
  }
  snapshot.self = self_;
  return snapshot;
}

}  // namespace tlsmeter::agent
