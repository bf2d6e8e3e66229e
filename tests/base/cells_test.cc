#include "src/base/cells.h"

#include <gtest/gtest.h>

#include <clocale>

namespace tlsmeter::agent {
namespace {

TEST(CellsTest, CountsCellsNotBytes) {
  EXPECT_EQ(CellWidth(""), 0u);
  EXPECT_EQ(CellWidth("api.example.com"), 15u);
  EXPECT_EQ(CellWidth("f\u00fcr"), 3u);
  EXPECT_EQ(CellWidth("\u4f60\u597d"), 4u);  // wide
  EXPECT_EQ(CellWidth("e\u0301"), 1u);       // combining
  EXPECT_EQ(CellWidth("\xff"), 1u);
}

TEST(CellsTest, LeavesTheLocaleOfTheThreadAlone) {
  const locale_t before = uselocale(nullptr);
  CellWidth("\u4f60");
  FitCells("\u4f60\u4f60", 1);
  EXPECT_EQ(uselocale(nullptr), before);
}

TEST(CellsTest, CutsWhatIsTooWideAndMarksIt) {
  EXPECT_EQ(FitCells("example", 7), "example");
  EXPECT_EQ(FitCells("example", 6), "examp>");
  EXPECT_EQ(FitCells("example", 1), ">");
  EXPECT_EQ(FitCells("example", 0), "");
}

TEST(CellsTest, NeverHalvesACharacter) {
  EXPECT_EQ(FitCells("\u4f60\u597d\u4f60", 5), "\u4f60\u597d>");
  EXPECT_EQ(FitCells("\u4f60\u597d\u4f60", 4), "\u4f60>");
  EXPECT_EQ(FitCells("ae\u0301b", 3), "ae\u0301b");
  EXPECT_EQ(FitCells("ae\u0301bc", 3), "ae\u0301>");
}

}  // namespace
}  // namespace tlsmeter::agent
