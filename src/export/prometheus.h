// MetricsPage: everything that the program measures, as Prometheus metrics.
//
// Two threads, one lock: the HTTP thread collects; it takes a snapshot under the aggregator's lock and does the rest without
// it, while the event thread goes on. Names, help and labels come from the catalogue.
#ifndef TLSMETER_SRC_EXPORT_PROMETHEUS_H_
#define TLSMETER_SRC_EXPORT_PROMETHEUS_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <string>
#include <string_view>
#include <vector>

#include "src/aggregate/aggregator.h"
#include "src/export/constant_labels.h"
#include "src/export/process_stats.h"

namespace tlsmeter::agent {

// kPrometheusContentType is the type of the text format, version 0.0.4.
inline constexpr std::string_view kPrometheusContentType = "text/plain; version=0.0.4; charset=utf-8";

// kMaxLabelValue bounds every label value on the page, in bytes: the longest host name and a little more.
inline constexpr size_t kMaxLabelValue = 255;

// MetricFamilies turns a snapshot into families in the order of the catalogue. A family without any series is left out.
std::vector<prometheus::MetricFamily> MetricFamilies(const AggregateSnapshot& snapshot, const ProcessStats& process);

class MetricsPage : public prometheus::Collectable {
 public:
  // MetricsPage reads `aggregator`, and puts `labels` on every series; both must outlive it.
  MetricsPage(const Aggregator& aggregator, const std::vector<ConstantLabel>& labels)
      : aggregator_(aggregator), labels_(labels) {}

  // Collect returns all families as of now. Any thread.
  std::vector<prometheus::MetricFamily> Collect() const override;

  // Text returns the page in the text format, OpenMetrics in that of OpenMetrics 1.0.0. Any thread.
  std::string Text() const;
  std::string OpenMetrics() const;

 private:
  std::vector<prometheus::MetricFamily> Families(const AggregateSnapshot& snapshot) const;

  const Aggregator& aggregator_;
  const std::vector<ConstantLabel>& labels_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_PROMETHEUS_H_
