#include "src/tls/digest.h"

#include <openssl/evp.h>

#include <functional>
#include <memory>
#include <vector>

#include "src/tls/asn1.h"

namespace tlsmeter {
namespace {

// Hasher computes digests of one algorithm. It keeps what libcrypto's one-shot calls look up under locks, make and free for
// each digest. One thread.
class Hasher {
 public:
  explicit Hasher(const char* algorithm) {
    const ErrorMark mark;
    algorithm_.reset(EVP_MD_fetch(nullptr, algorithm, nullptr));
    context_.reset(EVP_MD_CTX_new());
  }

  // Digest writes the digest to `out`, which must have room for it. Returns false where libcrypto refuses.
  bool Digest(std::span<const uint8_t> bytes, uint8_t* out) {
    const ErrorMark mark;
    return algorithm_ != nullptr && context_ != nullptr &&
           EVP_DigestInit_ex2(context_.get(), algorithm_.get(), nullptr) == 1 &&
           EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1 &&
           EVP_DigestFinal_ex(context_.get(), out, nullptr) == 1;
  }

 private:
  std::unique_ptr<EVP_MD, OpensslDeleter<EVP_MD_free>> algorithm_;  // null where there is none
  std::unique_ptr<EVP_MD_CTX, OpensslDeleter<EVP_MD_CTX_free>> context_;
};

// TextHasher makes hex digests of texts and keeps the latest. One thread.
class TextHasher {
 public:
  TextHasher(const char* algorithm, size_t digest_size) : hasher_(algorithm), digest_(digest_size) {}

  // Hex returns the digest of `text` in lower-case hex, valid until the next call; empty where libcrypto refuses.
  const std::string& Hex(std::string_view text) {
    Known& known = known_[text.size() <= kMaxText ? std::hash<std::string_view>()(text) % kMaxTexts : kMaxTexts];
    if (known.hex.empty() || known.text != text) {
      known.hex.clear();
      known.text = text.size() <= kMaxText ? text : std::string_view();
      if (hasher_.Digest(AsBytes(text), digest_.data())) AppendLowerHex(digest_, &known.hex);
    }
    return known.hex;
  }

 private:
  // The texts of the clients of a busy server; nearly all are below the length.
  static constexpr size_t kMaxTexts = 64;
  static constexpr size_t kMaxText = 1024;

  struct Known {
    std::string text, hex;
  };

  Hasher hasher_;
  std::vector<uint8_t> digest_;
  std::array<Known, kMaxTexts + 1> known_;  // by hash; the last is for texts that are too long to be kept
};

}  // namespace

std::array<uint8_t, 32> Sha256(std::span<const uint8_t> bytes) {
  thread_local Hasher hasher("SHA256");
  std::array<uint8_t, 32> digest = {};
  if (!hasher.Digest(bytes, digest.data())) digest.fill(0);
  return digest;
}

const std::string& Md5Hex(std::string_view text) {
  thread_local TextHasher hasher("MD5", 16);
  return hasher.Hex(text);
}

const std::string& Sha256Hex(std::string_view text) {
  thread_local TextHasher hasher("SHA256", 32);
  return hasher.Hex(text);
}

void AppendLowerHex(std::span<const uint8_t> bytes, std::string* text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const size_t at = text->size();
  text->resize(at + 2 * bytes.size());
  char* to = text->data() + at;
  for (const uint8_t byte : bytes) {
    *to++ = kDigits[byte >> 4];
    *to++ = kDigits[byte & 0xf];
  }
}

std::string LowerHex(std::span<const uint8_t> bytes) {
  std::string text;
  AppendLowerHex(bytes, &text);
  return text;
}

}  // namespace tlsmeter
