#include "src/aggregate/chain_issues.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>

#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

constexpr uint32_t kMinKeyBits = 2048;
constexpr uint32_t kMinEcKeyBits = 224;

bool HasWeakKey(const CertificateFacts& facts) {
  if (facts.key_bits == 0) return false;  // not known
  if (facts.key_algorithm == "EC") return facts.key_bits < kMinEcKeyBits;
  return (facts.key_algorithm == "RSA" || facts.key_algorithm == "RSA-PSS" || facts.key_algorithm == "DSA" ||
          facts.key_algorithm == "DH") &&
         facts.key_bits < kMinKeyBits;
}

bool HasWeakSignature(const CertificateFacts& facts) {
  const std::string name = LowerAscii(facts.signature_algorithm);
  for (const std::string_view hash : {"md2", "md4", "md5", "sha1"}) {
    if (name.find(hash) != std::string::npos) return true;
  }
  return false;
}

// Whether the leaf is known not to name the host that the client asked for.
bool NameDiffers(const CertificateFacts& leaf, std::string_view server_name) {
  const std::string host = ServerNameLabel(server_name);
  if (IsReservedLabel(host)) return false;
  // A certificate without any subjectAltName is still taken by its common name in many places.
  if (leaf.subject_alt_name_count == 0) return !NamesHost(CommonName(leaf.subject), host);
  if (leaf.subject_alt_name_count > leaf.subject_alt_names.size()) return false;
  return std::none_of(leaf.subject_alt_names.begin(), leaf.subject_alt_names.end(),
                      [&host](const std::string& name) { return NamesHost(name, host); });
}

// Appends the character that an escape of RFC 2253 stands for; returns the length of the escape.
size_t AppendUnescaped(std::string_view text, std::string* out) {
  uint8_t byte = 0;
  if (text.size() >= 3) {
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + 3, byte, 16);
    if (error == std::errc() && end == text.data() + 3) {
      out->push_back(static_cast<char>(byte));
      return 3;
    }
  }
  if (text.size() < 2) return text.size();
  out->push_back(text[1]);
  return 2;
}

}  // namespace

absl::InlinedVector<std::string_view, 2> ChainIssues(const CertificateChain& chain, std::string_view server_name,
                                                     FailureReason reason, int64_t unix_seconds) {
  absl::InlinedVector<std::string_view, 2> issues;
  const CertificateFacts* leaf = chain.leaf();
  if (leaf == nullptr) return issues;

  bool expired = false;
  bool not_yet_valid = false;
  bool weak_key = false;
  bool weak_signature = false;
  for (const std::shared_ptr<const CertificateFacts>& facts : chain.certificates) {
    weak_key = weak_key || HasWeakKey(*facts);
    // A root that is sent along is not used: what verifies the chain is the client's own copy.
    if (facts.get() != leaf && facts->self_signed) continue;
    expired = expired || (facts->not_after.has_value() && *facts->not_after < unix_seconds);
    not_yet_valid = not_yet_valid || (facts->not_before.has_value() && *facts->not_before > unix_seconds);
    weak_signature = weak_signature || HasWeakSignature(*facts);
  }
  const bool readable =
      std::all_of(chain.certificates.begin(), chain.certificates.end(), [](const auto& facts) { return facts->readable; });
  if (expired) issues.push_back("expired");
  if (not_yet_valid) issues.push_back("not_yet_valid");
  if (leaf->self_signed) issues.push_back("self_signed");
  if (reason == FailureReason::kUnknownCa) issues.push_back(chain.length == 1 ? "incomplete" : "unknown_ca");
  if (readable && !chain.InOrder()) issues.push_back("wrong_order");
  if (leaf->readable && NameDiffers(*leaf, server_name)) issues.push_back("name_mismatch");
  if (weak_key) issues.push_back("weak_key");
  if (weak_signature) issues.push_back("weak_signature");
  return issues;
}

bool NamesHost(std::string_view pattern, std::string_view host) {
  const std::string name = LowerAscii(pattern);
  if (name == host) return true;
  if (!name.starts_with("*.")) return false;
  const size_t dot = host.find('.');
  return dot != std::string_view::npos && dot != 0 && host.substr(dot) == std::string_view(name).substr(1);
}

std::string CommonName(std::string_view distinguished_name) {
  bool at_start = true;  // of an attribute
  for (size_t i = 0; i < distinguished_name.size(); ++i) {
    if (at_start && distinguished_name.substr(i).starts_with("CN=")) {
      std::string name;
      for (i += 3; i < distinguished_name.size() && distinguished_name[i] != ',' && distinguished_name[i] != '+';) {
        if (distinguished_name[i] == '\\') {
          i += AppendUnescaped(distinguished_name.substr(i), &name);
        } else {
          name.push_back(distinguished_name[i++]);
        }
      }
      return name;
    }
    at_start = distinguished_name[i] == ',' || distinguished_name[i] == '+';
    if (distinguished_name[i] == '\\') ++i;
  }
  return "";
}

}  // namespace tlsmeter::agent
