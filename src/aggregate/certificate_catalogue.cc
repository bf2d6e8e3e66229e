#include "src/aggregate/certificate_catalogue.h"

#include <algorithm>
#include <iterator>
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
    Entry* entry = FindOrAdd(seen.chain.certificates[i]);
    Certificate& certificate = entry->facts;
    if (certificate.first_seen == 0) {
      certificate.first_seen = seen.unix_seconds;
      certificate.chain_position = i;
      certificate.sender = seen.sender;
    }
    certificate.chain_position = std::min(certificate.chain_position, i);
    certificate.sent = certificate.sent || seen.sent;
    certificate.last_seen = std::max(certificate.last_seen, seen.unix_seconds);
    certificate.seen_ns = now_ns;
    if (i != 0) continue;
    if (seen.ocsp_next_update.has_value()) certificate.ocsp_next_update = seen.ocsp_next_update;
    AddUse(seen, now_ns, entry);
  }
}

CertificateCatalogue::Entry* CertificateCatalogue::FindOrAdd(const std::shared_ptr<const CertificateFacts>& facts) {
  if (const auto it = certificates_.find(facts->sha256); it != certificates_.end()) return it->second.get();
  if (certificates_.size() >= kMaxCertificates) {
    const auto victim = std::min_element(certificates_.begin(), certificates_.end(), [](const auto& a, const auto& b) {
      return std::tuple(a.second->facts.sent, a.second->facts.seen_ns) <
             std::tuple(b.second->facts.sent, b.second->facts.seen_ns);
    });
    for (const Uses::iterator use : victim->second->uses) uses_[use->facts.sent].erase(use);
    certificates_.erase(victim);
    ++evicted_;
  }
  Entry* entry = certificates_.emplace(facts->sha256, std::make_unique<Entry>()).first->second.get();
  entry->facts.facts = facts;
  return entry;
}

void CertificateCatalogue::AddUse(const Sighting& seen, uint64_t now_ns, Entry* leaf) {
  const Uses::iterator place = FindOrAddUse(seen, leaf);
  CertificateUse& use = place->facts;
  const bool sent = use.sent || seen.sent;
  uses_[sent].splice(uses_[sent].end(), uses_[use.sent], place);
  use.sent = sent;
  use.chain_not_after = EarliestExpiry(seen.chain);
  use.last_seen = std::max(use.last_seen, seen.unix_seconds);
  use.seen_ns = now_ns;
}

CertificateCatalogue::Uses::iterator CertificateCatalogue::FindOrAddUse(const Sighting& seen, Entry* leaf) {
  const auto known = std::find_if(leaf->uses.begin(), leaf->uses.end(),
                                  [&seen](const Uses::iterator use) { return IsUseOf(use->facts, seen); });
  if (known != leaf->uses.end()) return *known;
  if (uses_[false].size() + uses_[true].size() >= kMaxCertificateUses) EvictUse();
  Uses& uses = uses_[seen.sent];
  uses.push_back({{.workload = seen.workload,
                   .server_name = seen.server_name,
                   .sent = seen.sent,
                   .chain_not_after = std::nullopt,
                   .first_seen = seen.unix_seconds},
                  leaf});
  leaf->uses.push_back(std::prev(uses.end()));
  return leaf->uses.back();
}

void CertificateCatalogue::EvictUse() {
  ForgetUse(uses_[uses_[false].empty()].begin());
  ++evicted_uses_;
}

void CertificateCatalogue::ForgetUse(Uses::iterator use) {
  std::erase(use->leaf->uses, use);
  uses_[use->facts.sent].erase(use);
}

void CertificateCatalogue::Age(uint64_t now_ns) {
  const auto idle = [now_ns](const auto& what) { return now_ns - what.seen_ns >= kCertificateIdleNs; };
  for (Uses& uses : uses_) {
    while (!uses.empty() && idle(uses.front().facts)) ForgetUse(uses.begin());
  }
  // None of these has a use left: each of its uses was seen no later than itself.
  absl::erase_if(certificates_, [&idle](const auto& entry) { return idle(entry.second->facts); });
}

void CertificateCatalogue::ForgetNames(const ServerNames& names) {
  for (Uses& uses : uses_) {
    for (auto next = uses.begin(); next != uses.end();) {
      const Uses::iterator use = next++;
      if (!names.IsAdmitted(use->facts.server_name)) ForgetUse(use);
    }
  }
}

std::vector<Certificate> CertificateCatalogue::Copy() const {
  std::vector<Certificate> copy;
  copy.reserve(certificates_.size());
  for (const auto& [digest, entry] : certificates_) {
    Certificate& certificate = copy.emplace_back(entry->facts);
    certificate.uses.reserve(entry->uses.size());
    for (const Uses::iterator use : entry->uses) certificate.uses.push_back(use->facts);
  }
  return copy;
}

}  // namespace tlsmeter::agent
