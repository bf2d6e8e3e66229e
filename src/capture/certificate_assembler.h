// CertificateAssembler: pieces of certificates, and hashes of those seen before, become whole certificates.
//
// Memory is bounded by kMaxKnownCertificates, each of at most one piece, and kMaxPartialCertificates. One thread.
#ifndef TLSMETER_SRC_CAPTURE_CERTIFICATE_ASSEMBLER_H_
#define TLSMETER_SRC_CAPTURE_CERTIFICATE_ASSEMBLER_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "src/capture/library_event.h"

namespace tlsmeter::agent {

// Certificates kept to name repeats by: as many as the kernel remembers to have sent. At most 4 KiB each.
inline constexpr size_t kMaxKnownCertificates = 2048;

// Certificates of several pieces that are not complete. The pieces of one come in one go, so that there are no more than
// CPUs, but for those whose rest was lost.
inline constexpr size_t kMaxPartialCertificates = 64;

// CertificatePiece is bytes [offset, offset + bytes.size()) of a certificate, or only its hash.
struct CertificatePiece {
  bool own = false;
  uint8_t index = 0;
  uint64_t hash = 0;  // 0: not to be remembered
  uint32_t length = 0;
  uint32_t offset = 0;
  std::span<const uint8_t> bytes;
};

class CertificateAssembler {
 public:
  // Add returns the certificate when it is complete, else null.
  CertificateDer Add(const LibraryHandshakeId& handshake, const CertificatePiece& piece);

  // TakeForgotten returns the hashes that were named since the last call, but whose bytes are no longer here (or never
  // came): the source must send those again.
  std::vector<uint64_t> TakeForgotten() { return std::exchange(forgotten_, {}); }

  // lost counts certificates of which a piece is missing, and hashes without bytes.
  uint64_t lost() const { return lost_; }

 private:
  struct Known {
    uint64_t hash;
    CertificateDer der;
  };
  struct Partial {
    LibraryHandshakeId handshake;
    bool own;
    uint8_t index;
    std::vector<uint8_t> bytes;
  };

  CertificateDer Named(uint64_t hash);
  CertificateDer Whole(uint64_t hash, std::vector<uint8_t> bytes);
  CertificateDer Continue(const LibraryHandshakeId& handshake, const CertificatePiece& piece);

  std::list<Known> known_;  // the longest unused first
  absl::flat_hash_map<uint64_t, std::list<Known>::iterator> by_hash_;
  std::list<Partial> partial_;  // the oldest first
  std::vector<uint64_t> forgotten_;
  uint64_t lost_ = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_CERTIFICATE_ASSEMBLER_H_
