// CertificateCatalogue: the certificates that this node's handshakes showed, and who showed them to whom.
//
// By SHA-256 of the DER. Of a leaf it keeps its uses: which workload sent or received it, under which server name. Of the
// other certificates of a chain only facts and times: who uses them is told by the leaf. What was not seen for a day is
// forgotten; when there is no room, what was not seen for longest gives way, certificates that a watched workload itself
// sends last. One thread at a time; the entries are plain values.
#ifndef TLSMETER_SRC_AGGREGATE_CERTIFICATE_CATALOGUE_H_
#define TLSMETER_SRC_AGGREGATE_CERTIFICATE_CATALOGUE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "src/aggregate/label_pool.h"
#include "src/aggregate/server_names.h"
#include "tlsmeter/certificate.h"
#include "tlsmeter/handshake.h"

namespace tlsmeter::agent {

// kMaxCertificates is how many certificates are remembered, kMaxCertificateUses how many uses of all of them: as many as
// their metrics may show. A certificate takes some 2 KiB, 30 KiB at the ceilings of its facts.
inline constexpr size_t kMaxCertificates = 200;
inline constexpr size_t kMaxCertificateUses = 300;

// kCertificateIdleNs is how long a certificate or a use of it is remembered after it was last seen.
inline constexpr uint64_t kCertificateIdleNs = 86400'000'000'000;

// CertificateUse is one workload's dealings with a leaf certificate under one server name.
struct CertificateUse {
  std::array<LabelValue, 4> workload;      // role, namespace, workload, workload_type
  LabelValue server_name;                  // label, after admission
  bool sent = false;                       // by the workload; else it has only received it
  std::optional<int64_t> chain_not_after;  // the earliest of the latest chain that came with it; Unix seconds
  int64_t first_seen = 0, last_seen = 0;   // Unix seconds
  uint64_t seen_ns = 0;                    // by the clock of Add
};

struct Certificate {
  std::shared_ptr<const CertificateFacts> facts;  // never nullptr
  Sender sender = Sender::kServer;                // whose certificate: the server's or the client's
  size_t chain_position = 0;                      // the lowest one seen; 0: a leaf
  int64_t first_seen = 0, last_seen = 0;          // Unix seconds
  std::optional<int64_t> ocsp_next_update;        // of the latest staple that came with it; Unix seconds
  std::vector<CertificateUse> uses;               // of a leaf
  bool sent = false;                              // by a watched workload
  uint64_t seen_ns = 0;                           // by the clock of Add
};

// EarliestExpiry returns the earliest end of a chain's certificates, Unix seconds; nullopt when none is known.
std::optional<int64_t> EarliestExpiry(const CertificateChain& chain);

class CertificateCatalogue {
 public:
  // Sighting is one chain in one handshake. A view: valid as long as what it was made from.
  struct Sighting {
    const CertificateChain& chain;
    Sender sender;
    const std::array<LabelValue, 4>& workload;
    const LabelValue& server_name;
    bool sent;
    std::optional<int64_t> ocsp_next_update;
    int64_t unix_seconds;  // not 0
  };

  // Add notes a chain; one without certificates is nothing. `now_ns` is nanoseconds of a clock that never goes back.
  void Add(const Sighting& seen, uint64_t now_ns);

  // Age forgets what was not seen for kCertificateIdleNs.
  void Age(uint64_t now_ns);

  // ForgetNames forgets at once the uses under server names that `names` does not admit. The certificates stay.
  void ForgetNames(const ServerNames& names);

  // Copy returns every certificate, in no order. The facts are shared.
  std::vector<Certificate> Copy() const;

  // evicted returns how often a certificate gave way to another one, evicted_uses the same of uses.
  uint64_t evicted() const { return evicted_; }
  uint64_t evicted_uses() const { return evicted_uses_; }

 private:
  struct Entry;
  struct Use {
    CertificateUse facts;
    Entry* leaf;
  };
  using Uses = std::list<Use>;

  // A certificate and, in the order in which they were first seen, its uses. `facts.uses` is empty: Copy fills it.
  struct Entry {
    Certificate facts;
    std::vector<Uses::iterator> uses;
  };

  Entry* FindOrAdd(const std::shared_ptr<const CertificateFacts>& facts);
  void AddUse(const Sighting& seen, uint64_t now_ns, Entry* leaf);
  Uses::iterator FindOrAddUse(const Sighting& seen, Entry* leaf);
  void EvictUse();
  void ForgetUse(Uses::iterator use);

  absl::flat_hash_map<Sha256Digest, std::unique_ptr<Entry>> certificates_;
  std::array<Uses, 2> uses_;  // of all certificates, by `sent`: what was not seen for longest first
  uint64_t evicted_ = 0;
  uint64_t evicted_uses_ = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGGREGATE_CERTIFICATE_CATALOGUE_H_
