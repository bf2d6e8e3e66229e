#include "src/aggregate/catalogue.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "src/aggregate/label_limiter.h"

namespace tlsmeter::agent {
namespace {

bool IsName(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
}

TEST(CatalogueTest, NamesEachMetricOnceWithTheCustomaryPrefixAndSuffix) {
  std::set<std::string_view> names;
  for (const MetricSpec& spec : Catalogue()) {
    EXPECT_TRUE(IsName(spec.name)) << spec.name;
    EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
    EXPECT_TRUE(spec.name.substr(0, 9) == "tlsmeter_" || spec.name.substr(0, 8) == "process_") << spec.name;
    const bool total = spec.name.size() > 6 && spec.name.substr(spec.name.size() - 6) == "_total";
    EXPECT_EQ(total, spec.type == MetricType::kCounter) << spec.name;
    EXPECT_FALSE(spec.help.empty());
    EXPECT_EQ(spec.help.back(), '.') << spec.name;
  }
  EXPECT_EQ(names.size(), kMetricCount);
}

TEST(CatalogueTest, NamesEachLabelOnceAFamily) {
  for (const MetricSpec& spec : Catalogue()) {
    std::set<std::string_view> labels;
    for (const std::string_view label : spec.labels()) {
      EXPECT_TRUE(IsName(label)) << spec.name;
      EXPECT_TRUE(labels.insert(label).second) << spec.name << " " << label;
    }
  }
}

TEST(CatalogueTest, StaysWithinTheNodeBudget) {
  size_t sum = 0;
  for (const MetricSpec& spec : Catalogue()) sum += spec.cap;
  EXPECT_LE(sum, kMaxSeries);
}

TEST(CatalogueTest, HasRoomForTheOverflowOfEveryOpenLabel) {
  size_t labels = 0;
  for (const MetricSpec& spec : Catalogue().first(kAggregatedFamilies)) {
    for (const std::string_view label : spec.labels()) labels += CountsOverflow(label) ? 1 : 0;
  }
  EXPECT_LE(labels, SpecOf(Metric::kLabelOverflow).cap);
}

TEST(CatalogueTest, CountsAHistogramSetAsFifteenSeries) {
  EXPECT_EQ(kHistogramSeries, 15u);
  EXPECT_EQ(SpecOf(Metric::kHandshakeDuration).max_label_sets(), 100u);
  EXPECT_EQ(SpecOf(Metric::kConnectionSetupDuration).max_label_sets(), 60u);
}

TEST(CatalogueTest, NamesTypes) {
  EXPECT_EQ(MetricTypeName(MetricType::kCounter), "counter");
  EXPECT_EQ(MetricTypeName(MetricType::kGauge), "gauge");
  EXPECT_EQ(MetricTypeName(MetricType::kHistogram), "histogram");
}

}  // namespace
}  // namespace tlsmeter::agent
