#include "src/aggregate/series_memos.h"

#include <gtest/gtest.h>

#include <array>

namespace tlsmeter::agent {
namespace {

constexpr std::array<std::string_view, kMaxSeriesMemos + 2> kValues = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};

void Remember(SeriesMemos* memos, Metric family, std::initializer_list<std::string_view> values, uint32_t series) {
  SeriesMemos::Memo& memo = memos->Of(family, values);
  memo.series = series;
  memo.epoch = 1;
}

TEST(SeriesMemosTest, RemembersEachListOfValuesOfEachFamily) {
  SeriesMemos memos;
  EXPECT_EQ(memos.Of(Metric::kAlerts, {kValues[0], kValues[1]}).epoch, 0u) << "nothing was remembered yet";
  Remember(&memos, Metric::kAlerts, {kValues[0], kValues[1]}, 7);
  Remember(&memos, Metric::kAlerts, {kValues[0], kValues[2]}, 8);
  Remember(&memos, Metric::kResumptions, {kValues[0]}, 9);
  Remember(&memos, Metric::kConnectionSetupDuration, {}, 10);
  EXPECT_EQ(memos.Of(Metric::kAlerts, {kValues[0], kValues[1]}).series, 7u);
  EXPECT_EQ(memos.Of(Metric::kAlerts, {kValues[0], kValues[2]}).series, 8u);
  EXPECT_EQ(memos.Of(Metric::kResumptions, {kValues[0]}).series, 9u);
  EXPECT_EQ(memos.Of(Metric::kConnectionSetupDuration, {}).series, 10u);
  EXPECT_EQ(memos.Of(Metric::kAlerts, {kValues[0]}).epoch, 0u);
}

TEST(SeriesMemosTest, GivesTheLastPlaceToWhatComesWhenAllAreTaken) {
  SeriesMemos memos;
  for (uint32_t i = 0; i < kValues.size(); ++i) {
    EXPECT_EQ(memos.Of(Metric::kResumptions, {kValues[i]}).epoch, 0u) << "the place still holds another's series";
    Remember(&memos, Metric::kResumptions, {kValues[i]}, i);
  }
  for (uint32_t i = 0; i + 1 < kMaxSeriesMemos; ++i) {
    EXPECT_EQ(memos.Of(Metric::kResumptions, {kValues[i]}).series, i);
    EXPECT_EQ(memos.Of(Metric::kResumptions, {kValues[i]}).epoch, 1u);
  }
  EXPECT_EQ(memos.Of(Metric::kResumptions, {kValues.back()}).series, kValues.size() - 1);
  EXPECT_EQ(memos.Of(Metric::kResumptions, {kValues[kMaxSeriesMemos - 1]}).epoch, 0u);
}

}  // namespace
}  // namespace tlsmeter::agent
