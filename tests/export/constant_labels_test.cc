#include "src/export/constant_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "src/aggregate/catalogue.h"
#include "src/export/prometheus.h"

namespace tlsmeter::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ConstantLabelsTest, ReadsNameAndValue) {
  EXPECT_EQ(*ParseConstantLabel("region=eu"), (ConstantLabel{"region", "eu"}));
  EXPECT_EQ(*ParseConstantLabel("_a1=b=c d"), (ConstantLabel{"_a1", "b=c d"}));
  EXPECT_EQ(*ParseConstantLabel("ort=M\u00fcnchen"), (ConstantLabel{"ort", "M\u00fcnchen"}));
  const std::string longest(kMaxLabelValue, 'x');
  EXPECT_EQ(ParseConstantLabel("a=" + longest)->value, longest);
}

TEST(ConstantLabelsTest, SaysWhatIsWrong) {
  for (const auto& [text, why] : std::initializer_list<std::pair<std::string, const char*>>{
           {"", "write NAME=VALUE"},
           {"region", "write NAME=VALUE"},
           {"=eu", "no digit in front"},
           {"1a=eu", "no digit in front"},
           {"a-b=eu", "no digit in front"},
           {"a:b=eu", "no digit in front"},
           {"\u00fc=eu", "no digit in front"},
           {"__name__=x", "Prometheus's own"},
           {"job=x", "Prometheus sets"},
           {"instance=x", "Prometheus sets"},
           {"le=x", "Prometheus sets"},
           {"workload=x", "metrics of tlsmeter"},
           {"hook=x", "metrics of tlsmeter"},
           {"a=", "the value is empty"},
           {"a=x\n", "not printable UTF-8"},
           {"a=\xff", "not printable UTF-8"},
           {"a=" + std::string(kMaxLabelValue + 1, 'x'), "at most 255 bytes"}}) {
    const absl::Status status = ParseConstantLabel(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(why)) << text;
  }
}

TEST(ConstantLabelsTest, RefusesEveryLabelOfTheCatalogue) {
  for (const MetricSpec& metric : Catalogue()) {
    for (const std::string_view label : metric.labels()) {
      EXPECT_FALSE(ParseConstantLabel(absl::StrCat(std::string(label), "=x")).ok()) << label;
    }
  }
}

TEST(ConstantLabelsTest, RefusesANameTwiceAndTooMany) {
  EXPECT_THAT(*ParseConstantLabels({"b=1", "a=2"}), ElementsAre(ConstantLabel{"b", "1"}, ConstantLabel{"a", "2"}));
  EXPECT_EQ(ParseConstantLabels({"a=1", "b=2", "a=1"}).status().message(), "the label a is given twice");
  EXPECT_FALSE(ParseConstantLabels({"a=1", "b"}).ok());
  std::vector<std::string> many;
  for (size_t i = 0; i < kMaxConstantLabels; ++i) many.push_back(absl::StrCat("a", i, "=x"));
  EXPECT_TRUE(ParseConstantLabels(many).ok());
  many.emplace_back("b=x");
  EXPECT_EQ(ParseConstantLabels(many).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tlsmeter::agent
