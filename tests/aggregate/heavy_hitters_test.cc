#include "src/aggregate/heavy_hitters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {
namespace {

constexpr uint64_t kMinute = 60'000'000'000;
constexpr uint64_t kHour = 60 * kMinute;

TEST(HeavyHittersTest, AdmitsAtFirstSightWhileThereIsRoom) {
  HeavyHitters names(2, 10);
  EXPECT_TRUE(names.Observe("a", 0));
  EXPECT_TRUE(names.Observe("b", 0));
  EXPECT_FALSE(names.Observe("c", 0));
  EXPECT_TRUE(names.Observe("a", 0));
  EXPECT_TRUE(names.IsAdmitted("b"));
  EXPECT_FALSE(names.IsAdmitted("c"));
  EXPECT_FALSE(names.IsAdmitted("never seen"));
  EXPECT_EQ(names.admitted(), 2u);
}

TEST(HeavyHittersTest, GivesThePlaceOfTheWeakestToABusierName) {
  HeavyHitters names(2, 10);
  for (int i = 0; i < 5; ++i) names.Observe("strong", 0);
  names.Observe("weak", 0);
  // "weak" was seen once: twice that and kMinLead more takes its place.
  for (uint64_t i = 1; i < 2 + kMinLead; ++i) ASSERT_FALSE(names.Observe("rising", 0)) << i;
  EXPECT_TRUE(names.Observe("rising", 0));
  EXPECT_FALSE(names.IsAdmitted("weak"));
  EXPECT_TRUE(names.IsAdmitted("strong"));
  EXPECT_EQ(names.admitted(), 2u);
}

TEST(HeavyHittersTest, LetsNearEqualsBe) {
  HeavyHitters names(10, 50);
  std::mt19937 random(1);
  for (int i = 0; i < 100; ++i) names.Observe(absl::StrCat("n", i % 10), 0);
  for (int i = 0; i < 200000; ++i) names.Observe(absl::StrCat("n", random() % 20), 0);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(names.IsAdmitted(absl::StrCat("n", i)));
}

TEST(HeavyHittersTest, FindsTheBusyNamesInATorrentOfUniqueOnes) {
  HeavyHitters names(100, 500);
  std::mt19937 random(2);
  int unique = 0;
  // The torrent comes first, and takes all places.
  for (int i = 0; i < 10000; ++i) names.Observe(absl::StrCat("junk", unique++), 0);
  for (int i = 0; i < 500000; ++i) {
    // 100 names with half a per cent of the traffic each; the rest is never seen twice.
    if (random() % 2 == 0) {
      names.Observe(absl::StrCat("busy", random() % 100), 0);
    } else {
      names.Observe(absl::StrCat("junk", unique++), 0);
    }
  }
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(names.IsAdmitted(absl::StrCat("busy", i))) << i;
  EXPECT_EQ(names.admitted(), 100u);
  EXPECT_EQ(names.size(), 500u);
}

// Space-saving's promise, on a Zipf distribution: the true top of the list is found.
TEST(HeavyHittersTest, AdmitsTheTopOfASkewedDistribution) {
  HeavyHitters names(100, 500);
  std::mt19937 random(3);
  std::vector<double> cumulative;
  double sum = 0;
  for (int rank = 1; rank <= 20000; ++rank) cumulative.push_back(sum += 1.0 / rank);
  std::uniform_real_distribution<double> uniform(0, sum);
  for (int i = 0; i < 1000000; ++i) {
    const auto at = std::lower_bound(cumulative.begin(), cumulative.end(), uniform(random));
    names.Observe(absl::StrCat("n", at - cumulative.begin()), 0);
  }
  for (int rank = 0; rank < 40; ++rank) EXPECT_TRUE(names.IsAdmitted(absl::StrCat("n", rank))) << rank;
}

TEST(HeavyHittersTest, ForgetsWhatWasBusyOnce) {
  HeavyHitters names(1, 10);
  names.Age(kHour, kHour);
  for (int i = 0; i < 1000; ++i) names.Observe("then", kHour);
  for (int i = 0; i < 20; ++i) names.Observe("now", kHour);
  EXPECT_FALSE(names.IsAdmitted("now"));
  names.Age(kHour + 59 * kMinute, kHour);  // five half-lives: "then" counts 31
  for (int i = 0; i < 31 * 2 + 8; ++i) names.Observe("now", kHour + 59 * kMinute);
  EXPECT_TRUE(names.IsAdmitted("now"));
  EXPECT_FALSE(names.IsAdmitted("then"));
}

TEST(HeavyHittersTest, GivesUpThePlaceOfAnIdleName) {
  HeavyHitters names(1, 10);
  names.Observe("idle", kHour);
  names.Age(2 * kHour - 1, kHour);
  EXPECT_TRUE(names.IsAdmitted("idle"));
  EXPECT_FALSE(names.Observe("next", 2 * kHour - 1));
  names.Age(2 * kHour, kHour);
  EXPECT_FALSE(names.IsAdmitted("idle"));
  EXPECT_TRUE(names.Observe("next", 2 * kHour));
}

// Whatever comes, the ceilings hold and what is said of a name agrees with what was said before.
TEST(HeavyHittersTest, KeepsItsCeilingsUnderRandomTraffic) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const size_t places = 1 + random() % 8;
    HeavyHitters names(places, places + 1 + random() % 30);
    uint64_t now = kHour;
    for (int step = 0; step < 20000; ++step) {
      const std::string name = absl::StrCat("n", random() % (1 + random() % 100));
      const bool admitted = names.Observe(name, now);
      ASSERT_EQ(admitted, names.IsAdmitted(name));
      ASSERT_LE(names.admitted(), places);
      ASSERT_LE(names.size(), places + 31);
      if (random() % 500 == 0) now += random() % kHour;
      if (random() % 100 == 0) names.Age(now, kHour / 2);
    }
  }
}

}  // namespace
}  // namespace tlsmeter::agent
