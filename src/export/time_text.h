// Times as text, in the digits that JSON, logs and terminals show. Pure functions, any thread. Years are 0 to 9999: those of
// certificates and of 64-bit nanoseconds are.
#ifndef TLSMETER_SRC_EXPORT_TIME_TEXT_H_
#define TLSMETER_SRC_EXPORT_TIME_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace tlsmeter::agent {

// AppendUtcTime appends RFC 3339 in UTC with `decimals` (0 to 9) of the second, cut, not rounded:
// "2026-11-23T12:01:03.123456Z". AppendUtcDay appends the first part of it: "2026-11-23".
void AppendUtcTime(absl::Time time, int decimals, std::string* out);
void AppendUtcDay(absl::Time time, std::string* out);

// UtcTime returns what AppendUtcTime appends.
std::string UtcTime(absl::Time time, int decimals);

// AppendClock appends the time of day in `zone` with milliseconds, cut: "12:01:03.123".
void AppendClock(absl::Time time, const absl::TimeZone& zone, std::string* out);

// AppendThousandths appends `value` / 1000 with three decimals: 12345 as "12.345", -250 as "-0.250".
void AppendThousandths(int64_t value, std::string* out);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_TIME_TEXT_H_
