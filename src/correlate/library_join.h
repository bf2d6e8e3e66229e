// LibraryJoin: what the wire showed of a handshake and what the TLS library in the process said of it become one record.
//
// The two come in any order, within moments of each other. They are matched by role and, in this order, by client random,
// by server random, by both addresses and the process. A wire record waits for kJoinPatienceNs, longer only where the server
// seems to have refused a TLS 1.3 client: then for the alert, which the client's library meets after its success; and where
// a program has found its peer's certificate wanting after the handshake: then for what it does about that. Library facts
// wait while the wire follows a handshake that may be theirs; else, if they name a handshake, they make a record of their
// own.
//
// Bounded by the ceilings below: what has waited longest makes room, counted. One thread, the event thread.
#ifndef TLSMETER_SRC_CORRELATE_LIBRARY_JOIN_H_
#define TLSMETER_SRC_CORRELATE_LIBRARY_JOIN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "src/capture/library_event.h"
#include "src/correlate/flow_table.h"
#include "src/correlate/handshake_record.h"
#include "src/correlate/join_key.h"
#include "tlsmeter/certificate.h"

namespace tlsmeter::agent {

// A library's end of a handshake reaches the ring before its last record reaches the wire, or right after; both rings are
// read every 50 ms.
inline constexpr uint64_t kJoinPatienceNs = 150'000'000;

// How long an alert to a TLS 1.3 client is waited for after the client's success, and how long one is taken for a refusal.
inline constexpr uint64_t kLateRejectNs = 5'000'000'000;

// How long a library may take back a failure, by an end after it, where the wire does not show what becomes of the
// handshake.
inline constexpr uint64_t kForgiveNs = 2'000'000'000;

// What the wire saw before a library's end is known one turn after it: each turn reads both rings.
inline constexpr uint64_t kTurnsUntilAlone = 2;

// How often it is looked whether the wire follows what a library has told: that takes a pass over all connections.
inline constexpr uint64_t kLookNs = 250'000'000;

// A library handshake of which nothing was heard for this long, a little longer than the wire waits for a silent one, has
// no end that could be told.
inline constexpr uint64_t kLibraryAgeNs = kHandshakeTimeoutNs + 5'000'000'000;

// Library handshakes in progress or waiting for the wire: 250 a second that the wire never shows. Some 500 bytes each and
// its certificates, which are shared.
inline constexpr size_t kMaxLibrarySides = 16384;

// Wire records that wait: 10,000 a second that no library tells of. Some 2 KiB each.
inline constexpr size_t kMaxWaitingRecords = 2048;

// Handshakes that went out with one half, remembered so that the other half does not become a second record.
inline constexpr size_t kMaxTold = 16384;

// Certificates kept of each side of a handshake; the count has them all.
inline constexpr size_t kMaxChain = 16;

// Certificates that are known by their place in memory; with those that the source keeps, at most 16 MiB.
inline constexpr size_t kMaxReadCertificates = 256;

// LibraryJoinStats only grow, but for the first two.
struct LibraryJoinStats {
  size_t sides = 0;                                  // library handshakes held
  size_t waiting = 0;                                // wire records held
  std::array<uint64_t, kJoinedByCount> joined = {};  // records by JoinedBy; kNone: made of library facts alone
  uint64_t wire_only = 0;                            // records without library facts
  uint64_t too_late = 0;                             // facts that came when the record was out
  uint64_t unfinished = 0;                           // library handshakes whose end did not come
  uint64_t nameless = 0;                             // ended, the wire did not show them, and they name no handshake
  uint64_t displaced = 0;                            // library handshakes given up for want of room
};

class LibraryJoin {
 public:
  // LibraryJoin reads no more new certificates a second than it is told, in the events' time (CertificateCache).
  explicit LibraryJoin(uint32_t max_certificate_reads_per_second = CertificateCache::kUnlimited);
  ~LibraryJoin();

  // Take adds what a library said, or a record of the wire. Finished records wait for Harvest.
  void Take(const LibraryEvent& event);
  void Take(std::unique_ptr<HandshakeRecord> record, uint64_t now_ns);

  // Advance lets time pass, once both sources have been read: who waited long enough goes out alone. `now_ns` is Unix
  // nanoseconds; `followed` returns the handshakes of which the wire may still make a record, and is called only where there
  // is need.
  void Advance(uint64_t now_ns, absl::FunctionRef<std::vector<HandshakeIdentity>()> followed);

  // Finish lets everything out: the source has ended.
  void Finish();

  std::vector<std::unique_ptr<HandshakeRecord>> Harvest() { return std::exchange(harvest_, {}); }

  const LibraryJoinStats& stats() const { return stats_; }

  // certificates_refused returns how many chains end early for that limit.
  uint64_t certificates_refused() const { return certificates_.refused(); }

 private:
  struct Side;
  struct Waiting;
  using Sides = std::list<std::unique_ptr<Side>>;
  using Records = std::list<Waiting>;

  Side* Find(const LibraryEvent& event);
  std::shared_ptr<const CertificateFacts> Read(const CertificateDer& der, uint64_t now_ns);
  void OnEnd(Side* side, const LibraryEnd& end, const LibraryEvent& event);
  void OnLate(Side* side, const LibraryLate& late);
  // How long after its end a library may still tell what the record depends on; 0: it has told all.
  static uint64_t PatienceNs(const HandshakeRecord& record, const Side& side);
  void Settle(Records::iterator waiting);
  bool Told(const std::vector<JoinKey>& keys) const;
  void Tell(const std::vector<JoinKey>& keys);
  void Await(std::unique_ptr<HandshakeRecord> record, std::vector<JoinKey> keys, uint64_t deadline_ns, Side* side);
  void Release(Records::iterator waiting);
  void Unite(std::unique_ptr<HandshakeRecord> record, Side* side);
  void LetOutAlone(uint64_t now_ns, absl::FunctionRef<std::vector<HandshakeIdentity>()> followed);
  void Alone(Side* side);
  void Unlist(Side* side);
  void Drop(Side* side);
  void Recount();

  absl::flat_hash_map<LibraryHandshakeId, Sides::iterator> by_id_;
  Sides sides_;  // the longest unchanged first
  absl::flat_hash_map<JoinKey, Side*> side_of_;
  Records records_;  // by arrival
  absl::flat_hash_map<JoinKey, Records::iterator> record_of_;
  std::deque<JoinKey> told_order_;
  absl::flat_hash_map<JoinKey, int> told_;  // how often in told_order_
  uint64_t turn_ = 0;                       // calls of Advance
  uint64_t look_ns_ = 0;                    // when to look again for handshakes that the wire does not follow
  CertificateCache certificates_;
  // By the bytes themselves, which the source shares between all handshakes in which it sees them again: to find them in the
  // cache would take a digest each time. Kept alive, so that no others come to lie in their place.
  absl::flat_hash_map<CertificateDer, std::shared_ptr<const CertificateFacts>> read_;
  std::vector<std::unique_ptr<HandshakeRecord>> harvest_;
  LibraryJoinStats stats_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_LIBRARY_JOIN_H_
