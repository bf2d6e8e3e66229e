#include "src/aggregate/label_limiter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

using ::testing::ElementsAre;

// Index counts one observation and returns which set it is in.
size_t Index(LabelLimiter* limiter, const std::vector<std::string_view>& values) {
  std::vector<Label> labels(values.begin(), values.end());
  const size_t index = limiter->Index(labels);
  limiter->CountOverflow(index);
  return index;
}

std::vector<std::string> Set(const LabelLimiter& limiter, size_t index) {
  return {limiter.sets()[index]->begin(), limiter.sets()[index]->end()};
}

constexpr MetricSpec Small(size_t cap, size_t reserve) {
  return {Metric::kHandshakes, "small_total", MetricType::kCounter, "", {"role", "workload", "server_name"}, cap, reserve};
}

uint64_t Overflow(const LabelLimiter& limiter, size_t label) { return limiter.overflow()[label]; }

TEST(LabelLimiterTest, CountsTheSameValuesInTheSameSet) {
  LabelPool pool;
  const MetricSpec spec = Small(20, 3);
  LabelLimiter limiter(spec, &pool);
  EXPECT_EQ(Index(&limiter, {"client", "curl", "a"}), 0u);
  EXPECT_EQ(Index(&limiter, {"client", "curl", "b"}), 1u);
  EXPECT_EQ(Index(&limiter, {"client", "curl", "a"}), 0u);
  EXPECT_THAT(Set(limiter, 1), ElementsAre("client", "curl", "b"));
}

TEST(LabelLimiterTest, TellsSetsApartThatJoinToTheSameText) {
  LabelPool pool;
  const MetricSpec spec = Small(40, 3);
  LabelLimiter limiter(spec, &pool);
  EXPECT_NE(Index(&limiter, {"a", "bc", "d"}), Index(&limiter, {"ab", "c", "d"}));
  EXPECT_NE(Index(&limiter, {"a", "", "bc"}), Index(&limiter, {"a", "bc", ""}));
}

TEST(LabelLimiterTest, GivesUpTheNameFirstThenTheWorkload) {
  LabelPool pool;
  const MetricSpec spec = Small(12, 4);
  LabelLimiter limiter(spec, &pool);  // 6 sets with names, 2 more with a workload, 4 in reserve
  for (int i = 0; i < 6; ++i) Index(&limiter, {"client", "curl", absl::StrCat("name", i)});
  ASSERT_EQ(limiter.sets().size(), 6u);

  EXPECT_THAT(Set(limiter, Index(&limiter, {"client", "curl", "name6"})), ElementsAre("client", "curl", kLabelOther));
  EXPECT_THAT(Set(limiter, Index(&limiter, {"client", "wget", "name7"})), ElementsAre("client", "wget", kLabelOther));
  EXPECT_THAT(Set(limiter, Index(&limiter, {"client", "nginx", "name8"})), ElementsAre("client", kLabelOther, kLabelOther));
  EXPECT_EQ(Overflow(limiter, 2), 3u);
  EXPECT_EQ(Overflow(limiter, 1), 1u);
  EXPECT_EQ(Overflow(limiter, 0), 0u);
  EXPECT_THAT(Set(limiter, Index(&limiter, {"client", "curl", "name0"})), ElementsAre("client", "curl", "name0"));
}

TEST(LabelLimiterTest, KeepsTheCeilingEvenWhenTheReserveIsTooSmall) {
  LabelPool pool;
  const MetricSpec spec = Small(5, 2);
  LabelLimiter limiter(spec, &pool);
  for (int i = 0; i < 50; ++i) Index(&limiter, {absl::StrCat("role", i), "curl", "name"});
  EXPECT_EQ(limiter.sets().size(), 5u);
  EXPECT_THAT(Set(limiter, limiter.sets().size() - 1), ElementsAre(kLabelOther, kLabelOther, kLabelOther));
}

TEST(LabelLimiterTest, CountsValuesThatAlreadyReadOther) {
  LabelPool pool;
  const MetricSpec spec = Small(20, 3);
  LabelLimiter limiter(spec, &pool);
  Index(&limiter, {"client", "curl", kLabelOther});
  EXPECT_EQ(Overflow(limiter, 2), 1u);
}

// Counts traffic twice: by set, as the limiter says, and exactly. After each step the ceiling holds, nothing is lost, and
// each value of a set is either the observation's own or __other__.
void CheckAgainstOracle(const MetricSpec& spec, uint32_t seed) {
  std::mt19937 random(seed);
  LabelPool pool;
  LabelLimiter limiter(spec, &pool);
  std::vector<uint64_t> counts;
  std::map<std::vector<std::string>, uint64_t> exact;
  std::map<std::vector<std::string>, size_t> home;
  const int workloads = 1 + static_cast<int>(random() % 60);
  const int names = 1 + static_cast<int>(random() % 400);
  for (uint64_t step = 1; step <= 3000; ++step) {
    const std::vector<std::string> values = {random() % 2 == 0 ? "client" : "server",
                                             absl::StrCat("w", random() % workloads), absl::StrCat("n", random() % names)};
    const size_t index = Index(&limiter, {values.begin(), values.end()});
    counts.resize(limiter.sets().size());
    ++counts[index];
    ++exact[values];

    ASSERT_LE(limiter.sets().size(), spec.max_label_sets());
    ASSERT_EQ(home.try_emplace(values, index).first->second, index) << "a series moved";
    const std::vector<std::string> set = Set(limiter, index);
    for (size_t i = 0; i < set.size(); ++i) ASSERT_TRUE(set[i] == values[i] || set[i] == kLabelOther);
    ASSERT_EQ(set[0], values[0]) << "the reserve was too small";
  }
  std::vector<uint64_t> expected(counts.size());
  for (const auto& [values, count] : exact) expected[home[values]] += count;
  EXPECT_EQ(counts, expected);
  std::set<std::vector<std::string>> distinct;
  for (size_t i = 0; i < limiter.sets().size(); ++i) distinct.insert(Set(limiter, i));
  EXPECT_EQ(distinct.size(), limiter.sets().size());
}

TEST(LabelLimiterTest, AgreesWithAnExactCountUnderRandomTraffic) {
  for (uint32_t seed = 0; seed < 60; ++seed) CheckAgainstOracle(Small(5 + seed * 3, 3 + seed % 3), seed);
}

TEST(LabelLimiterTest, StaysFlatUnderAMillionDistinctNames) {
  const MetricSpec& spec = SpecOf(Metric::kHandshakes);
  LabelPool pool;
  LabelLimiter limiter(spec, &pool);
  uint64_t last = 0;
  for (int i = 0; i < 1000000; ++i) {
    const std::string name = absl::StrCat("host-", i, ".example.com");
    last = Index(&limiter, {"client", "", "curl", "process", name, "success"});
  }
  EXPECT_LE(limiter.sets().size(), spec.max_label_sets());
  EXPECT_EQ(Set(limiter, last)[4], kLabelOther);
  EXPECT_EQ(Overflow(limiter, 4), 1000000u - (limiter.sets().size() - 1));
}

TEST(LabelLimiterTest, LeavesRoomForNewWorkloadsAfterATorrentOfNames) {
  LabelPool pool;
  LabelLimiter limiter(SpecOf(Metric::kHandshakes), &pool);
  for (int i = 0; i < 10000; ++i) {
    Index(&limiter, {"client", "", "scanner", "process", absl::StrCat("n", i), "failure"});
  }
  const size_t index = Index(&limiter, {"server", "", "nginx", "process", "shop.example", "success"});
  EXPECT_EQ(Set(limiter, index)[2], "nginx");
}

TEST(LabelLimiterTest, GivesTheRoomOfAnErasedSetToAnother) {
  LabelPool pool;
  const MetricSpec spec = Small(12, 4);
  LabelLimiter limiter(spec, &pool);
  for (int i = 0; i < 6; ++i) Index(&limiter, {"client", "curl", absl::StrCat("name", i)});
  ASSERT_EQ(Set(limiter, Index(&limiter, {"client", "curl", "late"}))[2], kLabelOther);
  limiter.Erase(2);
  limiter.Erase(3);
  EXPECT_EQ(limiter.sets()[2], nullptr);
  EXPECT_EQ(limiter.size(), 5u);
  EXPECT_THAT(Set(limiter, Index(&limiter, {"client", "curl", "late"})), ElementsAre("client", "curl", "late"));
  EXPECT_EQ(limiter.size(), 6u);
  EXPECT_EQ(limiter.sets().size(), 7u) << "the erased place was not used again";
  EXPECT_EQ(Overflow(limiter, 2), 1u);
}

}  // namespace
}  // namespace tlsmeter::agent
