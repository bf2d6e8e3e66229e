// Flow: one connection, from its chunks to the record of its handshake.
//
// Brings both directions into order, finds where TLS begins where the source does not say, and feeds the library's tracker.
// What that needs is given back with the decision; what is left only recognises stragglers. Memory of one flow is bounded by
// StreamBuffer, Preface and HandshakeTracker. One thread.
#ifndef TLSMETER_SRC_CORRELATE_FLOW_H_
#define TLSMETER_SRC_CORRELATE_FLOW_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "src/capture/chunk.h"
#include "src/correlate/flow_stats.h"
#include "src/correlate/handshake_record.h"
#include "src/correlate/join_key.h"
#include "src/correlate/preface.h"
#include "src/correlate/stream_buffer.h"
#include "src/correlate/verdict.h"
#include "tlsmeter/certificate.h"
#include "tlsmeter/handshake.h"

namespace tlsmeter::agent {

// Bytes of a connection of a capture file, after which its handshake is told as it stands: live sources stop by themselves.
// Certificate chains of both sides come to 64 KiB at the very most; the rest is room for early data.
inline constexpr uint64_t kMaxFollowedBytes = 512 * 1024;

class Flow {
 public:
  // `certificates` remembers what certificates say and must outlive the flow.
  explicit Flow(CertificateCache* certificates) : streams_(std::make_unique<Streams>(certificates)) {}

  // IsOtherConnection returns true when `open` is of the next connection between the same two ends and ports.
  bool IsOtherConnection(const OpenChunk& open) const;

  // Open, Own and Take follow the chunks; a second opening completes the first. `may_wait` is false when there is no room
  // for bytes that are out of order; dropped pieces are counted in `stats`.
  void Open(const OpenChunk& open);
  void Own(const OwnerChunk& owner);
  void Take(End sender, uint32_t offset, const StreamPiece& piece, bool may_wait, FlowStats* stats);

  // Stop says that no more bytes will come: what waits for missing ones is all there is. Returns true when the connection is
  // to be decided at once; false leaves that to HandshakeOver and Settled.
  bool Stop(const StopChunk& stop, uint64_t time_ns);

  // HandshakeOver returns true when the handshake is through, has failed, or is none. Settled, when nothing that can still
  // come would change the record.
  bool HandshakeOver() const;
  bool Settled() const;

  // Decide ends the watch and counts in `stats`. Returns the record, null where no hello was seen. Once per flow.
  std::unique_ptr<HandshakeRecord> Decide(const Ending& ending, FlowStats* stats);
  bool decided() const { return streams_ == nullptr; }

  // Identity returns what an undecided flow of a live source is known by so far.
  HandshakeIdentity Identity() const;

  // buffered_bytes returns how many bytes wait for earlier ones.
  size_t buffered_bytes() const;

 private:
  struct Streams {
    explicit Streams(CertificateCache* certificates) : tracker(certificates) {}

    HandshakeTracker tracker;
    Preface preface;   // of connections that are not watched
    bool tls = false;  // ... it found where TLS begins
    PlainProtocol before = PlainProtocol::kNone;
    uint64_t bytes = 0;                   // of both directions
    std::array<StreamBuffer, 2> buffers;  // by End
    std::array<uint64_t, 2> waiting_since_ns = {};
  };

  StreamBuffer& buffer(End end) { return streams_->buffers[static_cast<size_t>(end)]; }
  Sender SenderOf(End end) const { return client_ == end ? Sender::kClient : Sender::kServer; }
  bool HasTls() const { return watched_ || streams_->tls; }
  void Deliver(End sender, const StreamPiece& piece);
  bool PassPreface(End sender, const StreamPiece& piece);
  void Drain(End sender);
  void DrainByTime();
  bool GiveUpGap(End sender);
  void GiveUpAllGaps();

  bool watched_ = true;
  bool opened_ = false;
  std::optional<SocketAddress> local_, remote_;
  std::optional<End> client_;
  std::optional<uint32_t> syn_seq_;
  uint64_t syn_ns_ = 0;
  uint64_t established_ns_ = 0;
  Owner owner_;
  std::unique_ptr<Streams> streams_;  // until the decision
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_FLOW_H_
