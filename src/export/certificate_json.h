// Certificates and OCSP staples as members of a JSON line. Field names are those of docs/events.md. Pure, any thread.
#ifndef TLSMETER_SRC_EXPORT_CERTIFICATE_JSON_H_
#define TLSMETER_SRC_EXPORT_CERTIFICATE_JSON_H_

#include <cstdint>
#include <string_view>

#include "src/base/json_writer.h"
#include "tlsmeter/certificate.h"
#include "tlsmeter/handshake.h"
#include "tlsmeter/ocsp.h"

namespace tlsmeter::agent {

// WriteCertificateIdentity writes the members of tls.client or tls.server: what names the leaf that `owner` sent, and how
// long it is valid. Nothing where none was seen.
void WriteCertificateIdentity(Sender owner, const CertificateChain& chain, JsonWriter* json);

// WriteCertificateDetails writes the members of tlsmeter.client or tlsmeter.server: the rest of the leaf, and the chain.
void WriteCertificateDetails(Sender owner, const CertificateChain& chain, JsonWriter* json);

// OcspStapleName returns the value of tlsmeter.ocsp_staple for a handshake at `unix_seconds`; empty when nothing was
// visible.
std::string_view OcspStapleName(const OcspStaple& staple, int64_t unix_seconds);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_CERTIFICATE_JSON_H_
