#include "src/correlate/library_join.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "src/correlate/library_reasons.h"
#include "src/correlate/verdict.h"

namespace tlsmeter::agent {
namespace {

constexpr uint8_t kFatal = 2;  // level of an alert

bool IsZero(const std::array<uint8_t, 32>& random) {
  return std::all_of(random.begin(), random.end(), [](uint8_t b) { return b == 0; });
}

// The server's refusal of a client that was already done, as the wire infers it: the client's library will tell which alert
// it was.
bool AwaitsAlert(const HandshakeRecord& record, const LibraryFacts& facts) {
  const Handshake& tls = record.tls;
  return record.role == Role::kClient && facts.outcome == LibraryOutcome::kSuccess && !facts.late_alert &&
         tls.progress == Progress::kRefused && tls.inferred && tls.alert && tls.alert->sender == Sender::kServer;
}

// A program with GnuTLS that found its peer's certificate wanting, and has neither gone on nor gone away.
bool AwaitsClose(const HandshakeRecord& record, const LibraryFacts& facts) {
  return facts.doubted && !facts.closed && !facts.alert_sent && record.tls.first_application_data_ns == 0;
}

// The alert that ended the handshake, as the library knows it: the one it sent, or the one its error reports.
std::optional<Alert> AlertOf(const LibraryFacts& facts, Sender self) {
  Alert alert{.sender = Peer(self), .level = 2, .description = 0, .encrypted = false, .time_ns = facts.end_ns};
  if (facts.late_alert) {
    alert.description = *facts.late_alert;
  } else if (const std::optional<uint8_t> received = AlertReceived(facts)) {
    alert.description = *received;
  } else if (facts.alert_sent) {
    alert.sender = self;
    alert.level = facts.alert_sent->level;
    alert.description = facts.alert_sent->description;
  } else {
    return std::nullopt;
  }
  return alert;
}

}  // namespace

// One side's handshake as its library tells it.
struct LibraryJoin::Side {
  LibraryHandshakeId id;
  uint64_t last_ns = 0;
  bool ended = false;
  bool tentative = false;  // failed, unless another end follows
  uint64_t ended_turn = 0;
  Role role = Role::kClient;
  LibraryFacts facts;
  // What facts.verify_result is made of: the last verdict on the chain, and with GnuTLS what a check of the name by the
  // program adds to it. One of several names is enough: then it stays 0.
  std::optional<uint32_t> chain_status, name_status;
  bool chain_doubted = false;  // after success
  Owner owner;
  std::optional<SocketAddress> local, remote;
  // What the wire may hide.
  std::string alpn;
  uint16_t version = 0, cipher = 0, group = 0;
  CertificateChain peer_certificates, own_certificates;
  std::vector<JoinKey> keys;
  std::optional<Records::iterator> record;  // matched, and waiting for a late alert
};

// A record of the wire that waits for a library's facts.
struct LibraryJoin::Waiting {
  std::unique_ptr<HandshakeRecord> record;
  std::vector<JoinKey> keys;
  uint64_t deadline_ns = 0;
  Side* side = nullptr;  // matched: waits for a late alert
};

// Programs with GnuTLS send their alert, and have the peer verified, when gnutls_handshake has returned; and clients may
// check the name last.
uint64_t LibraryJoin::PatienceNs(const HandshakeRecord& record, const Side& side) {
  const LibraryFacts& facts = side.facts;
  if (AwaitsAlert(record, facts) || AwaitsClose(record, facts)) return kLateRejectNs;
  if (side.tentative) return kJoinPatienceNs;  // OpenSSL sends its alert after the error
  if (facts.implementation != TlsStack::kGnuTls) return 0;
  const bool judged = side.name_status || facts.doubted || (facts.verify_result && side.role == Role::kServer);
  const bool complete = facts.outcome == LibraryOutcome::kSuccess
                            ? judged || side.peer_certificates.length == 0
                            : facts.alert_sent || facts.alert_received || OnlyTheEnd(facts);
  return complete ? 0 : kJoinPatienceNs;
}

LibraryJoin::LibraryJoin(uint32_t max_certificate_reads_per_second) : certificates_(max_certificate_reads_per_second) {}
LibraryJoin::~LibraryJoin() = default;

LibraryJoin::Side* LibraryJoin::Find(const LibraryEvent& event) {
  const auto found = by_id_.find(event.id);
  if (found != by_id_.end()) {
    sides_.splice(sides_.end(), sides_, found->second);
    (*found->second)->last_ns = event.time_ns;
    return found->second->get();
  }
  if (sides_.size() >= kMaxLibrarySides) {
    ++stats_.displaced;
    Side* oldest = sides_.front().get();
    if (oldest->record) {
      Release(*oldest->record);
    } else {
      Drop(oldest);
    }
  }
  auto side = std::make_unique<Side>();
  side->id = event.id;
  side->last_ns = event.time_ns;
  side->facts.start_ns = event.start_ns;
  side->facts.stack = std::string(event.stack);
  const auto place = sides_.insert(sides_.end(), std::move(side));
  by_id_.emplace(event.id, place);
  return place->get();
}

void LibraryJoin::Take(const LibraryEvent& event) {
  if (const auto* late = std::get_if<LibraryLate>(&event.what)) {
    const auto found = by_id_.find(event.id);
    if (found == by_id_.end()) {
      ++stats_.too_late;
      return;
    }
    Side* side = found->second->get();
    if (event.time_ns > side->facts.end_ns + kLateRejectNs) return;
    OnLate(side, *late);
  } else if (const auto* certificate = std::get_if<LibraryCertificate>(&event.what)) {
    Side* side = Find(event);
    CertificateChain& chain = certificate->own ? side->own_certificates : side->peer_certificates;
    const bool whole = chain.certificates.size() == chain.length++;  // none before this one is missing
    if (!whole || chain.certificates.size() == kMaxChain) return Recount();
    if (auto read = Read(certificate->der, event.time_ns)) chain.certificates.push_back(std::move(read));
  } else if (const auto* end = std::get_if<LibraryEnd>(&event.what)) {
    OnEnd(Find(event), *end, event);
  }
  Recount();
}

std::shared_ptr<const CertificateFacts> LibraryJoin::Read(const CertificateDer& der, uint64_t now_ns) {
  if (const auto known = read_.find(der); known != read_.end()) return known->second;
  std::shared_ptr<const CertificateFacts> facts = certificates_.Read(*der, now_ns);
  if (facts == nullptr) return nullptr;
  if (read_.size() >= kMaxReadCertificates) read_.clear();
  read_.emplace(der, facts);
  return facts;
}

void LibraryJoin::OnLate(Side* side, const LibraryLate& late) {
  LibraryFacts& facts = side->facts;
  switch (late.what) {
    case LibraryLate::What::kAlertReceived:
      facts.late_alert = static_cast<uint8_t>(late.value);
      break;
    case LibraryLate::What::kAlertSent:
      facts.alert_sent = LibraryAlert{kFatal, static_cast<uint8_t>(late.value)};
      side->tentative = false;
      break;
    case LibraryLate::What::kVerified:
      side->chain_status = late.value;
      side->chain_doubted = late.value != 0;
      break;
    case LibraryLate::What::kNameDiffers:
      if (side->name_status != 0) side->name_status = late.value;
      break;
    case LibraryLate::What::kNameMatches:
      side->name_status = 0;
      break;
    case LibraryLate::What::kClosed:
      facts.closed = true;
      break;
  }
  const uint32_t name_status = side->name_status.value_or(0);
  facts.verify_result = side->chain_status;
  if (name_status != 0) facts.verify_result = side->chain_status.value_or(0) | name_status;
  facts.doubted = side->chain_doubted || name_status != 0;
  if (side->record) Settle(*side->record);
}

// A waiting record and its library's facts have found each other, or there is a new fact.
void LibraryJoin::Settle(Records::iterator waiting) {
  const uint64_t patience = PatienceNs(*waiting->record, *waiting->side);
  waiting->deadline_ns = waiting->side->facts.end_ns + patience;
  if (patience == 0) Release(waiting);
}

void LibraryJoin::OnEnd(Side* side, const LibraryEnd& end, const LibraryEvent& event) {
  side->ended = true;
  side->tentative = end.tentative;
  side->ended_turn = turn_;
  side->role = end.server ? Role::kServer : Role::kClient;
  LibraryFacts& facts = side->facts;
  facts.outcome = end.outcome;
  facts.end_ns = event.time_ns;
  if (end.met_late) facts.start_ns = 0;
  facts.implementation = end.implementation;
  facts.reason = end.reason;
  facts.verify_result = side->chain_status = end.verify_result;
  facts.alert_sent = end.alert;
  facts.alert_received = end.alert_received;
  facts.server_name = std::string(end.server_name);
  if (!IsZero(end.client_random)) facts.client_random = end.client_random;
  side->owner =
      Owner{end.owner.pid, end.owner.start_time_ns, end.owner.cgroup_id, end.owner.uid, std::string(end.owner.comm)};
  side->local = end.local;
  side->remote = end.remote;
  side->alpn = std::string(end.alpn);
  if (!IsZero(end.server_random)) {  // without a ServerHello these are what the library would like
    side->version = end.version;
    side->cipher = end.cipher;
    side->group = end.group;
  }

  HandshakeIdentity identity{.role = side->role,
                             .pid = side->owner.pid,
                             .local = end.local,
                             .remote = end.remote,
                             .client_random = facts.client_random};
  if (!IsZero(end.server_random)) identity.server_random = end.server_random;
  Unlist(side);  // an end before this one may have named more
  side->keys = KeysOf(identity);
  if (!side->record && Told(side->keys)) {
    ++stats_.too_late;
    Drop(side);
    return;
  }
  for (const JoinKey& key : side->keys) side_of_.try_emplace(key, side);
  if (side->record) return Settle(*side->record);
  for (const JoinKey& key : side->keys) {
    const auto found = record_of_.find(key);
    if (found == record_of_.end() || found->second->side != nullptr) continue;
    const Records::iterator waiting = found->second;
    facts.join = key.by;
    waiting->side = side;
    side->record = waiting;
    return Settle(waiting);
  }
}

void LibraryJoin::Take(std::unique_ptr<HandshakeRecord> record, uint64_t now_ns) {
  if (record->role == Role::kObserver) {
    harvest_.push_back(std::move(record));
    return;
  }
  std::vector<JoinKey> keys = KeysOf(IdentityOf(*record));
  Side* side = nullptr;
  for (const JoinKey& key : keys) {
    const auto found = side_of_.find(key);
    if (found == side_of_.end() || found->second->record) continue;
    side = found->second;
    side->facts.join = key.by;
    break;
  }
  if (side == nullptr) {
    Await(std::move(record), std::move(keys), now_ns + kJoinPatienceNs, nullptr);
  } else if (const uint64_t deadline = side->facts.end_ns + PatienceNs(*record, *side); deadline > now_ns) {
    Await(std::move(record), std::move(keys), deadline, side);
  } else {
    Unite(std::move(record), side);
  }
  Recount();
}

void LibraryJoin::Await(std::unique_ptr<HandshakeRecord> record, std::vector<JoinKey> keys, uint64_t deadline_ns,
                        Side* side) {
  if (records_.size() >= kMaxWaitingRecords) Release(records_.begin());
  const Records::iterator waiting =
      records_.insert(records_.end(), Waiting{std::move(record), std::move(keys), deadline_ns, side});
  for (const JoinKey& key : waiting->keys) record_of_.try_emplace(key, waiting);
  if (side != nullptr) side->record = waiting;
}

// Lets a waiting record out, with its library's facts when they are there.
void LibraryJoin::Release(Records::iterator waiting) {
  for (const JoinKey& key : waiting->keys) {
    const auto found = record_of_.find(key);
    if (found != record_of_.end() && found->second == waiting) record_of_.erase(found);
  }
  Side* side = waiting->side;
  std::unique_ptr<HandshakeRecord> record = std::move(waiting->record);
  const std::vector<JoinKey> keys = std::move(waiting->keys);
  records_.erase(waiting);
  if (side != nullptr) {
    side->record.reset();
    Unite(std::move(record), side);
    return;
  }
  ++stats_.wire_only;
  Tell(keys);
  harvest_.push_back(std::move(record));
}

// Makes the one record of both halves and forgets the side.
void LibraryJoin::Unite(std::unique_ptr<HandshakeRecord> owned, Side* side) {
  HandshakeRecord& record = *owned;
  Handshake& tls = record.tls;
  const LibraryFacts& facts = side->facts;
  const bool server = record.role == Role::kServer;
  CertificateChain& servers = server ? side->own_certificates : side->peer_certificates;
  CertificateChain& clients = server ? side->peer_certificates : side->own_certificates;
  if (tls.mutual_tls == MutualTls::kNotVisible) {
    if (clients.length != 0) tls.mutual_tls = MutualTls::kPresented;
    if (CauseOfError(facts, Sender::kServer) == FailureReason::kClientCertificateMissing && server)
      tls.mutual_tls = MutualTls::kAbsent;
  }
  if (tls.server_certificates.length == 0) tls.server_certificates = std::move(servers);
  if (tls.client_certificates.length == 0) tls.client_certificates = std::move(clients);
  const Verdict verdict = DecideVerdict(tls, record.role, record.ending, &facts);
  record.result = verdict.result;
  record.reason = verdict.reason;
  record.inferred = verdict.inferred;
  record.failure_side = verdict.side;

  if (tls.alpn.empty()) tls.alpn = side->alpn;
  if (!tls.version && side->version != 0) tls.version = ProtocolVersion{side->version};
  if (!tls.cipher && side->cipher != 0) tls.cipher = CipherSuite{side->cipher};
  if (!tls.group && side->group != 0) tls.group = NamedGroup{side->group};
  if (tls.established_ns == 0 && facts.outcome == LibraryOutcome::kSuccess) tls.established_ns = facts.end_ns;
  if (!tls.alert || tls.alert->encrypted) {
    const Sender self = record.role == Role::kServer ? Sender::kServer : Sender::kClient;
    const std::optional<Alert> alert = AlertOf(facts, self);
    // A fatal one beside a success belongs to what came after the handshake.
    if (alert && (alert->level != kFatal || record.result != Result::kSuccess)) tls.alert = alert;
  }
  if (record.owner.pid == 0) record.owner = side->owner;
  ++stats_.joined[static_cast<size_t>(facts.join)];
  record.library = std::move(side->facts);
  if (side->tentative) Tell(side->keys);  // what follows makes no second record
  Drop(side);
  harvest_.push_back(std::move(owned));
}

// A library handshake that the wire does not show makes a record of its own, when it says of which connection it speaks.
void LibraryJoin::Alone(Side* side) {
  if (!side->ended || side->keys.empty()) {
    ++(side->ended ? stats_.nameless : stats_.unfinished);
    Drop(side);
    return;
  }
  auto record = std::make_unique<HandshakeRecord>();
  record->role = side->role;
  const bool client = side->role == Role::kClient;
  record->client = client ? side->local : side->remote;
  record->server = client ? side->remote : side->local;
  record->tls.progress = side->facts.outcome == LibraryOutcome::kSuccess ? Progress::kEstablished : Progress::kInProgress;
  Tell(side->keys);
  Unite(std::move(record), side);
}

// The side is found by its keys no more.
void LibraryJoin::Unlist(Side* side) {
  for (const JoinKey& key : side->keys) {
    const auto found = side_of_.find(key);
    if (found != side_of_.end() && found->second == side) side_of_.erase(found);
  }
}

// No record waits with the side.
void LibraryJoin::Drop(Side* side) {
  Unlist(side);
  const auto place = by_id_.find(side->id);
  const Sides::iterator owned = place->second;
  by_id_.erase(place);
  sides_.erase(owned);
}

bool LibraryJoin::Told(const std::vector<JoinKey>& keys) const {
  return std::any_of(keys.begin(), keys.end(), [this](const JoinKey& key) { return told_.contains(key); });
}

void LibraryJoin::Tell(const std::vector<JoinKey>& keys) {
  for (const JoinKey& key : keys) {
    // Ports are used again by the next connection: an address tells handshakes apart only while both halves are here.
    if (key.by == JoinedBy::kAddress) continue;
    if (told_order_.size() >= kMaxTold) {
      const auto oldest = told_.find(told_order_.front());
      if (--oldest->second == 0) told_.erase(oldest);
      told_order_.pop_front();
    }
    told_order_.push_back(key);
    ++told_[key];
  }
}

// Lets out the handshakes that have ended and that no record of the wire will follow: none of those that it still follows is
// the same.
void LibraryJoin::LetOutAlone(uint64_t now_ns, absl::FunctionRef<std::vector<HandshakeIdentity>()> followed) {
  std::vector<Side*> due;
  for (const auto& side : sides_) {
    if (!side->ended || side->record || turn_ - side->ended_turn < kTurnsUntilAlone) continue;
    if (side->tentative && now_ns < side->facts.end_ns + kForgiveNs) continue;
    due.push_back(side.get());
  }
  if (due.empty()) return;
  absl::flat_hash_set<JoinKey> keys;
  absl::flat_hash_set<uint32_t> without_hello;  // by process, which may not be known yet: 0
  for (HandshakeIdentity& identity : followed()) {
    if (!identity.client_random) without_hello.insert(identity.pid);
    identity.pid = 0;
    for (const JoinKey& key : KeysOf(identity)) keys.insert(key);
  }
  const auto is_followed = [&](const Side& side) {
    bool has_address = false;
    for (JoinKey key : side.keys) {
      key.pid = 0;
      if (keys.contains(key)) return true;
      has_address = has_address || key.by == JoinedBy::kAddress;
    }
    return !has_address && (without_hello.contains(0) || without_hello.contains(side.owner.pid));
  };
  for (Side* side : due) {
    if (!is_followed(*side)) Alone(side);
  }
}

void LibraryJoin::Advance(uint64_t now_ns, absl::FunctionRef<std::vector<HandshakeIdentity>()> followed) {
  ++turn_;
  for (auto next = records_.begin(); next != records_.end();) {
    const auto waiting = next++;
    if (waiting->deadline_ns <= now_ns) Release(waiting);
  }
  if (now_ns >= look_ns_) {
    look_ns_ = now_ns + kLookNs;
    LetOutAlone(now_ns, followed);
  }
  while (!sides_.empty() && sides_.front()->last_ns + kLibraryAgeNs <= now_ns) Alone(sides_.front().get());
  Recount();
}

void LibraryJoin::Finish() {
  while (!records_.empty()) Release(records_.begin());
  while (!sides_.empty()) Alone(sides_.front().get());
  Recount();
}

void LibraryJoin::Recount() {
  stats_.sides = sides_.size();
  stats_.waiting = records_.size();
}

}  // namespace tlsmeter::agent
