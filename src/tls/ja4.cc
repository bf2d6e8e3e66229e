#include "tlsmeter/ja4.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "src/tls/digest.h"

namespace tlsmeter {
namespace {

constexpr size_t kDigestDigits = 12;
constexpr size_t kUsualLength = 256;  // a text that is hashed, of nearly any hello, so that it need not grow

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
  if (hello.alpn.empty()) return "00";
  const std::string& id = hello.alpn.front();  // never empty: the parser refuses such
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

std::string Part(std::string_view text) {
  if (text.empty()) return std::string(kDigestDigits, '0');
  const std::array<uint8_t, 32> digest = Sha256(AsBytes(text));
  return LowerHex(std::span(digest).first(kDigestDigits / 2));
}

}  // namespace

std::string Ja4(const ClientHello& hello, Ja4Transport transport) {
  std::vector<uint16_t> ciphers, extensions, algorithms;
  ciphers.reserve(hello.cipher_suites.size());
  extensions.reserve(hello.extensions.size());
  algorithms.reserve(hello.signature_algorithms.size());
  for (const CipherSuite cipher : hello.cipher_suites) {
    if (!cipher.IsGrease()) ciphers.push_back(cipher.value);
  }
  size_t extension_count = 0;
  for (const Extension& extension : hello.extensions) {
    if (extension.type.IsGrease()) continue;
    ++extension_count;
    if (extension.type == ExtensionType::kServerName || extension.type == ExtensionType::kAlpn) continue;
    extensions.push_back(extension.type.value);
  }
  for (const SignatureScheme algorithm : hello.signature_algorithms) {
    if (!IsGrease(algorithm.value)) algorithms.push_back(algorithm.value);
  }
  std::sort(ciphers.begin(), ciphers.end());
  std::sort(extensions.begin(), extensions.end());

  std::string text(1, static_cast<char>(transport));
  text += VersionText(hello);
  text += hello.HasExtension(ExtensionType::kServerName) ? 'd' : 'i';
  text += CountText(ciphers.size()) + CountText(extension_count) + AlpnText(hello);
  std::string hashed;
  hashed.reserve(kUsualLength);
  AppendJoined(ciphers, &hashed);
  text += '_' + Part(hashed);
  hashed.clear();
  AppendJoined(extensions, &hashed);
  if (!algorithms.empty()) hashed += '_';
  AppendJoined(algorithms, &hashed);
  text += '_' + Part(hashed);
  return text;
}

}  // namespace tlsmeter
