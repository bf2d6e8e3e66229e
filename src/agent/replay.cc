#include "src/agent/replay.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {
namespace {

// "3 http, 1 ssh": what was counted at all.
class CountList {
 public:
  void Add(uint64_t count, std::string_view what) {
    if (count > 0) absl::StrAppend(&text_, text_.empty() ? "" : ", ", count, " ", std::string(what));
  }
  const char* Text() const { return text_.empty() ? "none" : text_.c_str(); }

 private:
  std::string text_;
};

}  // namespace

void Replay::Take(LinkType link, const CapturedPacket& packet) {
  if (std::exchange(at_file_start_, false) && packets_ > 0) {
    const uint64_t hole = std::max(packet.time_ns, last_ns_) - std::min(packet.time_ns, last_ns_);
    if (hole > kHandshakeTimeoutNs) {
      flows_.Finish(last_ns_);
      tracker_.Clear();
    }
  }
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
  CountList without_tls;
  for (size_t i = 0; i < flows.without_tls.size(); ++i) {
    without_tls.Add(flows.without_tls[i], PlainProtocolName(static_cast<PlainProtocol>(i)));
  }
  CountList skipped;
  for (size_t i = 0; i < outcomes_.size(); ++i) {
    const auto outcome = static_cast<PacketOutcome>(i);
    // What waits for other fragments is skipped only when they never come.
    if (outcome == PacketOutcome::kSegment || outcome == PacketOutcome::kFragment) continue;
    skipped.Add(outcomes_[i], PacketOutcomeName(outcome));
  }
  skipped.Add(decoder_.fragments().given_up() + decoder_.fragments().waiting(), "datagrams that lack fragments");
  skipped.Add(tracker_.stats().cut_segments, "payloads cut short");
  skipped.Add(tracker_.stats().forgotten, "connections over the ceiling");
  for (const uint64_t evicted : flows.evicted) skipped.Add(evicted, "handshakes over the ceiling");
  skipped.Add(flows.dropped_pieces, "pieces over the ceiling of order");
  skipped.Add(flows.incomplete, "handshakes with bytes missing");
  return absl::StrCat("read ", packets_, " packets, ", wire_bytes_, " bytes, ", tracker_.stats().connections,
                      " connections, ", flows.handshakes, " handshakes; without TLS: ", without_tls.Text(),
                      "; skipped: ", skipped.Text());
}

}  // namespace tlsmeter::agent
