#include "src/aggregate/aggregator.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <utility>

#include "src/aggregate/chain_issues.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

// SeenAt returns when the handshake was, in Unix seconds; 0 when not even that is known.
int64_t SeenAt(const HandshakeRecord& record) {
  const Handshake& tls = record.tls;
  for (const uint64_t time_ns : {tls.client_hello_ns, tls.server_hello_ns, tls.established_ns, record.tcp_established_ns}) {
    if (time_ns != 0) return static_cast<int64_t>(time_ns / 1'000'000'000);
  }
  return 0;
}

}  // namespace

Aggregator::Aggregator(const AggregatorOptions& options) : server_names_(options.server_names), workloads_(&pool_) {
  families_.reserve(kCountedFamilies);
  for (const MetricSpec& spec : Catalogue().first(kCountedFamilies)) families_.emplace_back(spec, &pool_);
}

Aggregator::FixedLabels::FixedLabels(LabelPool* pool)
    : roles({pool->Intern(RoleName(Role::kClient)), pool->Intern(RoleName(Role::kServer)),
             pool->Intern(RoleName(Role::kObserver))}),
      results({pool->Intern(ResultName(Result::kSuccess)), pool->Intern(ResultName(Result::kFailure)),
               pool->Intern(ResultName(Result::kAborted)), pool->Intern(ResultName(Result::kUnknown))}) {}

void Aggregator::Advance(uint64_t now_ns) {
  const MutexLock lock(&mutex_);
  now_ns_ = now_ns;
  if (now_ns - swept_ns_ < kSweepEveryNs) return;
  swept_ns_ = now_ns;
  server_names_.Age(now_ns);
  workloads_.Age(now_ns);
  certificates_.Age(now_ns);
  for (Family& family : families_) family.Expire(server_names_, workloads_, now_ns);
}

uint32_t Aggregator::SeriesOf(Metric metric, const Subject& w, std::initializer_list<std::string_view> closed) {
  Family& family = families_[static_cast<size_t>(metric)];
  SeriesMemos::Memo& memo = w.memos.Of(metric, closed);
  if (memo.epoch != family.epoch()) {
    std::array<Label, kMaxLabels> values;
    const size_t of_subject = SpecOf(metric).labels().size() - closed.size();
    const auto middle = std::copy_n(w.labels.begin(), of_subject, values.begin());
    const auto end = std::copy(closed.begin(), closed.end(), middle);
    memo.series = family.SeriesOf(std::span(values.begin(), end));
    memo.epoch = family.epoch();
  }
  return memo.series;
}

void Aggregator::Count(Metric metric, const Subject& w, std::initializer_list<std::string_view> closed) {
  families_[static_cast<size_t>(metric)].Count(SeriesOf(metric, w, closed), now_ns_);
}

void Aggregator::CountHandshake(const HandshakeRecord& record, const Subject& w, std::string_view server_name) {
  Family& family = families_[static_cast<size_t>(Metric::kHandshakes)];
  std::array<Label, 6> values = {w.labels[0], w.labels[1], w.labels[2],
                                 w.labels[3], server_name, fixed_.results[static_cast<size_t>(record.result)]};
  family.Count(family.SeriesOf(values), now_ns_);
}

void Aggregator::Observe(Metric metric, const Subject& w, std::initializer_list<std::string_view> closed,
                         const HandshakeRecord& record, std::optional<double> seconds) {
  if (!seconds.has_value()) return;
  Exemplar exemplar;
  exemplar.seconds = *seconds;
  if (record.tls.client_hello.has_value()) {
    exemplar.client_random = record.tls.client_hello->random;
    exemplar.pid = record.owner.pid;
    exemplar.time_ns = record.tls.client_hello_ns;
  }
  families_[static_cast<size_t>(metric)].Observe(SeriesOf(metric, w, closed), exemplar, now_ns_);
}

void Aggregator::AddNegotiation(const HandshakeRecord& record, const Subject& w, Workload* workload) {
  const Handshake& tls = record.tls;
  std::string_view cipher = CipherLabel(tls.cipher);
  std::string_view group = GroupLabel(tls.group);
  if (!workload->AdmitPair(cipher, group)) cipher = group = kLabelOther;
  Count(Metric::kNegotiations, w, {VersionLabel(tls.version), cipher, group});

  // Only a client has a history with one server: a server's clients differ. Of a name that was not sent there is none.
  if (record.role != Role::kClient || record.result != Result::kSuccess || !tls.client_hello.has_value()) return;
  if (!tls.version.has_value() || tls.version->KnownName().empty() || w.labels[2].text == kLabelOther) return;
  if (workload->BelowHistory(tls.client_hello->server_name, *tls.version, now_ns_)) {
    Count(Metric::kDowngradeSignals, w, {"below_history"});
  }
}

void Aggregator::AddSuccess(const HandshakeRecord& record, const Subject& w) {
  const Handshake& tls = record.tls;
  Count(Metric::kResumptions, w, {ResumptionLabel(tls)});
  Count(Metric::kApplicationProtocols, w, {AlpnLabel(tls)});

  const std::string_view resumed = tls.resumption == Resumption::kNone ? "false" : "true";
  Observe(Metric::kHandshakeDuration, w, {resumed}, record, HandshakeSeconds(record));
  Observe(Metric::kConnectionSetupDuration, w, {}, record, FirstAppByteSeconds(record));
  Observe(Metric::kHandshakePhaseDuration, w, {"tcp"}, record, TcpSeconds(record));
  Observe(Metric::kHandshakePhaseDuration, w, {"server_flight"}, record, ServerFlightSeconds(record));
  Observe(Metric::kHandshakePhaseDuration, w, {"client_flight"}, record, ClientFlightSeconds(record));
  Observe(Metric::kHandshakePhaseDuration, w, {"first_app_byte"}, record, FirstAppByteSeconds(record));
}

void Aggregator::AddCertificates(const HandshakeRecord& record, const Workload& workload, std::string_view server_name,
                                 const Subject& w) {
  const Handshake& tls = record.tls;
  const int64_t unix_seconds = SeenAt(record);
  if (unix_seconds == 0) return;  // nothing can be said of validity then
  if (const std::string_view status = OcspStatusLabel(tls, unix_seconds); !status.empty()) {
    Count(Metric::kOcspStaples, w, {status});
  }
  if (tls.server_certificates.certificates.empty() && tls.client_certificates.certificates.empty()) return;

  const std::string_view sent_name = tls.client_hello.has_value() ? tls.client_hello->server_name : std::string_view();
  for (const std::string_view issue : ChainIssues(tls.server_certificates, sent_name, record.reason, unix_seconds)) {
    Count(Metric::kCertificateChainIssues, w, {issue});
  }
  const std::array<LabelValue, 4> whose = {fixed_.roles[static_cast<size_t>(record.role)], workload.labels()[0],
                                           workload.labels()[1], workload.labels()[2]};
  const LabelValue name = pool_.Intern(server_name);
  certificates_.Add({.chain = tls.server_certificates,
                     .sender = Sender::kServer,
                     .workload = whose,
                     .server_name = name,
                     .sent = record.role == Role::kServer,
                     .ocsp_next_update = tls.ocsp_staple.next_update,
                     .unix_seconds = unix_seconds},
                    now_ns_);
  certificates_.Add({.chain = tls.client_certificates,
                     .sender = Sender::kClient,
                     .workload = whose,
                     .server_name = name,
                     .sent = record.role == Role::kClient,
                     .ocsp_next_update = std::nullopt,
                     .unix_seconds = unix_seconds},
                    now_ns_);
}

void Aggregator::Add(const HandshakeRecord& record) {
  const Handshake& tls = record.tls;
  const WorkloadText whose = WorkloadOf(record);
  std::optional<std::string_view> sent_name;
  if (tls.client_hello.has_value()) sent_name = tls.client_hello->server_name;
  const std::string name = server_names_.LabelOf(sent_name);

  const MutexLock lock(&mutex_);
  Workload& workload = workloads_.Admit(whose, now_ns_);
  const Subject w = {.labels = {fixed_.roles[static_cast<size_t>(record.role)], workload.labels()[0], workload.labels()[1],
                                workload.labels()[2]},
                     .memos = workload.memos(record.role)};

  const std::string_view server_name = server_names_.Admit(name, now_ns_);
  CountHandshake(record, w, server_name);
  if (tls.client_hello.has_value()) {
    Count(Metric::kClientHellos, w, {VersionLabel(tls.client_hello->HighestVersion())});
  }
  if (record.result == Result::kFailure || record.result == Result::kAborted) {
    Count(Metric::kHandshakeFailures, w, {ReasonLabel(record.reason)});
  }
  if (tls.server_hello.has_value()) AddNegotiation(record, w, &workload);
  for (const std::string_view signal : DowngradeSignals(tls)) Count(Metric::kDowngradeSignals, w, {signal});
  if (tls.alert.has_value()) {
    Count(Metric::kAlerts, w, {AlertSenderLabel(*tls.alert, record.role), AlertLabel(*tls.alert)});
  }
  if (const std::string_view result = MutualTlsLabel(record); !result.empty()) {
    Count(Metric::kMutualTlsHandshakes, w, {result});
  }
  AddCertificates(record, workload, server_name, w);
  if (record.result == Result::kSuccess) AddSuccess(record, w);
}

void Aggregator::SetServerNames(const ServerNameOptions& options) {
  const MutexLock lock(&mutex_);
  server_names_ = ServerNames(options);
  for (Family& family : families_) family.ExpireNames(server_names_);
  certificates_.ForgetNames(server_names_);
}

void Aggregator::SetSelfStats(SelfStats stats) {
  const MutexLock lock(&mutex_);
  // What was there is freed by the caller's stack, after the lock is gone.
  std::swap(self_, stats);
}

CertificateView Aggregator::CopyCertificates() const {
  return {.certificates = certificates_.Copy(),
          .evicted = certificates_.evicted(),
          .evicted_uses = certificates_.evicted_uses()};
}

CertificateView Aggregator::Certificates() const {
  const MutexLock lock(&mutex_);
  return CopyCertificates();
}

AggregateSnapshot Aggregator::Snapshot() const {
  AggregateSnapshot snapshot;
  snapshot.families.reserve(kAggregatedFamilies);
  CertificateView certificates;
  {
    const MutexLock lock(&mutex_);
    for (const Family& family : families_) snapshot.families.push_back(family.Snapshot());
    snapshot.self = self_;
    certificates = CopyCertificates();
  }
  std::vector<FamilySnapshot> gauges = CertificateFamilies(certificates);
  std::move(gauges.begin(), gauges.end(), std::back_inserter(snapshot.families));
  return snapshot;
}

}  // namespace tlsmeter::agent
