#include "src/tls/digest.h"

#include <openssl/evp.h>

#include "src/tls/asn1.h"

namespace tlsmeter {
namespace {

// Fetch returns the implementation of an algorithm, nullptr where there is none. EVP_sha256() and its like would have it
// looked up under locks at each use. Kept for the life of the process.
const EVP_MD* Fetch(const char* name) {
  const ErrorMark mark;
  return EVP_MD_fetch(nullptr, name, nullptr);
}

// Digest writes the digest to `out`, which must have room for it.
bool Digest(std::span<const uint8_t> bytes, const EVP_MD* algorithm, uint8_t* out) {
  const ErrorMark mark;
  return algorithm != nullptr && EVP_Digest(bytes.data(), bytes.size(), out, nullptr, algorithm, nullptr) == 1;
}

}  // namespace

std::array<uint8_t, 32> Sha256(std::span<const uint8_t> bytes) {
  static const EVP_MD* const algorithm = Fetch("SHA256");
  std::array<uint8_t, 32> digest = {};
  if (!Digest(bytes, algorithm, digest.data())) digest.fill(0);
  return digest;
}

std::string Md5Hex(std::string_view text) {
  static const EVP_MD* const algorithm = Fetch("MD5");
  std::array<uint8_t, 16> digest;
  return Digest(AsBytes(text), algorithm, digest.data()) ? LowerHex(digest) : std::string();
}

void AppendLowerHex(std::span<const uint8_t> bytes, std::string* text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  size_t at = text->size();
  text->resize(at + 2 * bytes.size());
  for (const uint8_t byte : bytes) {
    (*text)[at++] = kDigits[byte >> 4];
    (*text)[at++] = kDigits[byte & 0xf];
  }
}

std::string LowerHex(std::span<const uint8_t> bytes) {
  std::string text;
  AppendLowerHex(bytes, &text);
  return text;
}

}  // namespace tlsmeter
