#include "src/aggregate/family.h"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace tlsmeter::agent {

void HistogramValue::Observe(const Exemplar& exemplar) {
  // A bucket holds what is less than or equal to its bound.
  const auto bound = std::lower_bound(kDurationBuckets.begin(), kDurationBuckets.end(), exemplar.seconds);
  const auto bucket = static_cast<size_t>(bound - kDurationBuckets.begin());
  ++counts[bucket];
  sum += exemplar.seconds;
  exemplars[bucket] = exemplar;
}

uint64_t HistogramValue::count() const { return std::accumulate(counts.begin(), counts.end(), uint64_t{0}); }

Family::Family(const MetricSpec& spec, LabelPool* pool) : spec_(&spec), limiter_(spec, pool) {
  assert(spec.type != MetricType::kGauge);
  const auto labels = spec.labels();
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == "namespace") namespace_place_ = i;
    if (labels[i] == "server_name") name_place_ = i;
  }
}

uint32_t Family::SeriesOf(std::span<Label> labels) {
  const size_t index = limiter_.Index(labels);
  if (index >= seen_ns_.size()) {
    seen_ns_.resize(index + 1);
    if (spec_->type == MetricType::kHistogram) {
      histograms_.resize(index + 1);
    } else {
      counts_.resize(index + 1);
    }
  }
  return static_cast<uint32_t>(index);
}

void Family::Touch(uint32_t series, uint64_t now_ns) {
  limiter_.CountOverflow(series);
  seen_ns_[series] = now_ns;
}

void Family::Count(uint32_t series, uint64_t now_ns) {
  Touch(series, now_ns);
  ++counts_[series];
}

void Family::Observe(uint32_t series, const Exemplar& exemplar, uint64_t now_ns) {
  Touch(series, now_ns);
  histograms_[series].Observe(exemplar);
}

uint64_t Family::CountOf(size_t index) const {
  return spec_->type == MetricType::kHistogram ? histograms_[index].count() : counts_[index];
}

void Family::Remove(size_t index) {
  expired_ += CountOf(index);
  if (spec_->type == MetricType::kHistogram) {
    histograms_[index] = {};
  } else {
    counts_[index] = 0;
  }
  limiter_.Erase(index);
}

void Family::Expire(const ServerNames& names, const Workloads& workloads, uint64_t now_ns) {
  const size_t before = size();
  for (size_t i = 0; i < limiter_.sets().size(); ++i) {
    if (limiter_.sets()[i] == nullptr) continue;
    const std::vector<LabelValue>& set = *limiter_.sets()[i];
    const bool forgotten =
        namespace_place_ != kNone &&
        !workloads.IsAdmitted(set[namespace_place_], set[namespace_place_ + 1], set[namespace_place_ + 2]);
    const bool demoted =
        name_place_ != kNone && now_ns - seen_ns_[i] >= kDemotedIdleNs && !names.IsAdmitted(set[name_place_]);
    if (forgotten || demoted) Remove(i);
  }
  if (size() != before) ++epoch_;
}

void Family::ExpireNames(const ServerNames& names) {
  if (name_place_ == kNone) return;
  const size_t before = size();
  for (size_t i = 0; i < limiter_.sets().size(); ++i) {
    const LabelSet& set = limiter_.sets()[i];
    if (set != nullptr && !names.IsAdmitted((*set)[name_place_])) Remove(i);
  }
  if (size() != before) ++epoch_;
}

FamilySnapshot Family::Snapshot() const {
  FamilySnapshot snapshot;
  snapshot.spec = spec_;
  snapshot.sets.reserve(size());
  if (spec_->type == MetricType::kHistogram) {
    snapshot.histograms.reserve(size());
  } else {
    snapshot.counts.reserve(size());
  }
  for (size_t i = 0; i < limiter_.sets().size(); ++i) {
    if (limiter_.sets()[i] == nullptr) continue;
    snapshot.sets.push_back(limiter_.sets()[i]);
    if (spec_->type == MetricType::kHistogram) {
      snapshot.histograms.push_back(histograms_[i]);
    } else {
      snapshot.counts.push_back(counts_[i]);
    }
  }
  snapshot.limit = limiter_.limit();
  snapshot.overflow = limiter_.overflow();
  snapshot.expired = expired_;
  return snapshot;
}

}  // namespace tlsmeter::agent
