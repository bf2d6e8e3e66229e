#include "src/export/gzip.h"

#include <gtest/gtest.h>

#include "tests/export/gunzip.h"

namespace tlsmeter::agent {
namespace {

TEST(GzipTest, IsUndoneByZlib) {
  std::string noise;
  for (unsigned i = 0, x = 1; i < 300000; ++i) noise += static_cast<char>((x = x * 1664525u + 1013904223u) >> 24);
  for (const std::string& text : {std::string(), std::string("a"), std::string(1000000, 'x'), noise}) {
    EXPECT_EQ(Gunzip(Gzip(text)), text);
  }
}

TEST(GzipTest, MakesRepetitiveTextSmall) { EXPECT_LT(Gzip(std::string(1000000, 'x')).size(), 10000u); }

}  // namespace
}  // namespace tlsmeter::agent
