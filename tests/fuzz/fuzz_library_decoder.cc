// Ring buffer records of any content: nothing is read past their end, no view points outside, and certificates stay within
// their ceilings.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "src/capture/library_decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tlsmeter::agent;
  LibraryDecoder decoder;
  volatile uint64_t sum = 0;  // volatile: the reads must happen
  const auto read = [&sum](std::string_view text) {
    for (const char c : text) sum = sum + static_cast<uint8_t>(c);
  };
  // Each input is several records, each after its length in two bytes: pieces of one certificate need them.
  std::span<const uint8_t> rest(data, size);
  while (rest.size() >= 2) {
    const size_t length = std::min<size_t>(rest[0] | rest[1] << 8, rest.size() - 2);
    const std::span<const uint8_t> record = rest.subspan(2, length);
    rest = rest.subspan(2 + length);
    LibraryEvent event;
    uint32_t slot = 0;
    if (decoder.Decode(record, &event, &slot) != LibraryDecoder::Outcome::kEvent) continue;
    if (const auto* end = std::get_if<LibraryEnd>(&event.what)) {
      read(end->alpn);
      read(end->server_name);
      read(end->owner.comm);
    } else if (const auto* certificate = std::get_if<LibraryCertificate>(&event.what)) {
      if (certificate->der == nullptr || certificate->der->empty() || certificate->der->size() > 65536) std::abort();
    }
  }
  return 0;
}
