// Alert: how a side says that something ended or went wrong (RFC 8446, section 6; RFC 5246, section 7.2).
//
// Any thread.
#ifndef TLSMETER_ALERT_H_
#define TLSMETER_ALERT_H_

#include <cstdint>
#include <span>

#include "tlsmeter/parse_status.h"
#include "tlsmeter/registry.h"

namespace tlsmeter {

// AlertLevel is the first byte of an alert. TLS 1.3 ignores it: there every alert but close_notify and user_canceled is
// fatal.
enum class AlertLevel : uint8_t { kWarning = 1, kFatal = 2 };

// AlertMessage is the content of a plaintext alert record.
struct AlertMessage {
  AlertLevel level = AlertLevel::kFatal;
  AlertDescription description;

  constexpr bool operator==(const AlertMessage&) const = default;
};

// ParseAlert reads the body of a plaintext alert record. `*alert` is replaced on kOk and untouched otherwise.
//   kTruncated     fewer than two bytes
//   kTrailingData  more than two: a record carries one alert (RFC 8446, section 5.1)
//   kBadValue      a level other than 1 and 2; descriptions are data
[[nodiscard]] ParseStatus ParseAlert(std::span<const uint8_t> body, AlertMessage* alert);

}  // namespace tlsmeter

#endif  // TLSMETER_ALERT_H_
