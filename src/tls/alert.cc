#include "tlsmeter/alert.h"

#include "tlsmeter/byte_reader.h"

namespace tlsmeter {

ParseStatus ParseAlert(std::span<const uint8_t> body, AlertMessage* alert) {
  ByteReader reader(body);
  uint8_t level;
  uint8_t description;
  if (!reader.ReadU8(&level) || !reader.ReadU8(&description)) return ParseStatus::kTruncated;
  if (!reader.empty()) return ParseStatus::kTrailingData;
  if (level != static_cast<uint8_t>(AlertLevel::kWarning) && level != static_cast<uint8_t>(AlertLevel::kFatal)) {
    return ParseStatus::kBadValue;
  }
  *alert = {static_cast<AlertLevel>(level), AlertDescription{description}};
  return ParseStatus::kOk;
}

}  // namespace tlsmeter
