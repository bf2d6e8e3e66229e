#include "src/aggregate/certificate_catalogue.h"

#include <algorithm>
#include <tuple>

namespace tlsmeter::agent {
namespace {

bool IsUseOf(const CertificateUse& use, const CertificateCatalogue::Sighting& seen) {
  for (size_t i = 0; i < use.workload.size(); ++i) {
    if (use.workload[i].id() != seen.workload[i].id()) return false;
  }
  return use.server_name.id() == seen.server_name.id();
}

}  // namespace

std::optional<int64_t> EarliestExpiry(const CertificateChain& chain) {
  std::optional<int64_t> earliest;
  for (const auto& facts : chain.certificates) {
    if (facts->not_after.has_value()) earliest = std::min(earliest.value_or(*facts->not_after), *facts->not_after);
  }
  return earliest;
}

void CertificateCatalogue::Add(const Sighting& seen, uint64_t now_ns) {
  for (size_t i = 0; i < seen.chain.certificates.size(); ++i) {
    Certificate* certificate = FindOrAdd(seen.chain.certificates[i]);
    if (certificate->first_seen == 0) {
      certificate->first_seen = seen.unix_seconds;
      certificate->chain_position = i;
      certificate->sender = seen.sender;
    }
    certificate->chain_position = std::min(certificate->chain_position, i);
    certificate->sent = certificate->sent || seen.sent;
    certificate->last_seen = std::max(certificate->last_seen, seen.unix_seconds);
    certificate->seen_ns = now_ns;
    if (i != 0) continue;
    if (seen.ocsp_next_update.has_value()) certificate->ocsp_next_update = seen.ocsp_next_update;
    AddUse(seen, now_ns, certificate);
  }
}

Certificate* CertificateCatalogue::FindOrAdd(const std::shared_ptr<const CertificateFacts>& facts) {
  if (const auto it = certificates_.find(facts->sha256); it != certificates_.end()) return it->second.get();
  if (certificates_.size() >= kMaxCertificates) {
    const auto victim = std::min_element(certificates_.begin(), certificates_.end(), [](const auto& a, const auto& b) {
      return std::tuple(a.second->sent, a.second->seen_ns) < std::tuple(b.second->sent, b.second->seen_ns);
    });
    uses_ -= victim->second->uses.size();
    certificates_.erase(victim);
    ++evicted_;
  }
  Certificate* certificate = certificates_.emplace(facts->sha256, std::make_unique<Certificate>()).first->second.get();
  certificate->facts = facts;
  return certificate;
}

void CertificateCatalogue::AddUse(const Sighting& seen, uint64_t now_ns, Certificate* leaf) {
  auto use = std::find_if(leaf->uses.begin(), leaf->uses.end(),
                          [&seen](const CertificateUse& candidate) { return IsUseOf(candidate, seen); });
  if (use == leaf->uses.end()) {
    if (uses_ >= kMaxCertificateUses) EvictUse();
    leaf->uses.push_back({.workload = seen.workload,
                          .server_name = seen.server_name,
                          .chain_not_after = std::nullopt,
                          .first_seen = seen.unix_seconds});
    use = leaf->uses.end() - 1;
    ++uses_;
  }
  use->sent = use->sent || seen.sent;
  use->chain_not_after = EarliestExpiry(seen.chain);
  use->last_seen = std::max(use->last_seen, seen.unix_seconds);
  use->seen_ns = now_ns;
}

void CertificateCatalogue::EvictUse() {
  Certificate* from = nullptr;
  size_t victim = 0;
  for (const auto& [digest, certificate] : certificates_) {
    for (size_t i = 0; i < certificate->uses.size(); ++i) {
      const CertificateUse& use = certificate->uses[i];
      if (from != nullptr &&
          std::tuple(from->uses[victim].sent, from->uses[victim].seen_ns) <= std::tuple(use.sent, use.seen_ns)) {
        continue;
      }
      from = certificate.get();
      victim = i;
    }
  }
  from->uses.erase(from->uses.begin() + static_cast<ptrdiff_t>(victim));
  --uses_;
  ++evicted_uses_;
}

void CertificateCatalogue::Age(uint64_t now_ns) {
  const auto idle = [now_ns](const auto& what) { return now_ns - what.seen_ns >= kCertificateIdleNs; };
  for (auto& [digest, certificate] : certificates_) uses_ -= std::erase_if(certificate->uses, idle);
  absl::erase_if(certificates_, [&idle](const auto& entry) { return idle(*entry.second); });
}

void CertificateCatalogue::ForgetNames(const ServerNames& names) {
  const auto other = [&names](const CertificateUse& use) { return !names.IsAdmitted(use.server_name); };
  for (auto& [digest, certificate] : certificates_) uses_ -= std::erase_if(certificate->uses, other);
}

std::vector<Certificate> CertificateCatalogue::Copy() const {
  std::vector<Certificate> copy;
  copy.reserve(certificates_.size());
  for (const auto& [digest, certificate] : certificates_) copy.push_back(*certificate);
  return copy;
}

}  // namespace tlsmeter::agent
