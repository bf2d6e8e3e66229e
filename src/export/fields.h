// Fields: the facts of a record as text, by the names that `-F` takes. Columns and comma-separated values are made of them.
// Pure functions, any thread.
#ifndef TLSMETER_SRC_EXPORT_FIELDS_H_
#define TLSMETER_SRC_EXPORT_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// TimeStyle is how the field `time` is written.
enum class TimeStyle : uint8_t {
  kClock,    // 12:01:03.123, local
  kSeconds,  // seconds since `start`, three decimals
  kUtc,      // RFC 3339 with microseconds
};

struct TimeFormat {
  TimeStyle style = TimeStyle::kClock;
  uint64_t start_ns = 0;  // Unix time, for kSeconds
  absl::TimeZone zone = absl::LocalTimeZone();
};

struct Field {
  std::string_view name;     // "sni"; static storage, as is the rest
  std::string_view heading;  // "SNI"
  size_t width;              // of its column; longer values push the rest of the line
  bool right;                // aligned to the right
  // append appends the value, nothing when it was not seen: valid UTF-8 without control characters, at most kMaxFieldText
  // bytes.
  void (*append)(const HandshakeRecord& record, const TimeFormat& time, std::string* out);
};

// kMaxFieldText bounds one value: the longest host name.
inline constexpr size_t kMaxFieldText = 253;

// Fields returns every field there is.
std::span<const Field> Fields();

// DefaultFields and WideFields are lists for ParseFields.
inline constexpr std::string_view kDefaultFields =
    "time,role,pid,comm,client,server,sni,ver,cipher,group,alpn,res,ms,result";
inline constexpr std::string_view kWideFields =
    "time,role,pid,comm,client,server,sni,ver,cipher,group,alpn,res,tcp_ms,server_flight_ms,ms,first_app_byte_ms,starttls,"
    "subject,not_after,ja4,result";

// ParseFields reads a comma-separated list of names. InvalidArgument names the one that there is not, and those that there
// are. The pointers are to static storage.
absl::StatusOr<std::vector<const Field*>> ParseFields(std::string_view list);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_FIELDS_H_
