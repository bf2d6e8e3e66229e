#include "src/tls/digest.h"

#include <openssl/evp.h>

#include "src/tls/asn1.h"

namespace tlsmeter {
namespace {

// Digest writes the digest to `out`, which must have room for it.
bool Digest(std::span<const uint8_t> bytes, const EVP_MD* algorithm, uint8_t* out) {
  const ErrorMark mark;
  return EVP_Digest(bytes.data(), bytes.size(), out, nullptr, algorithm, nullptr) == 1;
}

}  // namespace

std::array<uint8_t, 32> Sha256(std::span<const uint8_t> bytes) {
  std::array<uint8_t, 32> digest = {};
  if (!Digest(bytes, EVP_sha256(), digest.data())) digest.fill(0);
  return digest;
}

std::string Md5Hex(std::string_view text) {
  std::array<uint8_t, 16> digest;
  return Digest(AsBytes(text), EVP_md5(), digest.data()) ? LowerHex(digest) : std::string();
}

std::string LowerHex(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xf];
  }
  return text;
}

}  // namespace tlsmeter
