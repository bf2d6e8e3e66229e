#include "src/export/time_text.h"

#include <gtest/gtest.h>

#include <random>

namespace tlsmeter::agent {
namespace {

std::string Thousandths(int64_t value) {
  std::string text;
  AppendThousandths(value, &text);
  return text;
}

TEST(TimeTextTest, WritesWhatAbseilWrites) {
  std::mt19937_64 random(7);
  absl::TimeZone zone = absl::FixedTimeZone(-(5 * 3600 + 30 * 60));
  for (int i = 0; i < 2000; ++i) {
    const absl::Time time = absl::FromUnixNanos(static_cast<int64_t>(random() >> 1));
    std::string day, clock;
    AppendUtcDay(time, &day);
    AppendClock(time, zone, &clock);
    ASSERT_EQ(UtcTime(time, 0), absl::FormatTime("%E4Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone()));
    ASSERT_EQ(UtcTime(time, 3), absl::FormatTime("%E4Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone()));
    ASSERT_EQ(UtcTime(time, 6), absl::FormatTime("%E4Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone()));
    ASSERT_EQ(day, absl::FormatTime("%E4Y-%m-%d", time, absl::UTCTimeZone()));
    ASSERT_EQ(clock, absl::FormatTime("%H:%M:%E3S", time, zone));
  }
}

TEST(TimeTextTest, WritesTheFirstAndTheLastTimeOfACertificate) {
  EXPECT_EQ(UtcTime(absl::FromUnixSeconds(-62167219200), 0), "0000-01-01T00:00:00Z");
  EXPECT_EQ(UtcTime(absl::FromUnixSeconds(253402300799), 0), "9999-12-31T23:59:59Z");
}

TEST(TimeTextTest, CutsTheFractionAndDoesNotRound) {
  EXPECT_EQ(UtcTime(absl::FromUnixNanos(1'999'999'999), 3), "1970-01-01T00:00:01.999Z");
}

TEST(TimeTextTest, WritesThousandths) {
  EXPECT_EQ(Thousandths(0), "0.000");
  EXPECT_EQ(Thousandths(7), "0.007");
  EXPECT_EQ(Thousandths(12'345), "12.345");
  EXPECT_EQ(Thousandths(-250), "-0.250");
  EXPECT_EQ(Thousandths(-1'500), "-1.500");
  EXPECT_EQ(Thousandths(std::numeric_limits<int64_t>::max()), "9223372036854775.807");
  EXPECT_EQ(Thousandths(std::numeric_limits<int64_t>::min()), "-9223372036854775.808");
}

TEST(TimeTextTest, AppendsToWhatIsThere) {
  std::string text = "at ";
  AppendUtcTime(absl::UnixEpoch(), 0, &text);
  text += ' ';
  AppendThousandths(1'000, &text);
  EXPECT_EQ(text, "at 1970-01-01T00:00:00Z 1.000");
}

}  // namespace
}  // namespace tlsmeter::agent
