#include "src/export/certificate_json.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "absl/time/time.h"
#include "src/base/text.h"
#include "src/export/json_lines.h"
#include "src/export/time_text.h"

namespace tlsmeter::agent {
namespace {

// Paths of both sides: JsonWriter keeps views of them.
struct Paths {
  JsonPath subject, issuer, not_before, not_after, sha256;
  JsonPath serial_number, san, key_algorithm, key_bits, key_curve, signature_algorithm, self_signed;
  JsonPath chain_length, chain_in_order;
};

constexpr Paths kClientPaths = {
    .subject = "tls.client.subject",
    .issuer = "tls.client.issuer",
    .not_before = "tls.client.not_before",
    .not_after = "tls.client.not_after",
    .sha256 = "tls.client.hash.sha256",
    .serial_number = "tlsmeter.client.serial_number",
    .san = "tlsmeter.client.san",
    .key_algorithm = "tlsmeter.client.key_algorithm",
    .key_bits = "tlsmeter.client.key_bits",
    .key_curve = "tlsmeter.client.key_curve",
    .signature_algorithm = "tlsmeter.client.signature_algorithm",
    .self_signed = "tlsmeter.client.self_signed",
    .chain_length = "tlsmeter.client.chain_length",
    .chain_in_order = "tlsmeter.client.chain_in_order",
};

constexpr Paths kServerPaths = {
    .subject = "tls.server.subject",
    .issuer = "tls.server.issuer",
    .not_before = "tls.server.not_before",
    .not_after = "tls.server.not_after",
    .sha256 = "tls.server.hash.sha256",
    .serial_number = "tlsmeter.server.serial_number",
    .san = "tlsmeter.server.san",
    .key_algorithm = "tlsmeter.server.key_algorithm",
    .key_bits = "tlsmeter.server.key_bits",
    .key_curve = "tlsmeter.server.key_curve",
    .signature_algorithm = "tlsmeter.server.signature_algorithm",
    .self_signed = "tlsmeter.server.self_signed",
    .chain_length = "tlsmeter.server.chain_length",
    .chain_in_order = "tlsmeter.server.chain_in_order",
};

const Paths& PathsOf(Sender owner) { return owner == Sender::kClient ? kClientPaths : kServerPaths; }

std::string UpperHex(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xf];
  }
  return text;
}

void WriteText(JsonPath path, std::string_view raw, JsonWriter* json) {
  if (!raw.empty()) json->String(path, PrintableUtf8(raw, kMaxTextField));
}

void WriteSeconds(JsonPath path, std::optional<int64_t> unix_seconds, JsonWriter* json) {
  if (!unix_seconds) return;
  json->String(path, UtcTime(absl::FromUnixSeconds(*unix_seconds), 0));
}

}  // namespace

void WriteCertificateIdentity(Sender owner, const CertificateChain& chain, JsonWriter* json) {
  const CertificateFacts* leaf = chain.leaf();
  if (leaf == nullptr) return;
  const Paths& paths = PathsOf(owner);
  WriteText(paths.subject, leaf->subject, json);
  WriteText(paths.issuer, leaf->issuer, json);
  WriteSeconds(paths.not_before, leaf->not_before, json);
  WriteSeconds(paths.not_after, leaf->not_after, json);
  json->String(paths.sha256, UpperHex(leaf->sha256));
}

void WriteCertificateDetails(Sender owner, const CertificateChain& chain, JsonWriter* json) {
  const CertificateFacts* leaf = chain.leaf();
  if (leaf == nullptr) return;
  const Paths& paths = PathsOf(owner);
  if (leaf->readable) {
    WriteText(paths.serial_number, leaf->serial_number, json);
    if (!leaf->subject_alt_names.empty()) {
      json->BeginArray(paths.san);
      for (const std::string& name : leaf->subject_alt_names) json->Element(PrintableUtf8(name, kMaxTextField));
      json->EndArray();
    }
    WriteText(paths.key_algorithm, leaf->key_algorithm, json);
    if (leaf->key_bits != 0) json->Uint(paths.key_bits, leaf->key_bits);
    WriteText(paths.key_curve, leaf->key_curve, json);
    WriteText(paths.signature_algorithm, leaf->signature_algorithm, json);
    json->Bool(paths.self_signed, leaf->self_signed);
  }
  json->Uint(paths.chain_length, chain.length);
  if (chain.certificates.size() == chain.length) json->Bool(paths.chain_in_order, chain.InOrder());
}

std::string_view OcspStapleName(const OcspStaple& staple, int64_t unix_seconds) {
  switch (staple.status) {
    case OcspStatus::kNotVisible:
      return "";
    case OcspStatus::kAbsent:
      return "absent";
    case OcspStatus::kInvalid:
      return "invalid";
    case OcspStatus::kGood:
      return staple.ExpiredAt(unix_seconds) ? "expired" : "good";
    case OcspStatus::kRevoked:
      return "revoked";
    case OcspStatus::kUnknown:
      return "unknown";
  }
  return "";
}

}  // namespace tlsmeter::agent
