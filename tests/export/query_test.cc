#include "src/export/query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tlsmeter::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;
using ::testing::Pair;

TEST(ParseQuery, FindsNothingWithoutAQuery) {
  for (const char* target : {"", "/x", "/x?", "/x?&&"}) EXPECT_THAT(ParseQuery(target), Optional(ElementsAre())) << target;
}

TEST(ParseQuery, KeepsOrderAndRepetition) {
  EXPECT_THAT(ParseQuery("/x?b=1&a=2&b=3"), Optional(ElementsAre(Pair("b", "1"), Pair("a", "2"), Pair("b", "3"))));
}

TEST(ParseQuery, TakesAnythingForAValue) {
  EXPECT_THAT(ParseQuery("/x?a&b=&=c&d=e=f?g"),
              Optional(ElementsAre(Pair("a", ""), Pair("b", ""), Pair("", "c"), Pair("d", "e=f?g"))));
}

TEST(ParseQuery, Decodes) {
  EXPECT_THAT(ParseQuery("/x?%61+b=%e2%82%AC%26%00"), Optional(ElementsAre(Pair("a b", std::string("\xe2\x82\xac&\0", 5)))));
}

TEST(ParseQuery, RefusesBrokenEscapes) {
  for (const char* target : {"/x?a=%", "/x?a=%4", "/x?a=%4g", "/x?%zz=1", "/x?a=%-1", "/x?a=% 1", "/x?a=%&b=11"}) {
    EXPECT_EQ(ParseQuery(target), std::nullopt) << target;
  }
}

}  // namespace
}  // namespace tlsmeter::agent
