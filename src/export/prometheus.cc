#include "src/export/prometheus.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "src/base/text.h"
#include "src/export/openmetrics.h"

namespace tlsmeter::agent {
namespace {

using Families = std::vector<prometheus::MetricFamily>;

prometheus::MetricType TypeOf(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return prometheus::MetricType::Counter;
    case MetricType::kGauge:
      return prometheus::MetricType::Gauge;
    case MetricType::kHistogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

prometheus::MetricFamily NewFamily(const MetricSpec& spec) {
  prometheus::MetricFamily family;
  family.name = std::string(spec.name);
  family.help = std::string(spec.help);
  family.type = TypeOf(spec.type);
  return family;
}

// Label values are made fit for UTF-8 and bounded once more here: one bad byte anywhere would cost the whole scrape.
prometheus::ClientMetric::Label NewLabel(std::string_view name, std::string_view value) {
  return {std::string(name), PrintableUtf8(value, kMaxLabelValue)};
}

void SetValue(MetricType type, double value, prometheus::ClientMetric* metric) {
  if (type == MetricType::kCounter) {
    metric->counter.value = value;
  } else {
    metric->gauge.value = value;
  }
}

void SetHistogram(const HistogramValue& value, prometheus::ClientMetric* metric) {
  uint64_t cumulative = 0;
  metric->histogram.bucket.reserve(kDurationBuckets.size());
  for (size_t i = 0; i < kDurationBuckets.size(); ++i) {
    cumulative += value.counts[i];
    metric->histogram.bucket.push_back({cumulative, kDurationBuckets[i]});
  }
  // The serializer adds the +Inf bucket from the count.
  metric->histogram.sample_count = cumulative + value.counts.back();
  metric->histogram.sample_sum = value.sum;
}

void AddFamily(const FamilySnapshot& family, Families* out) {
  if (family.sets.empty()) return;
  out->push_back(NewFamily(*family.spec));
  const auto labels = family.spec->labels();
  out->back().metric.reserve(family.sets.size());
  for (size_t i = 0; i < family.sets.size(); ++i) {
    prometheus::ClientMetric metric;
    metric.label.reserve(labels.size());
    for (size_t label = 0; label < labels.size(); ++label) {
      metric.label.push_back(NewLabel(labels[label], (*family.sets[i])[label]));
    }
    if (family.spec->type == MetricType::kHistogram) {
      SetHistogram(family.histograms[i], &metric);
    } else if (family.spec->type == MetricType::kGauge) {
      SetValue(family.spec->type, family.values[i], &metric);
    } else {
      SetValue(family.spec->type, static_cast<double>(family.counts[i]), &metric);
    }
    out->back().metric.push_back(std::move(metric));
  }
}

void AddValues(Metric which, const std::vector<LabelledValue>& values, Families* out) {
  const MetricSpec& spec = SpecOf(which);
  if (values.empty()) return;
  out->push_back(NewFamily(spec));
  for (size_t i = 0; i < std::min(values.size(), spec.cap); ++i) {
    prometheus::ClientMetric metric;
    metric.label.push_back(NewLabel(spec.labels()[0], values[i].label));
    SetValue(spec.type, values[i].value, &metric);
    out->back().metric.push_back(std::move(metric));
  }
}

void AddValue(Metric which, std::optional<double> value, Families* out) {
  if (!value.has_value()) return;
  const MetricSpec& spec = SpecOf(which);
  out->push_back(NewFamily(spec));
  out->back().metric.emplace_back();
  SetValue(spec.type, *value, &out->back().metric.back());
}

void AddValues(Metric which, const std::vector<TwiceLabelledValue>& values, Families* out) {
  if (values.empty()) return;
  const MetricSpec& spec = SpecOf(which);
  out->push_back(NewFamily(spec));
  for (size_t i = 0; i < std::min(values.size(), spec.cap); ++i) {
    prometheus::ClientMetric metric;
    metric.label = {NewLabel(spec.labels()[0], values[i].first), NewLabel(spec.labels()[1], values[i].second)};
    SetValue(spec.type, values[i].value, &metric);
    out->back().metric.push_back(std::move(metric));
  }
}

void AddSelf(const SelfStats& self, Families* out) {
  AddValues(Metric::kBuildInfo, {{self.version, 1}}, out);
  AddValue(Metric::kConfigReloadSuccessful, self.config_reload_ok ? 1 : 0, out);
  AddValue(Metric::kConfigReloadSuccessTime, self.config_reload_ok_at, out);
  AddValues(Metric::kAttached, self.attached, out);
  AddValues(Metric::kEvents, self.events, out);
  AddValues(Metric::kEventsLost, self.events_lost, out);
  AddValues(Metric::kParseErrors, self.parse_errors, out);
  AddValues(Metric::kBlindHandshakes, self.blind_handshakes, out);
  AddValues(Metric::kConnectionsWithoutHandshake, self.connections_without_handshake, out);
  AddValues(Metric::kLibraryJoins, self.library_joins, out);
  AddValues(Metric::kLibraryProcesses, self.library_processes, out);
  AddValue(Metric::kTrackedConnections, self.tracked_connections, out);
  AddValues(Metric::kConnectionsEvicted, self.connections_evicted, out);
  AddValues(Metric::kAttribution, self.attribution, out);
  AddValues(Metric::kBpfRunSeconds, self.bpf_run_seconds, out);
  AddValues(Metric::kBpfRuns, self.bpf_runs, out);
  AddValues(Metric::kBpfMapEntries, self.bpf_map_entries, out);
  AddValues(Metric::kBpfMapMaxEntries, self.bpf_map_max_entries, out);
}

// How full each family is, and what did not fit.
void AddLabelUse(const std::vector<FamilySnapshot>& families, Families* out) {
  std::vector<LabelledValue> sets;
  std::vector<LabelledValue> limits;
  std::vector<LabelledValue> expired;
  prometheus::MetricFamily overflow = NewFamily(SpecOf(Metric::kLabelOverflow));
  const auto overflow_labels = SpecOf(Metric::kLabelOverflow).labels();
  for (const FamilySnapshot& family : families) {
    const std::string name(family.spec->name);
    sets.push_back({name, static_cast<double>(family.sets.size())});
    limits.push_back({name, static_cast<double>(family.limit)});
    expired.push_back({name, static_cast<double>(family.expired)});
    const auto labels = family.spec->labels();
    for (size_t i = 0; i < labels.size(); ++i) {
      if (!CountsOverflow(labels[i])) continue;
      prometheus::ClientMetric metric;
      metric.label = {NewLabel(overflow_labels[0], name), NewLabel(overflow_labels[1], labels[i])};
      metric.counter.value = static_cast<double>(family.overflow[i]);
      overflow.metric.push_back(std::move(metric));
    }
  }
  AddValues(Metric::kLabelSets, sets, out);
  AddValues(Metric::kLabelSetsLimit, limits, out);
  out->push_back(std::move(overflow));
  AddValues(Metric::kExpiredObservations, expired, out);
}

// The exemplars of the families as MetricFamilies places them.
std::vector<PlacedExemplar> Exemplars(const AggregateSnapshot& snapshot) {
  std::vector<PlacedExemplar> out;
  size_t place = 0;
  for (const FamilySnapshot& family : snapshot.families) {
    if (family.sets.empty()) continue;
    for (size_t metric = 0; metric < family.histograms.size(); ++metric) {
      const auto& exemplars = family.histograms[metric].exemplars;
      for (size_t bucket = 0; bucket < exemplars.size(); ++bucket) {
        if (exemplars[bucket].time_ns != 0) out.push_back({place, metric, bucket, exemplars[bucket]});
      }
    }
    ++place;
  }
  return out;
}

}  // namespace

std::vector<prometheus::MetricFamily> MetricFamilies(const AggregateSnapshot& snapshot, const ProcessStats& process) {
  Families out;
  out.reserve(kMetricCount);
  for (const FamilySnapshot& family : snapshot.families) AddFamily(family, &out);
  AddSelf(snapshot.self, &out);
  AddLabelUse(snapshot.families, &out);
  AddValue(Metric::kProcessCpuSeconds, process.cpu_seconds, &out);
  AddValue(Metric::kProcessResidentMemory, process.resident_bytes, &out);
  AddValue(Metric::kProcessVirtualMemory, process.virtual_bytes, &out);
  AddValue(Metric::kProcessOpenFds, process.open_fds, &out);
  AddValue(Metric::kProcessStartTime, process.start_time_seconds, &out);
  return out;
}

std::vector<prometheus::MetricFamily> MetricsPage::Families(const AggregateSnapshot& snapshot) const {
  std::vector<prometheus::MetricFamily> families = MetricFamilies(snapshot, ReadProcessStats());
  AddConstantLabels(labels_, &families);
  return families;
}

std::vector<prometheus::MetricFamily> MetricsPage::Collect() const { return Families(aggregator_.Snapshot()); }

std::string MetricsPage::Text() const { return prometheus::TextSerializer().Serialize(Collect()); }

std::string MetricsPage::OpenMetrics() const {
  const AggregateSnapshot snapshot = aggregator_.Snapshot();
  return OpenMetricsText(Families(snapshot), Exemplars(snapshot));
}

}  // namespace tlsmeter::agent
