#include "src/correlate/flow_table.h"

#include <algorithm>
#include <string>

namespace tlsmeter::agent {
namespace {

// After this long, bytes that are missing will not come: the sensor lost them.
constexpr uint64_t kGapPatienceNs = 1'000'000'000;

size_t Index(End end) { return static_cast<size_t>(end); }

}  // namespace

std::string_view EvictionName(Eviction eviction) {
  switch (eviction) {
    case Eviction::kTableFull:
      return "table_full";
    case Eviction::kCount:
      break;
  }
  return "";
}

struct FlowTable::Flow {
  ConnectionKey key;
  Order::iterator place;
  uint64_t first_ns = 0;
  uint64_t last_ns = 0;

  bool watched = true;
  bool opened = false;
  bool decided = false;   // its record is out; kept only so that stragglers find it
  bool settling = false;  // in settling_
  std::optional<SocketAddress> local, remote;
  std::optional<End> client;
  std::optional<uint32_t> syn_seq;
  uint64_t syn_ns = 0;
  uint64_t established_ns = 0;
  Owner owner;
  size_t counted_bytes = 0;  // its share of FlowStats::buffered_bytes

  // What is needed until the decision.
  struct Following {
    HandshakeTracker tracker;
    std::array<StreamBuffer, 2> buffers;  // by End
    std::array<uint64_t, 2> waiting_since_ns = {};
  };
  std::unique_ptr<Following> following = std::make_unique<Following>();

  Sender SenderOf(End end) const { return client == end ? Sender::kClient : Sender::kServer; }
};

FlowTable::FlowTable() = default;
FlowTable::~FlowTable() = default;

FlowTable::Flow* FlowTable::Find(const Chunk& chunk) {
  auto found = flows_.find(chunk.key);
  if (found != flows_.end()) {
    // A SYN with another sequence number: the ports are used again by a new connection.
    const auto* open = std::get_if<OpenChunk>(&chunk.what);
    Flow* flow = found->second.get();
    const bool reused = open != nullptr && open->syn_seq && flow->syn_seq && *open->syn_seq != *flow->syn_seq;
    if (!reused) {
      flow->last_ns = std::max(flow->last_ns, chunk.time_ns);
      by_activity_.splice(by_activity_.end(), by_activity_, flow->place);
      return flow;
    }
    if (!flow->decided) Decide(flow, Ending{.tcp_ended = true, .tcp_end = {}, .timed_out = false});
    Forget(flow);
  }
  if (flows_.size() >= kMaxFlows) {
    Flow* oldest = by_activity_.front();
    if (!oldest->decided) {
      ++stats_.evicted[static_cast<size_t>(Eviction::kTableFull)];
      Decide(oldest, Ending{});
    }
    Forget(oldest);
  }
  auto flow = std::make_unique<Flow>();
  flow->key = chunk.key;
  flow->first_ns = flow->last_ns = chunk.time_ns;
  flow->place = by_activity_.insert(by_activity_.end(), flow.get());
  Flow* raw = flow.get();
  flows_.emplace(chunk.key, std::move(flow));
  stats_.tracked = flows_.size();
  return raw;
}

void FlowTable::Forget(Flow* flow) {
  by_activity_.erase(flow->place);
  flows_.erase(ConnectionKey(flow->key));  // a copy: the key dies with the flow
  stats_.tracked = flows_.size();
}

bool FlowTable::Take(const Chunk& chunk) {
  Flow* flow = Find(chunk);
  if (const auto* open = std::get_if<OpenChunk>(&chunk.what)) {
    OnOpen(flow, *open);
  } else if (const auto* data = std::get_if<DataChunk>(&chunk.what)) {
    OnPiece(flow, data->sender, data->offset,
            StreamPiece{.time_ns = chunk.time_ns, .record_boundary = data->record_boundary, .bytes = data->bytes});
  } else if (const auto* record = std::get_if<RecordChunk>(&chunk.what)) {
    OnPiece(flow, record->sender, record->offset,
            StreamPiece{.time_ns = chunk.time_ns,
                        .record_boundary = true,
                        .opaque = true,
                        .record_type = record->type,
                        .record_length = record->length,
                        .bytes = {}});
  } else if (const auto* owner = std::get_if<OwnerChunk>(&chunk.what)) {
    flow->owner = Owner{owner->pid, owner->start_time_ns, owner->cgroup_id, std::string(owner->comm)};
  } else if (const auto* stop = std::get_if<StopChunk>(&chunk.what)) {
    OnStop(flow, *stop, chunk.time_ns);
    return false;
  }
  if (flow->decided) return false;
  Recount(flow);
  DecideIfOver(flow, chunk.time_ns);
  if (!flow->decided && flow->last_ns - flow->first_ns > kHandshakeMaxNs) {
    Decide(flow, Ending{.tcp_ended = false, .tcp_end = {}, .timed_out = true});
  }
  return !flow->decided;
}

void FlowTable::OnOpen(Flow* flow, const OpenChunk& open) {
  // A second opening completes the first.
  flow->watched = open.watched;
  flow->local = open.local;
  flow->remote = open.remote;
  if (!flow->client) flow->client = open.hello_sender ? open.hello_sender : open.initiator;
  if (open.syn_seq) flow->syn_seq = open.syn_seq;
  if (open.syn_ns != 0) flow->syn_ns = open.syn_ns;
  if (open.established_ns != 0) flow->established_ns = open.established_ns;
  if (flow->decided || flow->opened || !flow->client) return;
  flow->opened = true;
  for (const End end : {End::kLocal, End::kRemote}) flow->following->buffers[Index(end)].Start(open.from[Index(end)]);
  DrainByTime(flow);
}

void FlowTable::OnPiece(Flow* flow, End sender, uint32_t offset, const StreamPiece& piece) {
  if (flow->decided) return;
  StreamBuffer& buffer = flow->following->buffers[Index(sender)];
  if (stats_.buffered_bytes + piece.bytes.size() > kMaxBufferedBytes && !buffer.IsNext(offset)) {
    ++stats_.dropped_pieces;
    return;
  }
  const uint64_t dropped_before = buffer.dropped_pieces();
  const std::optional<StreamPiece> now = buffer.Add(offset, piece);
  stats_.dropped_pieces += buffer.dropped_pieces() - dropped_before;
  if (now) Deliver(flow, sender, *now);
  Drain(flow, sender);

  uint64_t& since = flow->following->waiting_since_ns[Index(sender)];
  if (!flow->opened || !buffer.waiting()) {
    since = 0;
  } else if (since == 0) {
    since = piece.time_ns;
  } else if (piece.time_ns > since + kGapPatienceNs) {
    since = 0;
    if (buffer.SkipGap()) {
      flow->following->tracker.OnGap(flow->SenderOf(sender));
      Drain(flow, sender);
    }
  }
}

void FlowTable::Deliver(Flow* flow, End end, const StreamPiece& piece) {
  HandshakeTracker& tracker = flow->following->tracker;
  const Sender sender = flow->SenderOf(end);
  if (piece.opaque) {
    tracker.OnOpaqueRecord(sender, ContentType{piece.record_type}, piece.record_length, piece.time_ns);
  } else {
    tracker.OnBytes(sender, piece.bytes, piece.time_ns);
  }
}

void FlowTable::Drain(Flow* flow, End end) {
  if (!flow->opened) return;
  StreamBuffer& buffer = flow->following->buffers[Index(end)];
  while (const std::optional<StreamPiece> piece = buffer.Next()) Deliver(flow, end, *piece);
}

// Drains both directions as they happened: the tracker's rules rest on who spoke first.
void FlowTable::DrainByTime(Flow* flow) {
  std::array<StreamBuffer, 2>& buffers = flow->following->buffers;
  while (true) {
    const std::optional<uint64_t> local = buffers[Index(End::kLocal)].NextTime();
    const std::optional<uint64_t> remote = buffers[Index(End::kRemote)].NextTime();
    if (!local && !remote) return;
    const End first = local && (!remote || *local <= *remote) ? End::kLocal : End::kRemote;
    if (const std::optional<StreamPiece> piece = buffers[Index(first)].Next()) Deliver(flow, first, *piece);
  }
}

void FlowTable::Recount(Flow* flow) {
  size_t bytes = 0;
  if (flow->following) {
    for (const StreamBuffer& buffer : flow->following->buffers) bytes += buffer.pending_bytes();
  }
  stats_.buffered_bytes += bytes - flow->counted_bytes;
  flow->counted_bytes = bytes;
}

void FlowTable::OnStop(Flow* flow, const StopChunk& stop, uint64_t time_ns) {
  const bool tcp_ended = stop.why == StopChunk::Why::kTcpEnd;
  if (!flow->decided) {
    Flow::Following& following = *flow->following;
    // No more bytes will come: what waits for missing ones is all there is.
    for (const End end : {End::kLocal, End::kRemote}) {
      StreamBuffer& buffer = following.buffers[Index(end)];
      while (flow->opened && buffer.waiting()) {
        following.tracker.OnGap(flow->SenderOf(end));
        if (buffer.SkipGap()) Drain(flow, end);
      }
    }
    if (stop.why == StopChunk::Why::kNotTls) following.tracker.OnNotTls(flow->SenderOf(stop.sender), time_ns);
    if (flow->opened && stop.why == StopChunk::Why::kNotTls) {
      DecideIfOver(flow, time_ns);
    } else {
      Decide(flow, Ending{.tcp_ended = tcp_ended, .tcp_end = stop.tcp_end, .timed_out = false});
    }
  }
  if (tcp_ended) Forget(flow);
}

void FlowTable::DecideIfOver(Flow* flow, uint64_t now_ns) {
  const HandshakeTracker& tracker = flow->following->tracker;
  switch (tracker.handshake().progress) {
    case Progress::kNoHello:
    case Progress::kInProgress:
      return;
    case Progress::kEstablished:
    case Progress::kRefused:
    case Progress::kNotTls:
    case Progress::kMalformed:
      break;
  }
  const bool owner_known = !flow->watched || flow->owner.pid != 0;
  if (tracker.Settled() && owner_known) {
    Decide(flow, Ending{});
  } else if (!flow->settling) {
    flow->settling = true;
    settling_.emplace_back(now_ns + kSettleNs, flow->key);
  }
}

void FlowTable::Decide(Flow* flow, const Ending& ending) {
  flow->decided = true;
  const std::unique_ptr<Flow::Following> following = std::move(flow->following);
  Recount(flow);
  const Handshake& tls = following->tracker.handshake();
  if (tls.parse_status != ParseStatus::kOk) {
    ++stats_.parse_errors[std::min(static_cast<size_t>(tls.parse_status), stats_.parse_errors.size() - 1)];
  }
  if (tls.client_hello_count == 0 && !tls.server_hello) {
    ++stats_.no_hello;
    return;
  }

  HandshakeRecord record;
  record.role = !flow->watched ? Role::kObserver : flow->client == End::kLocal ? Role::kClient : Role::kServer;
  record.owner = flow->owner;
  record.client = flow->client == End::kLocal ? flow->local : flow->remote;
  record.server = flow->client == End::kLocal ? flow->remote : flow->local;
  record.tcp_start_ns = flow->syn_ns;
  record.tcp_established_ns = flow->established_ns;
  const Verdict verdict = DecideVerdict(tls, record.role, ending);
  record.result = verdict.result;
  record.reason = verdict.reason;
  record.inferred = verdict.inferred;

  ++stats_.handshakes;
  if (tls.incomplete) ++stats_.incomplete;
  if (flow->watched && flow->owner.pid == 0) ++stats_.owner_unknown;
  record.tls = std::move(following->tracker).TakeHandshake();
  harvest_.push_back(std::move(record));
}

void FlowTable::Advance(uint64_t now_ns) {
  while (!settling_.empty() && settling_.front().first <= now_ns) {
    const auto found = flows_.find(settling_.front().second);
    settling_.pop_front();
    if (found != flows_.end() && found->second->settling && !found->second->decided) Decide(found->second.get(), Ending{});
  }
  while (!by_activity_.empty()) {
    Flow* oldest = by_activity_.front();
    const uint64_t idle = now_ns > oldest->last_ns ? now_ns - oldest->last_ns : 0;
    if (idle < (oldest->decided ? kForgetNs : kHandshakeTimeoutNs)) break;
    if (oldest->decided) {
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
    Flow* flow = by_activity_.front();
    if (!flow->decided) Decide(flow, Ending{});
    Forget(flow);
  }
  settling_.clear();
}

std::vector<HandshakeRecord> FlowTable::Harvest() { return std::exchange(harvest_, {}); }

}  // namespace tlsmeter::agent
