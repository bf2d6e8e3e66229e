#include "src/export/process_stats.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>

namespace tlsmeter::agent {
namespace {

TEST(ProcessStatsTest, ReadsThisProcess) {
  const ProcessStats stats = ReadProcessStats();
  ASSERT_TRUE(stats.resident_bytes.has_value());
  EXPECT_GT(*stats.resident_bytes, 100e3);
  EXPECT_GE(*stats.virtual_bytes, *stats.resident_bytes);
  EXPECT_GE(*stats.cpu_seconds, 0);
  EXPECT_GE(*stats.open_fds, 3);
  const auto now = static_cast<double>(std::time(nullptr));
  EXPECT_LE(*stats.start_time_seconds, now + 1);
  EXPECT_GT(*stats.start_time_seconds, now - 3600);
}

TEST(ProcessStatsTest, ReadsPastAnyProcessName) {
  ProcessStats stats;
  ParseProcessStat("7 (a) R (b) S 1 1 1 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 1000 8192 3 18446744073709551615 0", 5000,
                   &stats);
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  EXPECT_DOUBLE_EQ(*stats.cpu_seconds, 200 / ticks);
  EXPECT_DOUBLE_EQ(*stats.virtual_bytes, 8192);
  EXPECT_DOUBLE_EQ(*stats.resident_bytes, 3.0 * static_cast<double>(sysconf(_SC_PAGESIZE)));
  EXPECT_DOUBLE_EQ(*stats.start_time_seconds, 5000 + 1000 / ticks);
}

TEST(ProcessStatsTest, LeavesOutWhatItCannotRead) {
  ProcessStats stats;
  for (const char* bad : {"", "7", "7 (a)", "7 (a) S 1 2 3"}) ParseProcessStat(bad, 1, &stats);
  EXPECT_FALSE(stats.cpu_seconds.has_value());
  ParseProcessStat("7 (a) S 1 1 1 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 1 0 1000 8192 3", std::nullopt, &stats);
  EXPECT_TRUE(stats.cpu_seconds.has_value());
  EXPECT_FALSE(stats.start_time_seconds.has_value());
}

}  // namespace
}  // namespace tlsmeter::agent
