// A capture of any content: packets of one link type, each behind two bytes of length, through decoder and tracker. Nothing
// is read past a packet's end, payloads lie inside what was captured, and chunks follow the order that they promise.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "src/capture/packet_decoder.h"
#include "src/capture/segment_tracker.h"
#include "tests/fuzz/fuzz_check.h"
#include "tlsmeter/byte_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tlsmeter::agent;
  tlsmeter::ByteReader input({data, size});
  uint8_t link;
  if (!input.ReadU8(&link) || link > static_cast<uint8_t>(LinkType::kPppoe)) return 0;
  PacketDecoder decoder;
  SegmentTracker tracker;
  uint64_t now = 1'000'000'000'000'000'000;
  volatile uint64_t sum = 0;  // volatile: the reads must happen
  while (!input.empty()) {
    // The top bits of the length let time pass and cut the packet.
    uint16_t head;
    if (!input.ReadU16(&head)) break;
    now += (head >> 14) * 20'000'000'000ull;
    const size_t cut = (head >> 12 & 3) * 20;
    std::span<const uint8_t> bytes;
    if (!input.ReadBytes(head & 0xfff, &bytes)) bytes = input.rest();
    const std::vector<uint8_t> packet(bytes.begin(), bytes.end());  // of its own, so that each read past the end is seen
    TcpSegment segment;
    if (decoder.Decode(static_cast<LinkType>(link), now, packet, packet.size() + cut, &segment) == PacketOutcome::kSegment) {
      FUZZ_CHECK(segment.payload.size() <= segment.length);
      bool told = false;
      for (const Chunk& chunk : tracker.Take(now, segment)) {
        FUZZ_CHECK(chunk.key.low <= chunk.key.high);
        told |= std::holds_alternative<OpenChunk>(chunk.what);
        if (const auto* sent = std::get_if<DataChunk>(&chunk.what)) {
          FUZZ_CHECK(!sent->bytes.empty() && sent->offset <= kMaxStreamBytes);
          for (const uint8_t byte : sent->bytes) sum = sum + byte;
        }
      }
      if (told && segment.payload.size() % 5 == 4) tracker.Mute();
    }
    FUZZ_CHECK(decoder.fragments().waiting() <= kMaxDatagrams);
    if (bytes.size() < (head & 0xfffu)) break;
  }
  return 0;
}
