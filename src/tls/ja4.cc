#include "tlsmeter/ja4.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "src/tls/digest.h"

namespace tlsmeter {
namespace {

constexpr size_t kLength = 36;
constexpr size_t kDigestDigits = 12;

// Of nearly any hello, so that nothing need grow: of one list, and of a text that is hashed.
constexpr size_t kUsualCount = 64;
constexpr size_t kUsualLength = 256;

// The highest version by number, as the definition has it; a draft's number is above that of TLS 1.3.
std::string_view VersionText(const ClientHello& hello) {
  uint16_t highest = 0;
  for (const ProtocolVersion version : hello.supported_versions) {
    if (!version.IsGrease()) highest = std::max(highest, version.value);
  }
  switch (hello.supported_versions.empty() ? hello.legacy_version.value : highest) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    case 0x0002:
      return "s2";
    case 0xfeff:  // DTLS 1.0, 1.2 and 1.3
      return "d1";
    case 0xfefd:
      return "d2";
    case 0xfefc:
      return "d3";
    default:
      return "00";
  }
}

std::string CountText(size_t count) {
  count = std::min<size_t>(count, 99);
  return (count < 10 ? "0" : "") + std::to_string(count);
}

bool IsLetterOrDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string AlpnText(const ClientHello& hello) {
  // The parser refuses empty names; a hello that was put together by hand may have one.
  if (hello.alpn.empty() || hello.alpn.front().empty()) return "00";
  const std::string& id = hello.alpn.front();
  if (IsLetterOrDigit(id.front()) && IsLetterOrDigit(id.back())) return {id.front(), id.back()};
  const std::string hex = LowerHex(AsBytes(id));
  return {hex.front(), hex.back()};
}

// Appends the numbers in hex, with a comma between two.
void AppendJoined(std::span<const uint16_t> numbers, std::string* text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const uint16_t number : numbers) {
    const char digits[] = {kDigits[number >> 12], kDigits[(number >> 8) & 0xf], kDigits[(number >> 4) & 0xf],
                           kDigits[number & 0xf], ','};
    text->append(digits, sizeof(digits));
  }
  if (!numbers.empty()) text->pop_back();
}

// The first digits of the text's digest.
std::string Part(std::string_view text) {
  return text.empty() ? std::string(kDigestDigits, '0') : Sha256Hex(text).substr(0, kDigestDigits);
}

}  // namespace

std::string Ja4(const ClientHello& hello, Ja4Transport transport) {
  std::vector<uint16_t> numbers;  // of one list at a time
  numbers.reserve(kUsualCount);
  std::string hashed;
  hashed.reserve(kUsualLength);

  for (const CipherSuite cipher : hello.cipher_suites) {
    if (!cipher.IsGrease()) numbers.push_back(cipher.value);
  }
  std::sort(numbers.begin(), numbers.end());
  AppendJoined(numbers, &hashed);
  const size_t cipher_count = numbers.size();
  const std::string ciphers = Part(hashed);

  numbers.clear();
  size_t extension_count = 0;
  for (const Extension& extension : hello.extensions) {
    if (extension.type.IsGrease()) continue;
    ++extension_count;
    if (extension.type == ExtensionType::kServerName || extension.type == ExtensionType::kAlpn) continue;
    numbers.push_back(extension.type.value);
  }
  std::sort(numbers.begin(), numbers.end());
  hashed.clear();
  AppendJoined(numbers, &hashed);

  numbers.clear();
  for (const SignatureScheme algorithm : hello.signature_algorithms) {
    if (!IsGrease(algorithm.value)) numbers.push_back(algorithm.value);
  }
  if (!numbers.empty()) hashed += '_';
  AppendJoined(numbers, &hashed);

  std::string text;
  text.reserve(kLength);
  text += static_cast<char>(transport);
  text += VersionText(hello);
  text += hello.HasExtension(ExtensionType::kServerName) ? 'd' : 'i';
  text += CountText(cipher_count);
  text += CountText(extension_count);
  text += AlpnText(hello);
  text += '_';
  text += ciphers;
  text += '_';
  text += Part(hashed);
  return text;
}

}  // namespace tlsmeter
