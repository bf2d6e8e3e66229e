#include "src/aggregate/label_pool.h"

#include <gtest/gtest.h>

#include <vector>

#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {
namespace {

TEST(LabelPoolTest, HoldsAValueOnce) {
  LabelPool pool;
  const LabelValue value = pool.Intern("nginx");
  EXPECT_EQ(pool.Intern("nginx").id(), value.id());
  EXPECT_NE(pool.Intern("curl").id(), value.id());
  EXPECT_EQ(std::string_view(value), "nginx");
  EXPECT_EQ(pool.size(), 2u);
}

TEST(LabelPoolTest, FindsWhatItHasAndNothingElse) {
  LabelPool pool;
  Label label("nginx");
  EXPECT_FALSE(pool.Find(&label));
  EXPECT_EQ(label.id, 0u);
  const LabelValue value = pool.Intern("nginx");
  EXPECT_TRUE(pool.Find(&label));
  EXPECT_EQ(label.id, value.id());
  EXPECT_EQ(Label(value).id, value.id());
}

TEST(LabelPoolTest, DropsWhatNobodyHolds) {
  LabelPool pool;
  std::vector<LabelValue> held;
  for (int i = 0; i < 100; ++i) held.push_back(pool.Intern(absl::StrCat("held", i)));
  for (int i = 0; i < 100000; ++i) {
    pool.Intern(absl::StrCat("passing", i));
    ASSERT_LE(pool.size(), kMinPooledValues);
  }
  for (const LabelValue& value : held) EXPECT_EQ(pool.Intern(value).id(), value.id());
}

TEST(LabelPoolTest, GrowsWithWhatIsHeld) {
  LabelPool pool;
  std::vector<LabelValue> held;
  for (size_t i = 0; i < 3 * kMinPooledValues; ++i) held.push_back(pool.Intern(absl::StrCat("held", i)));
  EXPECT_EQ(pool.size(), held.size());
}

TEST(LabelPoolTest, NeverUsesAnIdAgain) {
  LabelPool pool;
  const uint64_t first = pool.Intern("passing").id();
  for (size_t i = 0; i <= kMinPooledValues; ++i) pool.Intern(absl::StrCat("other", i));
  Label label("passing");
  ASSERT_FALSE(pool.Find(&label)) << "this test needs it dropped";
  EXPECT_NE(pool.Intern("passing").id(), first);
}

}  // namespace
}  // namespace tlsmeter::agent
