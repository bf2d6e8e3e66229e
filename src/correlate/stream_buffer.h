// StreamBuffer: one direction of one connection, brought into order.
//
// Pieces come in any order, twice, overlapping; they leave in stream order, each byte once, the first version that was seen.
// What is in order when it comes passes through without a copy. Memory is bounded by kMaxPendingBytes and kMaxPendingPieces;
// what does not fit is dropped and counted. One thread.
#ifndef TLSMETER_SRC_CORRELATE_STREAM_BUFFER_H_
#define TLSMETER_SRC_CORRELATE_STREAM_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tlsmeter::agent {

// A server's plaintext flight of TLS 1.2 is seldom above 16 KiB, which is also where the BPF programs stop.
inline constexpr size_t kMaxPendingBytes = 64 * 1024;
inline constexpr size_t kMaxPendingPieces = 64;

// StreamPiece is a run of bytes, or a record of which only the header is known (`bytes` empty, `record_length` its body).
struct StreamPiece {
  uint64_t time_ns = 0;
  bool record_boundary = false;  // a TLS record begins with the first byte
  bool opaque = false;
  uint8_t record_type = 0;
  uint16_t record_length = 0;
  std::span<const uint8_t> bytes;
};

class StreamBuffer {
 public:
  // Start sets the offset of the first byte that is wanted. Pieces that came before are kept.
  void Start(uint32_t offset);

  // Add offers a piece that begins at `offset` (modulo 2^32). Returns the part of it that is next in the stream, if any:
  // deliver it before calling Next. Its bytes are the caller's own; the rest is copied.
  std::optional<StreamPiece> Add(uint32_t offset, const StreamPiece& piece);

  // Next returns the next piece that is in order, or nullopt. Its bytes are valid until the next call of any method.
  std::optional<StreamPiece> Next();

  // NextTime returns the time of the piece that Next would return.
  std::optional<uint64_t> NextTime();

  // IsNext returns true when a piece at `offset` would not have to wait.
  bool IsNext(uint32_t offset) const {
    return started_ && static_cast<int32_t>(offset - static_cast<uint32_t>(position_)) <= 0;
  }

  // SkipGap gives up the bytes before the first waiting piece that begins at a record boundary. Returns false when there is
  // none; after true, Next returns that piece.
  bool SkipGap();

  bool waiting() const { return !pending_.empty(); }
  size_t pending_bytes() const { return pending_bytes_; }
  uint64_t dropped_pieces() const { return dropped_pieces_; }

 private:
  struct Pending {
    uint64_t begin;
    uint64_t end;
    StreamPiece piece;  // its bytes lie in `copy`
    std::vector<uint8_t> copy;
  };

  void DropDelivered();
  void Keep(uint64_t begin, uint64_t end, const StreamPiece& piece);

  bool started_ = false;
  uint64_t position_ = 0;           // stream offset of the next byte, extended to 64 bits
  std::vector<Pending> pending_;    // by `begin`, disjoint
  std::vector<uint8_t> delivered_;  // keeps the last piece of Next alive
  size_t pending_bytes_ = 0;
  uint64_t dropped_pieces_ = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_STREAM_BUFFER_H_
