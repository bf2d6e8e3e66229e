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

// Md5Hex returns the digest of `text` in lower-case hex; empty where libcrypto refuses MD5 (FIPS mode).
std::string Md5Hex(std::string_view text);

// LowerHex returns, and AppendLowerHex appends, two lower-case hex digits for each byte.
void AppendLowerHex(std::span<const uint8_t> bytes, std::string* text);
std::string LowerHex(std::span<const uint8_t> bytes);

// AsBytes returns a view of the bytes of `text`.
inline std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace tlsmeter

#endif  // TLSMETER_SRC_TLS_DIGEST_H_
