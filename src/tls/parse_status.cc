#include "tlsmeter/parse_status.h"

namespace tlsmeter {

std::string_view ParseStatusName(ParseStatus status) {
  switch (status) {
    case ParseStatus::kOk:
      return "ok";
    case ParseStatus::kNeedMore:
      return "need_more";
    case ParseStatus::kTruncated:
      return "truncated";
    case ParseStatus::kTrailingData:
      return "trailing_data";
    case ParseStatus::kBadLength:
      return "bad_length";
    case ParseStatus::kBadValue:
      return "bad_value";
    case ParseStatus::kDuplicate:
      return "duplicate";
    case ParseStatus::kTooLarge:
      return "too_large";
    case ParseStatus::kNotTls:
      return "not_tls";
  }
  return "unknown";  // only a cast can make such a value
}

}  // namespace tlsmeter
