// LibraryJoin: what the wire showed of a handshake and what the TLS library in the process said of it become one record.
//
// The two come in any order, within moments of each other. They are matched by role and, in this order, by client random,
// by server random, by both addresses and the process. A wire record waits for kJoinPatienceNs, longer only where the server
// seems to have refused a TLS 1.3 client: then for the alert, which the client's library meets after its success; and where
// a program has found its peer's certificate wanting after the handshake: then for what it does about that. Library
// facts wait for kLibraryAgeNs, for the wire decides some handshakes only when nothing comes any more; then they make a
// record of their own, if they name a handshake.
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
#include "src/capture/library_event.h"
#include "src/correlate/flow_table.h"
#include "src/correlate/handshake_record.h"
#include "tlsmeter/certificate.h"

namespace tlsmeter::agent {

// A library's end of a handshake reaches the ring before its last record reaches the wire, or right after; both rings are
// read every 50 ms.
inline constexpr uint64_t kJoinPatienceNs = 150'000'000;

// How long an alert to a TLS 1.3 client is waited for after the client's success, and how long one is taken for a refusal.
inline constexpr uint64_t kLateRejectNs = 5'000'000'000;

// A little longer than the wire waits for a silent handshake.
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
  void Take(HandshakeRecord record, uint64_t now_ns);

  // Advance lets time pass: who waited long enough goes out alone. `now_ns` is Unix nanoseconds.
  void Advance(uint64_t now_ns);

  // Finish lets everything out: the source has ended.
  void Finish();

  std::vector<HandshakeRecord> Harvest() { return std::exchange(harvest_, {}); }

  const LibraryJoinStats& stats() const { return stats_; }

  // certificates_refused returns how many chains end early for that limit.
  uint64_t certificates_refused() const { return certificates_.refused(); }

 private:
  // Key is one thing by which the two halves may be matched.
  struct Key {
    JoinedBy by = JoinedBy::kNone;
    Role role = Role::kClient;
    uint32_t pid = 0;                    // of kAddress
    std::array<uint8_t, 36> bytes = {};  // a random, or both ends' addresses and ports
    bool operator==(const Key&) const = default;

    template <typename H>
    friend H AbslHashValue(H h, const Key& k) {
      return H::combine(std::move(h), k.by, k.role, k.pid, k.bytes);
    }
  };
  struct Side;
  struct Waiting;
  using Sides = std::list<std::unique_ptr<Side>>;
  using Records = std::list<Waiting>;

  static std::vector<Key> KeysOf(const HandshakeRecord& record);
  Side* Find(const LibraryEvent& event);
  void OnEnd(Side* side, const LibraryEnd& end, const LibraryEvent& event);
  void OnLate(Side* side, const LibraryLate& late);
  // How long after its end a library may still tell what the record depends on; 0: it has told all.
  static uint64_t PatienceNs(const HandshakeRecord& record, const Side& side);
  void Settle(Records::iterator waiting);
  bool Told(const std::vector<Key>& keys) const;
  void Tell(const std::vector<Key>& keys);
  void Await(HandshakeRecord record, std::vector<Key> keys, uint64_t deadline_ns, Side* side);
  void Release(Records::iterator waiting);
  void Unite(HandshakeRecord record, Side* side);
  void Alone(Side* side);
  void Drop(Side* side);
  void Recount();

  absl::flat_hash_map<LibraryHandshakeId, Sides::iterator> by_id_;
  Sides sides_;  // the longest unchanged first
  absl::flat_hash_map<Key, Side*> side_of_;
  Records records_;  // by arrival
  absl::flat_hash_map<Key, Records::iterator> record_of_;
  std::deque<Key> told_order_;
  absl::flat_hash_map<Key, int> told_;  // how often in told_order_
  CertificateCache certificates_;
  std::vector<HandshakeRecord> harvest_;
  LibraryJoinStats stats_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_LIBRARY_JOIN_H_
