// What ClientHello and ServerHello have in common: the extension block and lists of numbers (RFC 8446, section 4.2). Any
// thread.
#ifndef TLSMETER_SRC_TLS_HELLO_EXTENSIONS_H_
#define TLSMETER_SRC_TLS_HELLO_EXTENSIONS_H_

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tlsmeter/byte_reader.h"
#include "tlsmeter/client_hello.h"
#include "tlsmeter/parse_status.h"

namespace tlsmeter {

inline constexpr size_t kMaxSessionId = 32;  // RFC 5246, section 7.4.1.2

// AsText copies bytes into a string, whatever they are.
inline std::string AsText(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

// HasExtensionType returns true when `type` is among `extensions`.
inline bool HasExtensionType(std::span<const Extension> extensions, ExtensionType type) {
  return std::any_of(extensions.begin(), extensions.end(), [type](const Extension& e) { return e.type == type; });
}

// ReadExtensions reads a whole extension block: notes each head in `heads` and hands each body to `read`, which returns a
// ParseStatus and must leave nothing of a body that it looks into. Stops at the first status other than kOk.
template <typename ReadBody>
[[nodiscard]] ParseStatus ReadExtensions(ByteReader block, std::vector<Extension>* heads, ReadBody read) {
  constexpr size_t kExtensionHeadSize = 4;
  constexpr size_t kUsualCount = 20;  // of browsers
  heads->reserve(std::min(kUsualCount, block.remaining() / kExtensionHeadSize));
  while (!block.empty()) {
    Extension head;
    ByteReader body;
    if (!block.ReadU16(&head.type.value) || !block.ReadPrefixed16(&body)) return ParseStatus::kTruncated;
    if (HasExtensionType(*heads, head.type)) return ParseStatus::kDuplicate;
    if (heads->size() == kMaxExtensions) return ParseStatus::kTooLarge;  // also keeps the search above short
    head.length = static_cast<uint16_t>(body.remaining());
    heads->push_back(head);
    if (const ParseStatus status = read(head.type, body); status != ParseStatus::kOk) return status;
  }
  return ParseStatus::kOk;
}

// NumberIn returns the number of a list's element: the element itself, or the `value` of a struct around it.
inline uint16_t* NumberIn(uint16_t& number) { return &number; }
template <typename T>
uint16_t* NumberIn(T& number) {
  return &number.value;
}

// ReadNumbers reads a list of 16-bit numbers, at least one, to its end.
template <typename T>
[[nodiscard]] ParseStatus ReadNumbers(ByteReader list, std::vector<T>* numbers) {
  if (list.empty()) return ParseStatus::kBadLength;
  if (list.remaining() / 2 > kMaxListEntries) return ParseStatus::kTooLarge;
  numbers->reserve(list.remaining() / 2);
  while (!list.empty()) {
    T number;
    if (!list.ReadU16(NumberIn(number))) return ParseStatus::kBadLength;  // an odd byte is left
    numbers->push_back(number);
  }
  return ParseStatus::kOk;
}

// Last returns kTrailingData in place of kOk when something is left of `body`: the end of each parser.
[[nodiscard]] inline ParseStatus Last(ParseStatus status, const ByteReader& body) {
  return status == ParseStatus::kOk && !body.empty() ? ParseStatus::kTrailingData : status;
}

}  // namespace tlsmeter

#endif  // TLSMETER_SRC_TLS_HELLO_EXTENSIONS_H_
