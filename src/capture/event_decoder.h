// EventDecoder: records of the BPF ring buffer become chunks.
//
// Pure: no clock, no I/O, any thread. It trusts no length that the ring hands over, so that a torn or foreign record costs a
// counted refusal and nothing else.
#ifndef TLSMETER_SRC_CAPTURE_EVENT_DECODER_H_
#define TLSMETER_SRC_CAPTURE_EVENT_DECODER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "src/capture/chunk.h"

namespace tlsmeter::agent {

// kMaxChunksPerEvent: one run of bytes and TM_MARKS record headers, or an opening and its owner.
inline constexpr size_t kMaxChunksPerEvent = 9;

// DecodedEvent holds the chunks of one event, in stream order. Their views point into the event.
struct DecodedEvent {
  std::array<Chunk, kMaxChunksPerEvent> chunks;
  size_t count = 0;
};

class EventDecoder {
 public:
  // `epoch_offset_ns` is what must be added to CLOCK_MONOTONIC to get nanoseconds since the Unix epoch.
  explicit EventDecoder(int64_t epoch_offset_ns) : epoch_offset_ns_(epoch_offset_ns) {}

  // Decode reads one ring buffer record. Returns false, with `out` empty, when it is shorter than its kind, of another
  // version or of an unknown kind, or when a length inside it reaches past its end.
  [[nodiscard]] bool Decode(std::span<const uint8_t> event, DecodedEvent* out) const;

 private:
  int64_t epoch_offset_ns_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_EVENT_DECODER_H_
