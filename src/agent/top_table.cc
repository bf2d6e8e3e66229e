#include "src/agent/top_table.h"

#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/aggregate/certificate_catalogue.h"
#include "src/aggregate/labels.h"
#include "src/aggregate/workloads.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

std::string WorkloadName(const HandshakeRecord& record) {
  WorkloadText whose = WorkloadOf(record);
  return whose.name_space.empty() ? std::move(whose.workload) : absl::StrCat(whose.name_space, "/", whose.workload);
}

std::string ServerName(const HandshakeRecord& record) {
  if (!record.tls.client_hello.has_value()) return std::string(kLabelUnknown);
  return ServerNameLabel(record.tls.client_hello->server_name);
}

std::string ProcessName(const HandshakeRecord& record) {
  const std::string comm = WorkloadLabel(record.owner.comm);
  return record.owner.pid == 0 ? comm : absl::StrCat(record.owner.pid, "/", comm);
}

std::optional<int64_t> Earlier(std::optional<int64_t> a, std::optional<int64_t> b) {
  if (!a.has_value() || !b.has_value()) return a.has_value() ? a : b;
  return std::min(*a, *b);
}

// The value that the share `p` of all does not exceed; of at least one.
double Percentile(double p, std::vector<float>* values) {
  const auto rank = static_cast<size_t>(std::ceil(p * static_cast<double>(values->size())));
  const auto place = values->begin() + static_cast<ptrdiff_t>(std::max<size_t>(rank, 1) - 1);
  std::nth_element(values->begin(), place, values->end());
  return static_cast<double>(*place);
}

// Tally counts values of a short closed list.
class Tally {
 public:
  void Add(std::string_view name) {
    if (name.empty()) return;
    ++total_;
    const auto found = std::find_if(counts_.begin(), counts_.end(), [name](const auto& each) { return each.first == name; });
    if (found == counts_.end()) {
      counts_.emplace_back(name, 1);
    } else {
      ++found->second;
    }
  }

  std::vector<TopShare> Shares() {
    std::sort(counts_.begin(), counts_.end(),
              [](const auto& a, const auto& b) { return a.second != b.second ? a.second > b.second : a.first < b.first; });
    std::vector<TopShare> shares;
    shares.reserve(counts_.size());
    for (const auto& [name, count] : counts_) {
      shares.push_back({name, static_cast<double>(count) / static_cast<double>(total_)});
    }
    return shares;
  }

 private:
  std::vector<std::pair<std::string_view, uint64_t>> counts_;
  uint64_t total_ = 0;
};

}  // namespace

// Sum is a row in the making.
class TopTable::Sum {
 public:
  void Add(const Sample& sample) {
    ++row_.handshakes;
    if (sample.result != Result::kUnknown) ++row_.decided;
    if (sample.result == Result::kFailure || sample.result == Result::kAborted) {
      ++row_.failed;
      if (sample.reason != FailureReason::kNone) reasons_.Add(FailureReasonName(sample.reason));
    }
    if (sample.seconds.has_value()) seconds_.push_back(*sample.seconds);
    versions_.Add(sample.version);
    groups_.Add(sample.group);
    row_.expiry = Earlier(row_.expiry, sample.expiry);
  }

  bool empty() const { return row_.handshakes == 0; }

  TopRow Row(std::string name) && {
    row_.name = std::move(name);
    if (!seconds_.empty()) {
      row_.p50 = Percentile(0.50, &seconds_);
      row_.p95 = Percentile(0.95, &seconds_);
    }
    row_.versions = versions_.Shares();
    row_.groups = groups_.Shares();
    row_.reasons = reasons_.Shares();
    return std::move(row_);
  }

 private:
  TopRow row_;
  std::vector<float> seconds_;
  Tally versions_;
  Tally groups_;
  Tally reasons_;
};

uint32_t TopTable::Names::Take(std::string_view name) {
  uint32_t index = 0;
  const auto found = index_.find(std::string(name));
  if (found != index_.end()) {
    index = found->second;
  } else if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else if (entries_.size() <= max_names_) {
    index = static_cast<uint32_t>(entries_.size());
    entries_.emplace_back();
  }
  if (index != 0 && found == index_.end()) {
    entries_[index].text = name;
    index_.emplace(name, index);
  }
  ++entries_[index].samples;
  return index;
}

void TopTable::Names::Drop(uint32_t index) {
  Entry& entry = entries_[index];
  if (--entry.samples > 0 || index == 0) return;
  index_.erase(entry.text);
  entry.text.clear();
  free_.push_back(index);
}

TopTable::TopTable(uint64_t window_ns, uint64_t start_ns, size_t max_samples, size_t max_names)
    : window_ns_(window_ns),
      max_samples_(max_samples),
      since_ns_(start_ns),
      names_{Names(max_names), Names(max_names), Names(max_names)} {}

void TopTable::DropOldest() {
  for (size_t by = 0; by < kTopGroupings; ++by) names_[by].Drop(samples_.front().names[by]);
  samples_.pop_front();
}

void TopTable::Advance(uint64_t now_ns) {
  if (now_ns > window_ns_) since_ns_ = std::max(since_ns_, now_ns - window_ns_);
  while (!samples_.empty() && samples_.front().time_ns < since_ns_) DropOldest();
}

void TopTable::Add(const HandshakeRecord& record, uint64_t now_ns) {
  Advance(now_ns);
  if (samples_.size() >= max_samples_) {
    since_ns_ = samples_.front().time_ns;
    DropOldest();
  }
  Sample sample{
      .time_ns = now_ns,
      .names = {names_[0].Take(WorkloadName(record)), names_[1].Take(ServerName(record)),
                names_[2].Take(ProcessName(record))},
      .result = record.result,
      .reason = record.reason,
      .seconds = std::nullopt,
      .version = {},
      .group = {},
      .expiry = Earlier(EarliestExpiry(record.tls.server_certificates), EarliestExpiry(record.tls.client_certificates))};
  if (const auto seconds = HandshakeSeconds(record)) sample.seconds = static_cast<float>(*seconds);
  if (record.tls.version.has_value()) sample.version = VersionLabel(record.tls.version);
  if (record.tls.group.has_value()) sample.group = GroupLabel(record.tls.group);
  samples_.push_back(sample);
}

TopView TopTable::View(TopGrouping by, uint64_t now_ns) {
  Advance(now_ns);
  const auto grouping = static_cast<size_t>(by);
  const Names& names = names_[grouping];
  std::vector<Sum> sums(names.size());
  Sum total;
  for (const Sample& sample : samples_) {
    sums[sample.names[grouping]].Add(sample);
    total.Add(sample);
  }
  TopView view;
  view.seconds = static_cast<double>(now_ns - since_ns_) * 1e-9;
  view.total = std::move(total).Row("");
  for (uint32_t i = 0; i < sums.size(); ++i) {
    if (!sums[i].empty()) view.rows.push_back(std::move(sums[i]).Row(names.text(i)));
  }
  return view;
}

void SortTopRows(TopOrder order, bool reverse, std::vector<TopRow>* rows) {
  const auto key = [order](const TopRow& row) -> std::optional<double> {
    switch (order) {
      case TopOrder::kRate:
        return static_cast<double>(row.handshakes);
      case TopOrder::kFailures:
        return static_cast<double>(row.failed);
      case TopOrder::kP95:
        return row.p95;
      case TopOrder::kP50:
        return row.p50;
      case TopOrder::kExpiry:
        return row.expiry.has_value() ? std::optional(-static_cast<double>(*row.expiry)) : std::nullopt;
      case TopOrder::kName:
        return 0;
    }
    return std::nullopt;
  };
  const bool names_reversed = reverse && order == TopOrder::kName;
  std::sort(rows->begin(), rows->end(), [&](const TopRow& a, const TopRow& b) {
    const std::optional<double> left = key(a), right = key(b);
    if (left.has_value() != right.has_value()) return left.has_value();
    if (left.has_value() && *left != *right) return (*left > *right) != reverse;
    return names_reversed ? a.name > b.name : a.name < b.name;
  });
}

bool TopNameMatches(std::string_view pattern, std::string_view name) {
  const bool negated = pattern.starts_with('!');
  const std::string wanted = LowerAscii(pattern.substr(negated ? 1 : 0));
  if (wanted.empty()) return true;
  const std::string text = LowerAscii(name);
  const bool is_glob = wanted.find_first_of("*?[") != std::string::npos;
  const bool matches = is_glob ? fnmatch(wanted.c_str(), text.c_str(), 0) == 0 : text.find(wanted) != std::string::npos;
  return matches != negated;
}

}  // namespace tlsmeter::agent
