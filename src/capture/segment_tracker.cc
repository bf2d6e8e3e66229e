#include "src/capture/segment_tracker.h"

#include <algorithm>
#include <utility>

#include "tlsmeter/record.h"

namespace tlsmeter::agent {
namespace {

size_t Index(End end) { return static_cast<size_t>(end); }

// Segments seldom begin like a record by chance.
bool BeginsLikeRecord(std::span<const uint8_t> bytes) {
  RecordHeader header;
  return ParseRecordHeader(bytes, &header) == ParseStatus::kOk;
}

}  // namespace

// Returns nullptr for a connection that is not known, unless the segment `opens` one.
SegmentTracker::Connection* SegmentTracker::Find(uint64_t time_ns, const ConnectionKey& key, bool opens) {
  Forget(time_ns);
  if (const auto found = current_.find(key); found != current_.end()) return &found->second;
  if (const auto found = older_.find(key); found != older_.end()) {
    const Connection connection = found->second;
    older_.erase(found);
    return &current_.emplace(key, connection).first->second;
  }
  if (!opens) return nullptr;
  ++stats_.connections;
  return &current_[key];
}

void SegmentTracker::Forget(uint64_t time_ns) {
  generation_ns_ = std::min(generation_ns_, time_ns);  // captures may go back in time
  const bool full = current_.size() >= kMaxConnections / 2;
  if (!full && time_ns - generation_ns_ <= kConnectionIdleNs) return;
  if (time_ns - generation_ns_ <= kConnectionIdleNs) {
    for (const auto& [key, connection] : older_) stats_.forgotten += connection.over || connection.muted ? 0 : 1;
  }
  older_ = std::exchange(current_, {});
  generation_ns_ = time_ns;
}

std::span<const Chunk> SegmentTracker::Take(uint64_t time_ns, const TcpSegment& segment) {
  chunk_count_ = 0;
  time_ns_ = time_ns;
  const bool from_low = segment.source < segment.destination;
  key_.low = from_low ? segment.source : segment.destination;
  key_.high = from_low ? segment.destination : segment.source;
  const End sender = from_low ? End::kLocal : End::kRemote;
  const bool syn = (segment.flags & tcp_flag::kSyn) != 0;

  connection_ = Find(time_ns, key_, syn || segment.length > 0);
  if (connection_ == nullptr) return {};
  if (segment.payload.size() < segment.length) ++stats_.cut_segments;
  if (syn) OnSyn(sender, segment);
  if (connection_->over) return {chunks_.data(), chunk_count_};
  if (!connection_->muted) OnData(sender, segment);
  OnEnd(sender, segment);
  return {chunks_.data(), chunk_count_};
}

void SegmentTracker::Mute() {
  if (connection_ != nullptr) connection_->muted = true;
}

void SegmentTracker::Clear() {
  current_.clear();
  older_.clear();
  connection_ = nullptr;
}

void SegmentTracker::OnSyn(End sender, const TcpSegment& segment) {
  const uint32_t base = segment.seq + 1;
  if (const auto& known = connection_->streams[Index(sender)].base; known && *known != base) {
    // Another initial sequence number is another connection between the same ports.
    if (!connection_->over) TellEnd(StopChunk{.why = StopChunk::Why::kTcpEnd, .sender = sender, .tcp_end = {}});
    *connection_ = {};
    ++stats_.connections;
  }
  Connection& connection = *connection_;
  connection.streams[Index(sender)].base = base;
  const bool answers = (segment.flags & tcp_flag::kAck) != 0;
  connection.answered |= answers;
  if (answers && !connection.streams[Index(Other(sender))].base) connection.streams[Index(Other(sender))].base = segment.ack;
  if (connection.initiator) return;  // a SYN sent again, or the second one of a simultaneous open
  connection.initiator = answers ? Other(sender) : sender;
  if (!answers) connection.syn_ns = time_ns_;
  if (connection.told) TellOpen();  // its data came first: now it is known who began
}

void SegmentTracker::OnData(End sender, const TcpSegment& segment) {
  Connection& connection = *connection_;
  Stream& stream = connection.streams[Index(sender)];
  Stream& peer = connection.streams[Index(Other(sender))];
  const bool syn = (segment.flags & tcp_flag::kSyn) != 0;
  if ((segment.flags & tcp_flag::kAck) != 0) {
    if (!peer.base) peer.base = segment.ack;
    // Without the SYN-ACK the server's direction may not be in the file at all: nothing is to be told of it then.
    const bool opened = connection.syn_ns != 0 && connection.answered;
    if (!syn && opened && connection.established_ns == 0 && connection.initiator == sender)
      connection.established_ns = time_ns_;
  }
  if (segment.length == 0) return;

  const uint32_t seq = segment.seq + (syn ? 1 : 0);
  if (!stream.base) stream.base = seq;
  uint32_t offset = seq - *stream.base;
  std::span<const uint8_t> bytes = segment.payload;
  if (const auto before = -static_cast<int64_t>(static_cast<int32_t>(offset)); before > 0) {
    // Bytes from before the beginning: a keep-alive probe, or one sent again that a capture joined late cannot use.
    if (static_cast<uint64_t>(before) >= bytes.size()) return;
    bytes = bytes.subspan(static_cast<size_t>(before));
    offset = 0;
  }
  if (offset > kMaxStreamBytes) {
    connection.muted = true;
    if (connection.told) Tell(StopChunk{.why = StopChunk::Why::kLimit, .sender = sender, .tcp_end = {}});
    return;
  }
  if (bytes.empty()) return;
  if (!connection.told) TellOpen();
  Tell(DataChunk{.sender = sender, .offset = offset, .record_boundary = BeginsLikeRecord(bytes), .bytes = bytes});
}

void SegmentTracker::OnEnd(End sender, const TcpSegment& segment) {
  Connection& connection = *connection_;
  const bool reset = (segment.flags & tcp_flag::kRst) != 0;
  if ((segment.flags & tcp_flag::kFin) != 0) {
    connection.streams[Index(sender)].fin = true;
    if (!connection.first_fin) connection.first_fin = sender;
  }
  if (!reset && !(connection.streams[0].fin && connection.streams[1].fin)) return;
  TellEnd(StopChunk{.why = StopChunk::Why::kTcpEnd,
                    .sender = sender,
                    .tcp_end = {.local_fin = connection.first_fin == End::kLocal,
                                .remote_fin = connection.first_fin == End::kRemote,
                                .local_reset = reset && sender == End::kLocal,
                                .remote_reset = reset && sender == End::kRemote,
                                .timed_out = false}});
}

void SegmentTracker::TellOpen() {
  Connection& connection = *connection_;
  OpenChunk open;
  open.local = key_.low;
  open.remote = key_.high;
  open.watched = false;
  open.initiator = connection.initiator;
  if (connection.initiator) open.syn_seq = *connection.streams[Index(*connection.initiator)].base - 1;
  open.syn_ns = connection.syn_ns;
  open.established_ns = connection.established_ns;
  connection.told = true;
  Tell(open);
}

void SegmentTracker::TellEnd(const StopChunk& stop) {
  connection_->over = true;
  if (connection_->told) Tell(stop);
}

template <typename T>
void SegmentTracker::Tell(const T& what) {
  Chunk& chunk = chunks_[chunk_count_++];
  chunk.key = key_;
  chunk.time_ns = time_ns_;
  chunk.what = what;
}

}  // namespace tlsmeter::agent
