// SegmentTracker: TCP segments of many connections become chunks.
//
// It knows of each connection where its streams begin, who opened it, and whether it is over. It holds no bytes: order,
// overlap and gaps are for whoever takes the chunks. Time is the segments' own. Memory is bounded by kMaxConnections. One
// thread.
//
// A connection is told only once it carries data, and its bulk costs one look-up a segment: what comes after Mute, or after
// the first kMaxStreamBytes of a direction, makes no chunk. The streams count from the SYN; of a connection whose SYN was
// not seen, from what the peer acknowledges or else from the first byte that was seen.
#ifndef TLSMETER_SRC_CAPTURE_SEGMENT_TRACKER_H_
#define TLSMETER_SRC_CAPTURE_SEGMENT_TRACKER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "src/capture/chunk.h"
#include "src/capture/packet_decoder.h"

namespace tlsmeter::agent {

// Connections known at one time, some 20 MB. Each is known for one to two minutes after its last segment, longer than any
// straggler takes; 1,000 new connections a second fit.
inline constexpr size_t kMaxConnections = 131072;

// A connection without a segment for this long, in packet time, may be forgotten.
inline constexpr uint64_t kConnectionIdleNs = 60'000'000'000;

// How far into a stream bytes are handed on: handshakes and the plaintext dialogues before them are below a tenth of it.
inline constexpr uint32_t kMaxStreamBytes = 1024 * 1024;

// SegmentStats only grows.
struct SegmentStats {
  uint64_t connections = 0;   // that opened, or were met in mid-stream with data
  uint64_t cut_segments = 0;  // their payload was not captured whole
  uint64_t forgotten = 0;     // connections under way that made room for newer ones
};

class SegmentTracker {
 public:
  // Take returns the chunks of one segment, in order; valid until the next call. Their bytes are views of the segment's.
  std::span<const Chunk> Take(uint64_t time_ns, const TcpSegment& segment);

  // Mute says that no more data is wanted of the connection of the last segment. Its end is told all the same, and a new SYN
  // begins a connection that is not muted.
  void Mute();

  // Clear forgets all connections: what comes is another capture.
  void Clear();

  const SegmentStats& stats() const { return stats_; }

 private:
  struct Stream {
    std::optional<uint32_t> base;  // sequence number of the first byte
    bool fin = false;
  };
  struct Connection {
    std::array<Stream, 2> streams;  // by End
    std::optional<End> initiator;
    std::optional<End> first_fin;
    uint64_t syn_ns = 0;
    uint64_t established_ns = 0;
    bool answered = false;  // the SYN-ACK was seen
    bool told = false;      // an OpenChunk was given out
    bool muted = false;     // data makes no chunks
    bool over = false;      // closed or reset: kept so that stragglers find it
  };
  using Connections = absl::flat_hash_map<ConnectionKey, Connection>;

  Connection* Find(uint64_t time_ns, const ConnectionKey& key, bool opens);
  void Forget(uint64_t time_ns);
  void OnSyn(End sender, const TcpSegment& segment);
  void OnData(End sender, const TcpSegment& segment);
  void OnEnd(End sender, const TcpSegment& segment);
  void TellOpen();
  void TellEnd(const StopChunk& stop);
  template <typename T>
  void Tell(const T& what);

  // Two generations: what is used moves to the current one, and the older one is forgotten as a whole.
  Connections current_, older_;
  uint64_t generation_ns_ = 0;  // when current_ was begun

  // The segment at hand.
  ConnectionKey key_;
  uint64_t time_ns_ = 0;
  Connection* connection_ = nullptr;
  std::array<Chunk, 4> chunks_;
  size_t chunk_count_ = 0;
  SegmentStats stats_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_SEGMENT_TRACKER_H_
