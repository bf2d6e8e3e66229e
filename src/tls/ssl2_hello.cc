// The ClientHello in SSL 2.0 format, by which clients of the 1990s asked for whatever the server speaks.
#include <algorithm>
#include <utility>

#include "src/tls/hello_extensions.h"
#include "src/tls/ssl2_reader.h"
#include "tlsmeter/byte_reader.h"
#include "tlsmeter/client_hello.h"

namespace tlsmeter {
namespace {

constexpr size_t kMinChallenge = 16;
constexpr size_t kSpecSize = 3;

ParseStatus ReadHello(ByteReader reader, ClientHello* hello) {
  uint8_t type;
  uint16_t specs_length, session_id_length, challenge_length;
  if (!reader.ReadU8(&type)) return ParseStatus::kTruncated;
  if (type != Ssl2Reader::kClientHello) return ParseStatus::kBadValue;
  if (!reader.ReadU16(&hello->legacy_version.value) || !reader.ReadU16(&specs_length) ||
      !reader.ReadU16(&session_id_length) || !reader.ReadU16(&challenge_length)) {
    return ParseStatus::kTruncated;
  }
  std::span<const uint8_t> specs, session_id, challenge;
  if (!reader.ReadBytes(specs_length, &specs) || !reader.ReadBytes(session_id_length, &session_id) ||
      !reader.ReadBytes(challenge_length, &challenge)) {
    return ParseStatus::kTruncated;
  }
  if (!reader.empty()) return ParseStatus::kTrailingData;
  if (specs.empty() || specs.size() % kSpecSize != 0 || session_id.size() > kMaxSessionId ||
      challenge.size() < kMinChallenge || challenge.size() > hello->random.size()) {
    return ParseStatus::kBadLength;
  }
  if (specs.size() / kSpecSize > kMaxListEntries) return ParseStatus::kTooLarge;

  ByteReader list(specs);
  uint32_t spec;
  while (list.ReadU24(&spec)) {
    // Above 16 bits: a suite of SSL 2.0, which has no number in TLS.
    if (spec <= 0xffff) hello->cipher_suites.push_back(CipherSuite{static_cast<uint16_t>(spec)});
  }
  hello->session_id.assign(session_id.begin(), session_id.end());
  std::copy_backward(challenge.begin(), challenge.end(), hello->random.end());
  hello->ssl2_format = true;
  return ParseStatus::kOk;
}

}  // namespace

ParseStatus ParseSsl2ClientHello(std::span<const uint8_t> message, ClientHello* hello) {
  ClientHello result;
  const ParseStatus status = ReadHello(ByteReader(message), &result);
  if (status == ParseStatus::kOk) *hello = std::move(result);
  return status;
}

}  // namespace tlsmeter
