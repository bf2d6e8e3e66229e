// Ring buffer records of any content: nothing is read past their end, and no view points outside.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "src/capture/event_decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tlsmeter::agent;
  DecodedEvent out;
  const bool ok = EventDecoder(0).Decode({data, size}, &out);
  if (!ok && out.count != 0) std::abort();
  volatile uint64_t sum = 0;  // volatile: the reads must happen
  for (size_t i = 0; i < out.count; ++i) {
    if (const auto* chunk = std::get_if<DataChunk>(&out.chunks[i].what)) {
      for (const uint8_t byte : chunk->bytes) sum = sum + byte;
    } else if (const auto* owner = std::get_if<OwnerChunk>(&out.chunks[i].what)) {
      for (const char c : owner->comm) sum = sum + static_cast<uint8_t>(c);
    }
  }
  return 0;
}
