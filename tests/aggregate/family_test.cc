// What a family promises: every observation is in exactly one series or has expired with it, whatever is admitted, demoted
// or forgotten.

#include "src/aggregate/family.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/text.h"
#include "tests/base/sanitized.h"

namespace tlsmeter::agent {
namespace {

constexpr uint64_t kMinute = 60'000'000'000;
constexpr uint64_t kHour = 60 * kMinute;

constexpr MetricSpec Spec(MetricType type, size_t cap) {
  return {Metric::kHandshakes,
          "test_total",
          type,
          "",
          {"role", "namespace", "workload", "workload_type", "server_name", "result"},
          cap,
          5};
}

using Values = std::vector<std::string>;

Values ValuesOf(const LabelSet& set) { return {set->begin(), set->end()}; }

uint64_t Total(const FamilySnapshot& snapshot) {
  uint64_t total = std::accumulate(snapshot.counts.begin(), snapshot.counts.end(), uint64_t{0});
  for (const HistogramValue& value : snapshot.histograms) total += value.count();
  return total;
}

// Meter is a family with what decides over its series, as the aggregator has them.
struct Meter {
  explicit Meter(const MetricSpec& of) : spec(of) {}

  // Observe counts one handshake and returns its labels after admission.
  Values Observe(std::string_view role, std::string_view workload, std::string_view name, std::string_view result) {
    const Workload& whose = workloads.Admit({"", std::string(workload), "process"}, now);
    std::vector<Label> labels = {Label(role)};
    labels.insert(labels.end(), whose.labels().begin(), whose.labels().end());
    labels.emplace_back(names.Admit(name, now));
    labels.emplace_back(result);
    Values values;
    for (const Label& label : labels) values.emplace_back(label.text);
    const uint32_t series = family.SeriesOf(labels);
    // As long as the epoch is the same, so is the series of these labels.
    const auto [known, added] = answers.try_emplace(absl::StrJoin(values, "\n"), family.epoch(), series);
    if (known->second.first == family.epoch()) {
      EXPECT_EQ(known->second.second, series);
    }
    known->second = {family.epoch(), series};
    if (spec.type == MetricType::kHistogram) {
      Exemplar exemplar;
      exemplar.seconds = 0.5;
      family.Observe(series, exemplar, now);
    } else {
      family.Count(series, now);
    }
    return values;
  }

  void Sweep() {
    names.Age(now);
    workloads.Age(now);
    family.Expire(names, workloads, now);
  }

  MetricSpec spec;
  LabelPool pool;
  ServerNames names{{}};
  Workloads workloads{&pool};
  Family family{spec, &pool};
  std::unordered_map<std::string, std::pair<uint32_t, uint32_t>> answers;  // of SeriesOf, and the epoch
  uint64_t now = kHour;
};

TEST(FamilyTest, KeepsADemotedSeriesUntilItWasIdleForAQuarterOfAnHour) {
  Meter meter(Spec(MetricType::kCounter, 1000));
  meter.Observe("client", "curl", "demoted", "success");
  for (size_t i = 1; i < kMaxServerNames; ++i) {
    for (int n = 0; n < 3; ++n) meter.Observe("client", "curl", absl::StrCat("n", i), "success");
  }
  for (int i = 0; i < 20; ++i) meter.Observe("client", "curl", "rising", "success");
  ASSERT_FALSE(meter.names.IsAdmitted("demoted"));
  const FamilySnapshot before = meter.family.Snapshot();
  ASSERT_EQ(ValuesOf(before.sets[0])[4], "demoted");

  meter.now += kDemotedIdleNs - 1;
  meter.Sweep();
  FamilySnapshot after = meter.family.Snapshot();
  EXPECT_EQ(after.sets, before.sets);
  EXPECT_EQ(after.counts, before.counts);

  meter.now += 1;
  meter.Sweep();
  after = meter.family.Snapshot();
  EXPECT_EQ(after.sets.size(), before.sets.size() - 1);
  EXPECT_EQ(after.expired, 1u);
  for (size_t i = 0; i < after.sets.size(); ++i) {
    EXPECT_EQ(after.sets[i], before.sets[i + 1]);
    EXPECT_EQ(after.counts[i], before.counts[i + 1]) << "the count of the vanished series went elsewhere";
  }
}

TEST(FamilyTest, GoesOnWithADemotedSeriesThatIsAdmittedAgain) {
  Meter meter(Spec(MetricType::kCounter, 1000));
  for (size_t i = 0; i < kMaxServerNames; ++i) meter.Observe("client", "curl", absl::StrCat("n", i), "success");
  for (int i = 0; i < 30; ++i) meter.Observe("client", "curl", "rising", "success");
  ASSERT_FALSE(meter.names.IsAdmitted("n0"));
  meter.now += kDemotedIdleNs / 2;
  meter.Sweep();
  for (int i = 0; i < 30; ++i) meter.Observe("client", "curl", "n0", "success");
  ASSERT_TRUE(meter.names.IsAdmitted("n0"));
  const FamilySnapshot snapshot = meter.family.Snapshot();
  EXPECT_EQ(ValuesOf(snapshot.sets[0])[4], "n0");
  EXPECT_GT(snapshot.counts[0], 1u);
  EXPECT_EQ(Total(snapshot), kMaxServerNames + 60);
}

// A series that vanished and comes back begins at 0. Prometheus sees a counter that is smaller than before and takes it for
// one that was reset, so that rate() and increase() count what came since.
TEST(FamilyTest, BeginsAtZeroWhenAVanishedSeriesComesBack) {
  Meter meter(Spec(MetricType::kCounter, 1000));
  for (int i = 0; i < 5; ++i) meter.Observe("client", "curl", "a", "success");
  meter.now += kHour;
  meter.Sweep();
  EXPECT_EQ(meter.family.size(), 0u);
  EXPECT_EQ(meter.family.Snapshot().expired, 5u);
  meter.Observe("client", "curl", "a", "success");
  const FamilySnapshot snapshot = meter.family.Snapshot();
  EXPECT_EQ(snapshot.counts, std::vector<uint64_t>{1});
  EXPECT_EQ(snapshot.expired, 5u);
}

TEST(FamilyTest, BeginsAtZeroInAHistogramToo) {
  Meter meter(Spec(MetricType::kHistogram, 60 * kHistogramSeries));
  meter.Observe("client", "curl", "a", "success");
  meter.now += kHour;
  meter.Sweep();
  EXPECT_EQ(meter.family.Snapshot().expired, 1u);
  meter.Observe("client", "curl", "b", "success");
  const FamilySnapshot snapshot = meter.family.Snapshot();
  ASSERT_EQ(snapshot.histograms.size(), 1u);
  EXPECT_EQ(snapshot.histograms[0].count(), 1u);
  EXPECT_DOUBLE_EQ(snapshot.histograms[0].sum, 0.5);
}

TEST(FamilyTest, ChangesItsEpochWhenSeriesVanishAndOnlyThen) {
  Meter meter(Spec(MetricType::kCounter, 1000));
  meter.Observe("client", "curl", "a", "success");
  const uint32_t epoch = meter.family.epoch();
  EXPECT_NE(epoch, 0u);
  meter.now += kHour - 1;
  meter.Sweep();
  EXPECT_EQ(meter.family.epoch(), epoch);
  meter.now += 1;
  meter.Sweep();
  EXPECT_NE(meter.family.epoch(), epoch);
}

TEST(FamilyTest, KeepsTheSeriesOfABusyWorkload) {
  Meter meter(Spec(MetricType::kCounter, 1000));
  meter.Observe("client", "idle", "a", "success");
  meter.Observe("client", "busy", "a", "failure");
  for (int i = 0; i < 6; ++i) {
    meter.now += 10 * kMinute;
    meter.Observe("client", "busy", "a", "success");
    meter.Sweep();
  }
  const FamilySnapshot snapshot = meter.family.Snapshot();
  ASSERT_EQ(snapshot.sets.size(), 2u);
  EXPECT_EQ(ValuesOf(snapshot.sets[0])[5], "failure") << "a counter of an active workload vanished";
  EXPECT_EQ(snapshot.expired, 1u);
}

// Follows a small family step by step, against a count of its own: each step changes what it must and nothing else.
void CheckEachStep(MetricType type, size_t sets, uint32_t seed) {
  std::mt19937 random(seed);
  Meter meter(Spec(type, type == MetricType::kHistogram ? sets * kHistogramSeries : sets));
  struct Series {
    uint64_t count = 0;
    uint64_t seen = 0;
  };
  std::map<Values, Series> series;
  uint64_t expired = 0;
  const uint32_t workloads = 1 + random() % 8;
  const uint32_t names = 1 + random() % 400;
  for (int step = 0; step < 12000; ++step) {
    Values values;
    const bool sweep = random() % 50 == 0;
    if (sweep) {
      meter.now += random() % (20 * kMinute);
      meter.Sweep();
    } else {
      // A few names are busy, so that places change hands.
      const uint32_t busy = static_cast<uint32_t>(step / 3000) * 10 + random() % 10;
      const std::string name = absl::StrCat("n", random() % 2 == 0 ? busy : random() % names);
      values = meter.Observe(random() % 2 == 0 ? "client" : "server", absl::StrCat("w", random() % workloads), name,
                             random() % 2 == 0 ? "success" : "failure");
    }

    const FamilySnapshot snapshot = meter.family.Snapshot();
    ASSERT_LE(snapshot.sets.size(), meter.spec.max_label_sets());
    std::map<Values, Series> now;
    uint64_t changed = 0;
    for (size_t i = 0; i < snapshot.sets.size(); ++i) {
      const Values set = ValuesOf(snapshot.sets[i]);
      const uint64_t count = type == MetricType::kHistogram ? snapshot.histograms[i].count() : snapshot.counts[i];
      const auto before = series.find(set);
      const uint64_t had = before == series.end() ? 0 : before->second.count;
      ASSERT_GE(count, had) << "a counter went backwards";
      Series& entry = now[set];
      ASSERT_EQ(entry.count, 0u) << "two series with the same labels";
      entry = {count, before == series.end() ? meter.now : before->second.seen};
      if (count == had) continue;
      ASSERT_FALSE(sweep);
      changed += count - had;
      entry.seen = meter.now;
      for (size_t k = 0; k < set.size(); ++k) ASSERT_TRUE(set[k] == values[k] || set[k] == kLabelOther);
    }
    ASSERT_EQ(changed, sweep ? 0u : 1u);
    for (const auto& [set, entry] : series) {
      if (now.contains(set)) continue;
      ASSERT_TRUE(sweep);
      ASSERT_TRUE(set[2] != kLabelOther || set[4] != kLabelOther);
      const uint64_t idle = meter.now - entry.seen;
      ASSERT_TRUE(idle >= kWorkloadIdleNs || (idle >= kDemotedIdleNs && !meter.names.IsAdmitted(set[4])))
          << "vanished too early";
      expired += entry.count;
    }
    ASSERT_EQ(snapshot.expired, expired);
    series = std::move(now);
  }
}

TEST(FamilyTest, AgreesWithAnExactCountAfterEachStep) {
  for (uint32_t seed = 0; seed < 8; ++seed) CheckEachStep(MetricType::kCounter, 8 + seed * 5, seed);
  CheckEachStep(MetricType::kHistogram, 20, 100);
}

// Millions of handshakes through a family of real size: the ceilings after each, the sum at each sweep.
TEST(FamilyTest, LosesNoneOfMillionsOfObservations) {
  Meter meter(SpecOf(Metric::kHandshakes));
  std::mt19937 random(9);
  uint64_t observed = 0;
  uint64_t last_expired = 0;
  const uint64_t observations = kSanitized ? 300'000 : 3'000'000;
  while (observed < observations) {
    // Each hour or two has busy workloads and names of its own, among names that come once.
    const uint64_t epoch = observed / (observations / 12);
    const std::string workload = absl::StrCat("w", epoch * 50 + random() % 120);
    const std::string name =
        random() % 3 == 0 ? absl::StrCat("x", random()) : absl::StrCat("n", epoch * 30 + random() % 150);
    meter.Observe(random() % 2 == 0 ? "client" : "server", workload, name, random() % 10 == 0 ? "failure" : "success");
    ++observed;
    ASSERT_LE(meter.family.size(), meter.spec.max_label_sets());
    ASSERT_LE(meter.workloads.size(), kMaxWorkloads);
    if (observed % (observations / 1200) != 0) continue;
    meter.now += kMinute;
    meter.Sweep();
    const FamilySnapshot snapshot = meter.family.Snapshot();
    ASSERT_EQ(Total(snapshot) + snapshot.expired, observed);
    ASSERT_GE(snapshot.expired, last_expired);
    last_expired = snapshot.expired;
    // Live values are 200 workloads, some hundred names, and a few more.
    ASSERT_LE(meter.pool.size(), 2 * kMinPooledValues) << "the pool keeps what no series has";
  }
  EXPECT_GT(last_expired, 0u) << "nothing ever expired: this test has looked at nothing";
}

}  // namespace
}  // namespace tlsmeter::agent
