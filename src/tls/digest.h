// Digests by OpenSSL's libcrypto, and digits. Any thread.
#ifndef TLSMETER_SRC_TLS_DIGEST_H_
#define TLSMETER_SRC_TLS_DIGEST_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tlsmeter {

// Sha256 returns the digest of `bytes`; all zero where libcrypto refuses, which it does only when memory is out.
std::array<uint8_t, 32> Sha256(std::span<const uint8_t> bytes);

// Md5Hex and Sha256Hex return the digest of `text` in lower-case hex, valid until the thread's next call; empty where
// libcrypto refuses, as it does MD5 in FIPS mode. Each thread remembers some 130 KiB of the latest texts: fingerprints are
// made of few, for clients are of few kinds.
const std::string& Md5Hex(std::string_view text);
const std::string& Sha256Hex(std::string_view text);

// LowerHex returns, and AppendLowerHex appends, two lower-case hex digits for each byte.
void AppendLowerHex(std::span<const uint8_t> bytes, std::string* text);
std::string LowerHex(std::span<const uint8_t> bytes);

// AsBytes returns a view of the bytes of `text`.
inline std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace tlsmeter

#endif  // TLSMETER_SRC_TLS_DIGEST_H_
