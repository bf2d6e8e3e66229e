#include "src/capture/certificate_assembler.h"

#include <algorithm>

namespace tlsmeter::agent {

CertificateDer CertificateAssembler::Add(const LibraryHandshakeId& handshake, const CertificatePiece& piece) {
  if (piece.bytes.empty()) return Named(piece.hash);
  if (piece.offset == 0 && piece.bytes.size() == piece.length) {
    return Whole(piece.hash, {piece.bytes.begin(), piece.bytes.end()});
  }
  return Continue(handshake, piece);
}

CertificateDer CertificateAssembler::Named(uint64_t hash) {
  const auto found = by_hash_.find(hash);
  if (found == by_hash_.end()) {
    ++lost_;
    forgotten_.push_back(hash);
    return nullptr;
  }
  known_.splice(known_.end(), known_, found->second);
  return found->second->der;
}

CertificateDer CertificateAssembler::Whole(uint64_t hash, std::vector<uint8_t> bytes) {
  auto der = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
  if (hash == 0 || by_hash_.contains(hash)) return der;
  if (known_.size() >= kMaxKnownCertificates) {
    by_hash_.erase(known_.front().hash);
    known_.pop_front();
  }
  by_hash_[hash] = known_.insert(known_.end(), Known{hash, der});
  return der;
}

CertificateDer CertificateAssembler::Continue(const LibraryHandshakeId& handshake, const CertificatePiece& piece) {
  auto partial = std::find_if(partial_.begin(), partial_.end(), [&](const Partial& p) {
    return p.handshake == handshake && p.own == piece.own && p.index == piece.index;
  });
  if (partial == partial_.end()) {
    if (piece.offset != 0) {  // its beginning was lost, and counted then if it was here
      if (piece.offset + piece.bytes.size() == piece.length) ++lost_;
      return nullptr;
    }
    if (partial_.size() >= kMaxPartialCertificates) {
      ++lost_;
      partial_.pop_front();
    }
    partial = partial_.insert(partial_.end(), Partial{handshake, piece.own, piece.index, {}});
  }
  std::vector<uint8_t>& bytes = partial->bytes;
  if (bytes.size() != piece.offset) {
    ++lost_;
    partial_.erase(partial);
    return nullptr;
  }
  bytes.insert(bytes.end(), piece.bytes.begin(), piece.bytes.end());
  if (bytes.size() < piece.length) return nullptr;
  CertificateDer der = Whole(piece.hash, std::move(bytes));
  partial_.erase(partial);
  return der;
}

}  // namespace tlsmeter::agent
