// The certificate catalogue as gauges. Pure, any thread.
#ifndef TLSMETER_SRC_AGGREGATE_CERTIFICATE_METRICS_H_
#define TLSMETER_SRC_AGGREGATE_CERTIFICATE_METRICS_H_

#include <cstdint>
#include <vector>

#include "src/aggregate/certificate_catalogue.h"
#include "src/aggregate/family.h"

namespace tlsmeter::agent {

// CertificateView is the catalogue at one moment.
struct CertificateView {
  std::vector<Certificate> certificates;
  uint64_t evicted = 0;  // see CertificateCatalogue
  uint64_t evicted_uses = 0;
};

// CertificateFamilies returns the families from kCertificateNotAfter to kOcspStapleNextUpdate. Where there are more series
// than a cap allows, the earliest times are shown. Text of the certificates is made fit for labels.
std::vector<FamilySnapshot> CertificateFamilies(const CertificateView& view);

// FingerprintLabel returns the SHA-256 of a certificate in upper-case hex, as the records have it.
std::string FingerprintLabel(const Sha256Digest& digest);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGGREGATE_CERTIFICATE_METRICS_H_
