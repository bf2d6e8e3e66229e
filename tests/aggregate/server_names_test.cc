#include "src/aggregate/server_names.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

using Mode = ServerNameOptions::Mode;

TEST(ServerNamesTest, AdmitsAHundredAndKeepsTheRestForOther) {
  ServerNames names({});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(names.Admit(absl::StrCat("n", i), 0), absl::StrCat("n", i));
  EXPECT_EQ(names.Admit("late", 0), kLabelOther);
  EXPECT_FALSE(names.IsAdmitted("late"));
  EXPECT_TRUE(names.IsAdmitted("n99"));
}

TEST(ServerNamesTest, NeedsNoPlaceForReservedLabels) {
  ServerNames names({});
  for (int i = 0; i < 100; ++i) names.Admit(absl::StrCat("n", i), 0);
  for (const std::string_view label : {kLabelNone, kLabelIp, kLabelInvalid, kLabelUnknown, kLabelOther}) {
    EXPECT_EQ(names.Admit(label, 0), label);
    EXPECT_TRUE(names.IsAdmitted(label));
  }
}

TEST(ServerNamesTest, CutsNamesToTheirLastParts) {
  const auto cut = [](size_t parts, std::string_view name) {
    return ServerNames({.mode = Mode::kSuffix, .suffix_parts = parts, .allowlist = {}}).LabelOf(name);
  };
  EXPECT_EQ(cut(2, "A.b.Example.com."), "example.com");
  EXPECT_EQ(cut(3, "a.b.example.com"), "b.example.com");
  EXPECT_EQ(cut(1, "a.b.example.com"), "com");
  EXPECT_EQ(cut(2, "example.com"), "example.com");
  EXPECT_EQ(cut(2, "localhost"), "localhost");
  EXPECT_EQ(cut(2, "192.0.2.1"), kLabelIp);
  EXPECT_EQ(cut(2, ""), kLabelNone);
  EXPECT_EQ(cut(2, "a..b"), kLabelInvalid);
}

TEST(ServerNamesTest, AdmitsOnlyTheAllowlist) {
  ServerNames names({.mode = Mode::kAllowlist, .allowlist = {"Shop.Example", "pay.example"}});
  EXPECT_EQ(names.Admit(names.LabelOf("shop.example"), 0), "shop.example");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(names.Admit("other.example", 0), kLabelOther);
  names.Age(UINT64_C(1) << 60);
  EXPECT_TRUE(names.IsAdmitted("pay.example"));
  EXPECT_EQ(names.Admit(names.LabelOf(""), 0), kLabelNone);
}

TEST(ServerNamesTest, AdmitsNoNameWhereNamesAreOff) {
  ServerNames names({.mode = Mode::kOff, .allowlist = {}});
  EXPECT_EQ(names.LabelOf("shop.example"), "");
  EXPECT_EQ(names.Admit("", 0), "");
  for (const std::string_view label : {std::string_view("shop.example"), kLabelNone, kLabelOther}) {
    EXPECT_FALSE(names.IsAdmitted(label)) << label;
  }
}

TEST(ServerNamesTest, SaysUnknownWhereNoHelloWasSeen) { EXPECT_EQ(ServerNames({}).LabelOf(std::nullopt), kLabelUnknown); }

TEST(ServerNamesTest, BoundsTheAllowlist) {
  ServerNameOptions options{.mode = Mode::kAllowlist, .allowlist = {}};
  for (int i = 0; i < 150; ++i) options.allowlist.push_back(absl::StrCat("n", i));
  ServerNames names(options);
  EXPECT_EQ(names.Admit("n99", 0), "n99");
  EXPECT_EQ(names.Admit("n100", 0), kLabelOther);
}

TEST(ServerNamesTest, TellsNoNamesWhenOff) {
  ServerNames names({.mode = Mode::kOff, .allowlist = {}});
  EXPECT_EQ(names.LabelOf("shop.example"), "");
  EXPECT_EQ(names.LabelOf(std::nullopt), "");
  EXPECT_EQ(names.Admit("", 0), "");
  EXPECT_TRUE(names.IsAdmitted(""));
}

}  // namespace
}  // namespace tlsmeter::agent
