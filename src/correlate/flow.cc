#include "src/correlate/flow.h"

#include <algorithm>
#include <string>
#include <utility>

namespace tlsmeter::agent {
namespace {

// After this long, bytes that are missing will not come: the sensor lost them, or they are not in the file.
constexpr uint64_t kGapPatienceNs = 1'000'000'000;

size_t Index(End end) { return static_cast<size_t>(end); }

}  // namespace

bool Flow::IsOtherConnection(const OpenChunk& open) const { return open.syn_seq && syn_seq_ && *open.syn_seq != *syn_seq_; }

void Flow::Open(const OpenChunk& open) {
  watched_ = open.watched;
  local_ = open.local;
  remote_ = open.remote;
  // Of a connection that is not watched the preface says who the client is.
  if (watched_ && !client_) client_ = open.hello_sender ? open.hello_sender : open.initiator;
  if (open.syn_seq) syn_seq_ = open.syn_seq;
  if (open.syn_ns != 0) syn_ns_ = open.syn_ns;
  if (open.established_ns != 0) established_ns_ = open.established_ns;
  if (decided() || opened_ || (watched_ && !client_)) return;
  opened_ = true;
  for (const End end : {End::kLocal, End::kRemote}) buffer(end).Start(open.from[Index(end)]);
  DrainByTime();
}

void Flow::Own(const OwnerChunk& owner) {
  owner_ = Owner{owner.pid, owner.start_time_ns, owner.cgroup_id, owner.uid, std::string(owner.comm)};
}

void Flow::Take(End sender, uint32_t offset, const StreamPiece& piece, bool may_wait, FlowStats* stats) {
  if (decided()) return;
  streams_->bytes += piece.bytes.size();
  StreamBuffer& stream = buffer(sender);
  if (!may_wait && !stream.IsNext(offset)) {
    ++stats->dropped_pieces;
    return;
  }
  const uint64_t dropped_before = stream.dropped_pieces();
  if (const std::optional<StreamPiece> now = stream.Add(offset, piece)) Deliver(sender, *now);
  const uint64_t dropped = stream.dropped_pieces() - dropped_before;
  stats->dropped_pieces += dropped;
  Drain(sender);

  uint64_t& since = streams_->waiting_since_ns[Index(sender)];
  if (!opened_ || !stream.waiting()) {
    since = 0;
  } else if (since == 0) {
    since = piece.time_ns;
  } else if (piece.time_ns > since + kGapPatienceNs || (dropped > 0 && !watched_)) {
    // In a file, a window's worth of later bytes tells as much as time.
    since = 0;
    GiveUpGap(sender);
  }
}

// Returns false when nothing that waits can be used.
bool Flow::GiveUpGap(End sender) {
  const bool resumes = buffer(sender).SkipGap();
  if (!HasTls()) {
    streams_->preface.OnGap(sender);
  } else if (resumes) {
    streams_->tracker.OnGap(SenderOf(sender));
  }
  if (resumes) Drain(sender);
  return resumes;
}

void Flow::Deliver(End sender, const StreamPiece& piece) {
  if (!watched_ && !PassPreface(sender, piece)) return;
  HandshakeTracker& tracker = streams_->tracker;
  if (piece.opaque) {
    tracker.OnOpaqueRecord(SenderOf(sender), ContentType{piece.record_type}, piece.record_length, piece.time_ns);
  } else {
    tracker.OnBytes(SenderOf(sender), piece.bytes, piece.time_ns);
  }
}

// Returns true for a piece that is TLS and was not given to the tracker here.
bool Flow::PassPreface(End sender, const StreamPiece& piece) {
  Preface& preface = streams_->preface;
  if (streams_->tls) return !preface.StillPlain(sender, piece.bytes, piece.time_ns);
  const std::optional<TlsStart> start = preface.OnBytes(sender, piece.bytes, piece.time_ns);
  if (!start) return false;
  streams_->tls = true;
  streams_->before = start->before;
  client_ = start->client;
  HandshakeTracker& tracker = streams_->tracker;
  if (start->other_torn) tracker.OnGap(SenderOf(Other(sender)));
  tracker.OnBytes(SenderOf(sender), start->first, start->first_ns);
  tracker.OnBytes(SenderOf(sender), start->rest, piece.time_ns);
  return false;
}

void Flow::Drain(End sender) {
  if (!opened_) return;
  while (const std::optional<StreamPiece> piece = buffer(sender).Next()) Deliver(sender, *piece);
}

// Drains both directions as they happened: the tracker's rules rest on who spoke first.
void Flow::DrainByTime() {
  while (true) {
    const std::optional<uint64_t> local = buffer(End::kLocal).NextTime();
    const std::optional<uint64_t> remote = buffer(End::kRemote).NextTime();
    if (!local && !remote) return;
    const End first = local && (!remote || *local <= *remote) ? End::kLocal : End::kRemote;
    if (const std::optional<StreamPiece> piece = buffer(first).Next()) Deliver(first, *piece);
  }
}

// No more bytes will come: what waits for missing ones is all there is.
void Flow::GiveUpAllGaps() {
  for (const End end : {End::kLocal, End::kRemote}) {
    while (opened_ && buffer(end).waiting()) {
      if (!GiveUpGap(end) && HasTls()) streams_->tracker.OnGap(SenderOf(end));
    }
  }
}

bool Flow::Stop(const StopChunk& stop, uint64_t time_ns) {
  if (decided()) return false;
  GiveUpAllGaps();
  if (stop.why != StopChunk::Why::kNotTls) return true;
  streams_->tracker.OnNotTls(SenderOf(stop.sender), time_ns);
  return !opened_;
}

bool Flow::HandshakeOver() const {
  if (!watched_ && (streams_->preface.GaveUp() || streams_->bytes > kMaxFollowedBytes)) return true;
  switch (streams_->tracker.handshake().progress) {
    case Progress::kNoHello:
    case Progress::kInProgress:
      return false;
    case Progress::kEstablished:
    case Progress::kRefused:
    case Progress::kNotTls:
    case Progress::kMalformed:
      break;
  }
  return true;
}

bool Flow::Settled() const {
  if (!watched_) return streams_->preface.GaveUp() || streams_->bytes > kMaxFollowedBytes || streams_->tracker.Settled();
  return streams_->tracker.Settled() && owner_.pid != 0;
}

size_t Flow::buffered_bytes() const {
  if (decided()) return 0;
  return streams_->buffers[0].pending_bytes() + streams_->buffers[1].pending_bytes();
}

HandshakeIdentity Flow::Identity() const {
  const Handshake& tls = streams_->tracker.handshake();
  HandshakeIdentity identity{
      .role = client_ == End::kLocal ? Role::kClient : Role::kServer, .pid = owner_.pid, .local = local_, .remote = remote_};
  if (tls.client_hello) identity.client_random = tls.client_hello->random;
  if (tls.server_hello) identity.server_random = tls.server_hello->random;
  return identity;
}

std::unique_ptr<HandshakeRecord> Flow::Decide(const Ending& ending, FlowStats* stats) {
  GiveUpAllGaps();  // a timeout beside missing bytes is none
  const std::unique_ptr<Streams> streams = std::move(streams_);
  HandshakeTracker& tracker = streams->tracker;
  if (!watched_ && !streams->tls) {
    ++stats->without_tls[static_cast<size_t>(streams->preface.Protocol())];
    return nullptr;
  }
  const Handshake& tls = tracker.handshake();
  if (tls.parse_status != ParseStatus::kOk) {
    ++stats->parse_errors[std::min(static_cast<size_t>(tls.parse_status), stats->parse_errors.size() - 1)];
  }
  if (tls.client_hello_count == 0 && !tls.server_hello) {
    ++stats->no_hello;
    return nullptr;
  }
  // A server that said nothing did not fall silent where the client went on, or no opening of TCP is in the file: that
  // direction was not captured.
  const bool server_silent = tls.records[static_cast<size_t>(Sender::kServer)] == 0;
  const bool client_went_on = tls.records[static_cast<size_t>(Sender::kClient)] > 1;
  if (!watched_ && server_silent && (client_went_on || established_ns_ == 0)) tracker.OnGap(Sender::kServer);

  auto record = std::make_unique<HandshakeRecord>();
  record->role = !watched_ ? Role::kObserver : client_ == End::kLocal ? Role::kClient : Role::kServer;
  record->owner = owner_;
  record->client = client_ == End::kLocal ? local_ : remote_;
  record->server = client_ == End::kLocal ? remote_ : local_;
  record->tcp_start_ns = syn_ns_;
  record->tcp_established_ns = established_ns_;
  record->starttls = streams->before;
  const Verdict verdict = DecideVerdict(tls, record->role, ending);
  record->result = verdict.result;
  record->reason = verdict.reason;
  record->inferred = verdict.inferred;
  record->failure_side = verdict.side;
  record->ending = ending;

  ++stats->handshakes;
  if (tls.incomplete) ++stats->incomplete;
  if (watched_ && owner_.pid == 0) ++stats->owner_unknown;
  record->tls = std::move(tracker).TakeHandshake();
  return record;
}

}  // namespace tlsmeter::agent
