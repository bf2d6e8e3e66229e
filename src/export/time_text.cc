#include "src/export/time_text.h"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <iterator>

namespace tlsmeter::agent {
namespace {

// Appends the last `width` digits of `value`, at most nine.
void AppendDigits(int64_t value, size_t width, std::string* out) {
  char digits[9];
  for (size_t at = width; at > 0; value /= 10) digits[--at] = static_cast<char>('0' + value % 10);
  out->append(digits, width);
}

void AppendFraction(absl::Duration subsecond, int decimals, std::string* out) {
  if (decimals == 0) return;
  int64_t value = absl::ToInt64Nanoseconds(subsecond);
  for (int i = decimals; i < 9; ++i) value /= 10;
  *out += '.';
  AppendDigits(value, static_cast<size_t>(decimals), out);
}

void AppendDay(std::chrono::sys_days days, std::string* out) {
  const std::chrono::year_month_day day(days);
  AppendDigits(int{day.year()}, 4, out);
  *out += '-';
  AppendDigits(unsigned{day.month()}, 2, out);
  *out += '-';
  AppendDigits(unsigned{day.day()}, 2, out);
}

void AppendTimeOfDay(int64_t hour, int64_t minute, int64_t second, std::string* out) {
  AppendDigits(hour, 2, out);
  *out += ':';
  AppendDigits(minute, 2, out);
  *out += ':';
  AppendDigits(second, 2, out);
}

// Seconds since the epoch, rounded down.
std::chrono::sys_seconds UnixSeconds(absl::Time time) {
  return std::chrono::sys_seconds(std::chrono::seconds(absl::ToUnixSeconds(time)));
}

}  // namespace

// By the calendar of <chrono>: absl's takes the time zone's way, which UTC does not need.
void AppendUtcTime(absl::Time time, int decimals, std::string* out) {
  const std::chrono::sys_seconds seconds = UnixSeconds(time);
  const auto days = std::chrono::floor<std::chrono::days>(seconds);
  const int64_t of_day = (seconds - days).count();
  AppendDay(days, out);
  *out += 'T';
  AppendTimeOfDay(of_day / 3600, of_day / 60 % 60, of_day % 60, out);
  AppendFraction(time - absl::FromUnixSeconds(seconds.time_since_epoch().count()), decimals, out);
  *out += 'Z';
}

void AppendUtcDay(absl::Time time, std::string* out) {
  AppendDay(std::chrono::floor<std::chrono::days>(UnixSeconds(time)), out);
}

std::string UtcTime(absl::Time time, int decimals) {
  constexpr size_t kLongest = 30;
  std::string text;
  text.reserve(kLongest);
  AppendUtcTime(time, decimals, &text);
  return text;
}

void AppendClock(absl::Time time, const absl::TimeZone& zone, std::string* out) {
  const absl::TimeZone::CivilInfo civil = zone.At(time);
  AppendTimeOfDay(civil.cs.hour(), civil.cs.minute(), civil.cs.second(), out);
  AppendFraction(civil.subsecond, 3, out);
}

void AppendThousandths(int64_t value, std::string* out) {
  if (value < 0) *out += '-';
  char whole[20];
  out->append(whole, std::to_chars(whole, std::end(whole), std::abs(value / 1000)).ptr);
  *out += '.';
  AppendDigits(std::abs(value % 1000), 3, out);
}

}  // namespace tlsmeter::agent
