#include "src/export/time_text.h"

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <iterator>

#include "absl/time/civil_time.h"

namespace tlsmeter::agent {
namespace {

// Appends the last `width` digits of `value`.
void AppendDigits(int64_t value, size_t width, std::string* out) {
  size_t at = out->size() + width;
  out->resize(at);
  for (; width > 0; --width) {
    (*out)[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

void AppendFraction(absl::Duration subsecond, int decimals, std::string* out) {
  if (decimals == 0) return;
  int64_t value = absl::ToInt64Nanoseconds(subsecond);
  for (int i = decimals; i < 9; ++i) value /= 10;
  *out += '.';
  AppendDigits(value, static_cast<size_t>(decimals), out);
}

void AppendDay(const absl::CivilSecond& time, std::string* out) {
  AppendDigits(time.year(), 4, out);
  *out += '-';
  AppendDigits(time.month(), 2, out);
  *out += '-';
  AppendDigits(time.day(), 2, out);
}

void AppendTimeOfDay(const absl::CivilSecond& time, std::string* out) {
  AppendDigits(time.hour(), 2, out);
  *out += ':';
  AppendDigits(time.minute(), 2, out);
  *out += ':';
  AppendDigits(time.second(), 2, out);
}

}  // namespace

void AppendUtcTime(absl::Time time, int decimals, std::string* out) {
  const absl::TimeZone::CivilInfo civil = absl::UTCTimeZone().At(time);
  AppendDay(civil.cs, out);
  *out += 'T';
  AppendTimeOfDay(civil.cs, out);
  AppendFraction(civil.subsecond, decimals, out);
  *out += 'Z';
}

void AppendUtcDay(absl::Time time, std::string* out) { AppendDay(absl::UTCTimeZone().At(time).cs, out); }

std::string UtcTime(absl::Time time, int decimals) {
  std::string text;
  AppendUtcTime(time, decimals, &text);
  return text;
}

void AppendClock(absl::Time time, const absl::TimeZone& zone, std::string* out) {
  const absl::TimeZone::CivilInfo civil = zone.At(time);
  AppendTimeOfDay(civil.cs, out);
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
