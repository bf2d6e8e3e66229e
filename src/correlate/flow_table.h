// FlowTable: chunks of many connections become one HandshakeRecord per handshake and side.
//
// Owns every connection's state. One thread. Memory is bounded: at most kMaxFlows connections and kMaxBufferedBytes of bytes
// waiting for order; the longest idle connection makes room for a new one, and that is counted. Finished records wait until
// the caller harvests them, as it should after every few chunks.
#ifndef TLSMETER_SRC_CORRELATE_FLOW_TABLE_H_
#define TLSMETER_SRC_CORRELATE_FLOW_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "src/capture/chunk.h"
#include "src/correlate/flow_stats.h"
#include "src/correlate/handshake_record.h"
#include "src/correlate/join_key.h"
#include "src/correlate/stream_buffer.h"
#include "src/correlate/verdict.h"
#include "tlsmeter/certificate.h"

namespace tlsmeter::agent {

// Connections in handshake at one time. A connection leaves the table when its handshake is over, so this is handshakes a
// second times their length: 1,000 a second that all stall for half a minute. Some 2 KiB each.
inline constexpr size_t kMaxFlows = 32768;

// Bytes of all connections that wait for earlier ones. Order is lost seldom and for milliseconds.
inline constexpr size_t kMaxBufferedBytes = 16 * 1024 * 1024;

// A handshake in which nothing moves for this long has failed; common client timeouts are 10 to 60 seconds.
inline constexpr uint64_t kHandshakeTimeoutNs = 60'000'000'000;

// No handshake is followed for longer than this, however its bytes drip.
inline constexpr uint64_t kHandshakeMaxNs = 600'000'000'000;

// How long an established handshake waits for its first application byte, a late refusal by the server, or its owner.
inline constexpr uint64_t kSettleNs = 1'000'000'000;

// After its record is out, a connection is remembered this long so that stragglers do not begin a new one.
inline constexpr uint64_t kForgetNs = 60'000'000'000;

class FlowTable {
 public:
  // FlowTable reads no more new certificates a second than it is told, in the chunks' time (CertificateCache): sources that
  // do not wait have a limit, files none.
  explicit FlowTable(uint32_t max_certificate_reads_per_second = CertificateCache::kUnlimited);
  ~FlowTable();

  // Take adds a chunk. Finished handshakes wait for Harvest. Returns true while more bytes of the connection can change
  // anything; after false a source may keep its data and records to itself, until an OpenChunk with another syn_seq begins
  // the next connection between the same two ends.
  bool Take(const Chunk& chunk);

  // Advance lets time pass: what waited long enough is decided. `now_ns` is Unix nanoseconds, as in the chunks.
  void Advance(uint64_t now_ns);

  // Finish decides everything that is left: the source has ended.
  void Finish(uint64_t now_ns);

  // Harvest hands over the records made since the last call, in the order in which they were decided.
  std::vector<std::unique_ptr<HandshakeRecord>> Harvest() { return std::exchange(harvest_, {}); }

  // Followed returns the handshakes that are not decided yet, of a live source.
  std::vector<HandshakeIdentity> Followed() const;

  const FlowStats& stats() const { return stats_; }

  // certificates_refused returns how many chains end early for that limit.
  uint64_t certificates_refused() const { return certificates_.refused(); }

 private:
  struct Entry;
  using Order = std::list<Entry*>;

  Entry* Find(const Chunk& chunk);
  Entry* Add(const Chunk& chunk);
  void TakePiece(Entry* entry, End sender, uint32_t offset, const StreamPiece& piece);
  void Recount(Entry* entry);
  void DecideIfOver(Entry* entry, uint64_t now_ns);
  void Decide(Entry* entry, const Ending& ending);
  void Forget(Entry* entry);

  CertificateCache certificates_;  // outlives the flows
  absl::flat_hash_map<ConnectionKey, std::unique_ptr<Entry>> flows_;
  Order by_activity_;  // the longest idle first
  Order settling_;     // over, but something can still come: by deadline
  std::vector<std::unique_ptr<HandshakeRecord>> harvest_;
  FlowStats stats_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_FLOW_TABLE_H_
