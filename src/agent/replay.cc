#include "src/agent/replay.h"

#include <string_view>
#include <variant>

#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {

void Replay::Take(LinkType link, const CapturedPacket& packet) {
  ++packets_;
  wire_bytes_ += packet.wire_length;
  last_ns_ = packet.time_ns;
  TcpSegment segment;
  const PacketOutcome outcome = decoder_.Decode(link, packet.time_ns, packet.bytes, packet.wire_length, &segment);
  ++outcomes_[static_cast<size_t>(outcome)];
  if (outcome == PacketOutcome::kSegment) {
    for (const Chunk& chunk : tracker_.Take(packet.time_ns, segment)) {
      // A StopChunk may end the connection before the one of this segment: nothing is to be muted then.
      const bool wanted = flows_.Take(chunk);
      if (!wanted && !std::holds_alternative<StopChunk>(chunk.what)) tracker_.Mute();
    }
  }
  flows_.Advance(packet.time_ns);
}

std::string Replay::LastLine() const {
  const FlowStats& flows = flows_.stats();
  std::string line = absl::StrCat("read ", packets_, " packets, ", wire_bytes_, " bytes, ", tracker_.stats().connections,
                                  " connections, ", flows.handshakes, " handshakes");
  std::string skipped;
  const auto add = [&skipped](uint64_t count, std::string_view what) {
    if (count > 0) absl::StrAppend(&skipped, skipped.empty() ? "" : ", ", count, " ", std::string(what));
  };
  for (size_t i = 0; i < outcomes_.size(); ++i) {
    const auto outcome = static_cast<PacketOutcome>(i);
    // What waits for other fragments is skipped only when they never come.
    if (outcome == PacketOutcome::kSegment || outcome == PacketOutcome::kFragment) continue;
    add(outcomes_[i], PacketOutcomeName(outcome));
  }
  add(decoder_.fragments().given_up() + decoder_.fragments().waiting(), "datagrams that lack fragments");
  add(tracker_.stats().cut_segments, "payloads cut short");
  add(tracker_.stats().forgotten, "connections over the ceiling");
  add(flows.evicted[static_cast<size_t>(Eviction::kTableFull)], "handshakes over the ceiling");
  add(flows.dropped_pieces, "pieces over the ceiling of order");
  add(flows.incomplete, "handshakes with bytes missing");
  absl::StrAppend(&line, "; skipped: ", skipped.empty() ? "nothing" : skipped);
  return line;
}

}  // namespace tlsmeter::agent
