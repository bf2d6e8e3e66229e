#include "src/correlate/flow_table.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "src/correlate/flow.h"

namespace tlsmeter::agent {

std::string_view EvictionName(Eviction eviction) {
  switch (eviction) {
    case Eviction::kTableFull:
      return "table_full";
    case Eviction::kCount:
      break;
  }
  return "";
}

// A flow and its places in the table. A decided one is kept so that stragglers find it.
struct FlowTable::Entry {
  explicit Entry(CertificateCache* certificates) : flow(certificates) {}

  ConnectionKey key;
  Flow flow;
  Order::iterator place;                    // in by_activity_
  std::optional<Order::iterator> settling;  // in settling_
  uint64_t first_ns = 0;
  uint64_t last_ns = 0;
  uint64_t settle_by_ns = 0;
  size_t counted_bytes = 0;  // its share of FlowStats::buffered_bytes
};

FlowTable::FlowTable(uint32_t max_certificate_reads_per_second) : certificates_(max_certificate_reads_per_second) {}
FlowTable::~FlowTable() = default;

FlowTable::Entry* FlowTable::Find(const Chunk& chunk) {
  const auto found = flows_.find(chunk.key);
  if (found == flows_.end()) return Add(chunk);
  Entry* entry = found->second.get();
  const auto* open = std::get_if<OpenChunk>(&chunk.what);
  if (open != nullptr && entry->flow.IsOtherConnection(*open)) {
    if (!entry->flow.decided()) Decide(entry, Ending{.tcp_ended = true, .tcp_end = {}, .timed_out = false});
    Forget(entry);
    return Add(chunk);
  }
  entry->last_ns = std::max(entry->last_ns, chunk.time_ns);
  by_activity_.splice(by_activity_.end(), by_activity_, entry->place);
  return entry;
}

FlowTable::Entry* FlowTable::Add(const Chunk& chunk) {
  if (flows_.size() >= kMaxFlows) {
    Entry* oldest = by_activity_.front();
    if (!oldest->flow.decided()) {
      ++stats_.evicted[static_cast<size_t>(Eviction::kTableFull)];
      Decide(oldest, Ending{});
    }
    Forget(oldest);
  }
  auto owned = std::make_unique<Entry>(&certificates_);
  Entry* entry = owned.get();
  entry->key = chunk.key;
  entry->first_ns = entry->last_ns = chunk.time_ns;
  entry->place = by_activity_.insert(by_activity_.end(), entry);
  flows_.emplace(chunk.key, std::move(owned));
  stats_.tracked = flows_.size();
  return entry;
}

void FlowTable::Forget(Entry* entry) {
  by_activity_.erase(entry->place);
  flows_.erase(ConnectionKey(entry->key));  // a copy: the key dies with the entry
  stats_.tracked = flows_.size();
}

bool FlowTable::Take(const Chunk& chunk) {
  Entry* entry = Find(chunk);
  Flow& flow = entry->flow;
  if (const auto* open = std::get_if<OpenChunk>(&chunk.what)) {
    flow.Open(*open);
  } else if (const auto* data = std::get_if<DataChunk>(&chunk.what)) {
    TakePiece(entry, data->sender, data->offset,
              StreamPiece{.time_ns = chunk.time_ns, .record_boundary = data->record_boundary, .bytes = data->bytes});
  } else if (const auto* record = std::get_if<RecordChunk>(&chunk.what)) {
    TakePiece(entry, record->sender, record->offset,
              StreamPiece{.time_ns = chunk.time_ns,
                          .record_boundary = true,
                          .opaque = true,
                          .record_type = record->type,
                          .record_length = record->length,
                          .bytes = {}});
  } else if (const auto* owner = std::get_if<OwnerChunk>(&chunk.what)) {
    flow.Own(*owner);
  } else if (const auto* stop = std::get_if<StopChunk>(&chunk.what)) {
    const bool at_once = flow.Stop(*stop, chunk.time_ns);
    const bool tcp_ended = stop->why == StopChunk::Why::kTcpEnd;
    if (at_once) {
      Decide(entry, Ending{.tcp_ended = tcp_ended, .tcp_end = stop->tcp_end, .timed_out = false});
    } else {
      DecideIfOver(entry, chunk.time_ns);
    }
    if (tcp_ended) Forget(entry);
    return false;
  }
  DecideIfOver(entry, chunk.time_ns);
  if (!flow.decided() && entry->last_ns - entry->first_ns > kHandshakeMaxNs) {
    Decide(entry, Ending{.tcp_ended = false, .tcp_end = {}, .timed_out = true});
  }
  return !flow.decided();
}

void FlowTable::TakePiece(Entry* entry, End sender, uint32_t offset, const StreamPiece& piece) {
  const bool may_wait = stats_.buffered_bytes + piece.bytes.size() <= kMaxBufferedBytes;
  entry->flow.Take(sender, offset, piece, may_wait, &stats_);
}

void FlowTable::Recount(Entry* entry) {
  const size_t bytes = entry->flow.buffered_bytes();
  stats_.buffered_bytes += bytes - entry->counted_bytes;
  entry->counted_bytes = bytes;
}

void FlowTable::DecideIfOver(Entry* entry, uint64_t now_ns) {
  Flow& flow = entry->flow;
  if (flow.decided()) return;
  Recount(entry);
  if (!flow.HandshakeOver()) return;
  if (flow.Settled()) {
    Decide(entry, Ending{});
  } else if (!entry->settling) {
    entry->settling = settling_.insert(settling_.end(), entry);
    entry->settle_by_ns = now_ns + kSettleNs;
  }
}

void FlowTable::Decide(Entry* entry, const Ending& ending) {
  if (entry->settling) settling_.erase(*entry->settling);
  entry->settling.reset();
  if (auto record = entry->flow.Decide(ending, &stats_)) harvest_.push_back(std::move(record));
  Recount(entry);
}

void FlowTable::Advance(uint64_t now_ns) {
  while (!settling_.empty() && settling_.front()->settle_by_ns <= now_ns) Decide(settling_.front(), Ending{});
  while (!by_activity_.empty()) {
    Entry* oldest = by_activity_.front();
    const uint64_t idle = now_ns > oldest->last_ns ? now_ns - oldest->last_ns : 0;
    if (idle < (oldest->flow.decided() ? kForgetNs : kHandshakeTimeoutNs)) break;
    if (oldest->flow.decided()) {
      Forget(oldest);
    } else {
      Decide(oldest, Ending{.tcp_ended = false, .tcp_end = {}, .timed_out = true});
      oldest->last_ns = now_ns;
      by_activity_.splice(by_activity_.end(), by_activity_, oldest->place);
    }
  }
}

void FlowTable::Finish(uint64_t now_ns) {
  Advance(now_ns);
  while (!by_activity_.empty()) {
    Entry* entry = by_activity_.front();
    if (!entry->flow.decided()) Decide(entry, Ending{});
    Forget(entry);
  }
}

std::vector<HandshakeIdentity> FlowTable::Followed() const {
  std::vector<HandshakeIdentity> followed;
  for (const Entry* entry : by_activity_) {
    if (!entry->flow.decided()) followed.push_back(entry->flow.Identity());
  }
  return followed;
}

}  // namespace tlsmeter::agent
