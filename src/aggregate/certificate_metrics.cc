#include "src/aggregate/certificate_metrics.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "src/aggregate/catalogue.h"
#include "src/aggregate/chain_issues.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

// Bounds a label made of a certificate's text, in bytes: common names have at most 64 characters (RFC 5280, appendix A.1).
constexpr size_t kMaxCertificateLabel = 128;

// Gauges gathers the series of one family.
class Gauges {
 public:
  explicit Gauges(Metric metric) : spec_(SpecOf(metric)) {}

  void Add(std::vector<LabelValue> labels, double value) { series_.emplace_back(value, std::move(labels)); }

  // Take returns the family, with what gave way before it came here counted as overflow of its label fingerprint.
  FamilySnapshot Take(uint64_t overflow) && {
    std::stable_sort(series_.begin(), series_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    if (series_.size() > spec_.cap) series_.erase(series_.begin() + static_cast<ptrdiff_t>(spec_.cap), series_.end());
    FamilySnapshot family;
    family.spec = &spec_;
    family.limit = spec_.cap;
    for (const std::string_view label : spec_.labels()) family.overflow.push_back(label == "fingerprint" ? overflow : 0);
    for (auto& [value, labels] : series_) {
      family.sets.push_back(std::make_shared<const std::vector<LabelValue>>(std::move(labels)));
      family.values.push_back(value);
    }
    return family;
  }

 private:
  const MetricSpec& spec_;
  std::vector<std::pair<double, std::vector<LabelValue>>> series_;
};

// TextLabel returns text of a certificate as a label value: empty reads __none__.
std::string TextLabel(std::string_view text) {
  if (text.empty()) return std::string(kLabelNone);
  if (IsReservedLabel(text)) return std::string(kLabelInvalid);
  return PrintableUtf8(text, kMaxCertificateLabel);
}

std::vector<LabelValue> InfoLabels(const CertificateFacts& facts, const LabelValue& fingerprint, LabelPool* pool) {
  std::vector<LabelValue> labels = {fingerprint};
  for (const std::string& text :
       {TextLabel(CommonName(facts.subject)), TextLabel(CommonName(facts.issuer)), TextLabel(facts.serial_number),
        TextLabel(facts.key_algorithm), std::to_string(facts.key_bits), TextLabel(facts.signature_algorithm),
        std::string(facts.self_signed ? "true" : "false")}) {
    labels.push_back(pool->Intern(text));
  }
  return labels;
}

}  // namespace

std::string FingerprintLabel(const Sha256Digest& digest) {
  return absl::AsciiStrToUpper(
      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size())));
}

std::vector<FamilySnapshot> CertificateFamilies(const CertificateView& view) {
  LabelPool pool;
  Gauges not_after(Metric::kCertificateNotAfter);
  Gauges earliest(Metric::kEarliestCertificateExpiry);
  Gauges info(Metric::kCertificateInfo);
  Gauges last_seen(Metric::kCertificateLastSeen);
  Gauges next_update(Metric::kOcspStapleNextUpdate);

  struct Earliest {
    const CertificateUse* use;
    int64_t not_after;
  };
  std::map<std::array<uint64_t, 4>, Earliest> by_workload;
  for (const Certificate& certificate : view.certificates) {
    const CertificateFacts& facts = *certificate.facts;
    const LabelValue fingerprint = pool.Intern(FingerprintLabel(facts.sha256));
    info.Add(InfoLabels(facts, fingerprint, &pool), 1);
    last_seen.Add({fingerprint}, static_cast<double>(certificate.last_seen));
    if (certificate.ocsp_next_update.has_value()) {
      next_update.Add({fingerprint}, static_cast<double>(*certificate.ocsp_next_update));
    }
    for (const CertificateUse& use : certificate.uses) {
      if (facts.not_after.has_value()) {
        std::vector<LabelValue> labels(use.workload.begin(), use.workload.end());
        labels.push_back(use.server_name);
        labels.push_back(fingerprint);
        not_after.Add(std::move(labels), static_cast<double>(*facts.not_after));
      }
      if (!use.chain_not_after.has_value()) continue;
      std::array<uint64_t, 4> key;
      std::transform(use.workload.begin(), use.workload.end(), key.begin(), [](const LabelValue& v) { return v.id(); });
      const auto [it, added] = by_workload.try_emplace(key, Earliest{&use, *use.chain_not_after});
      it->second.not_after = std::min(it->second.not_after, *use.chain_not_after);
    }
  }
  for (const auto& [key, first] : by_workload) {
    earliest.Add({first.use->workload.begin(), first.use->workload.end()}, static_cast<double>(first.not_after));
  }

  std::vector<FamilySnapshot> families;
  families.push_back(std::move(not_after).Take(view.evicted_uses));
  families.push_back(std::move(earliest).Take(0));
  families.push_back(std::move(info).Take(view.evicted));
  families.push_back(std::move(last_seen).Take(view.evicted));
  families.push_back(std::move(next_update).Take(0));
  return families;
}

}  // namespace tlsmeter::agent
