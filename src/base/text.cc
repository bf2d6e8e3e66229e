#include "src/base/text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdint>

namespace tlsmeter::agent {
namespace {

constexpr char kHex[] = "0123456789abcdef";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Characters that move the cursor, reorder or hide text, or end a line.
bool IsUnsafe(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) ||  // C0, DEL, C1
         c == 0xad || c == 0x61c ||               // soft hyphen; Arabic letter mark
         (c >= 0x200b && c <= 0x200f) ||          // zero width, left-to-right and right-to-left marks
         (c >= 0x2028 && c <= 0x202e) ||          // line and paragraph separators, embeddings and overrides
         (c >= 0x2060 && c <= 0x206f) ||          // invisible operators, isolates, deprecated format controls
         c == 0xfeff ||                           // byte order mark
         (c >= 0xe0000 && c <= 0xe007f);          // tags
}

size_t PrintableAsciiPrefix(std::string_view text) {
  const auto printable = [](char c) { return c >= 0x20 && c < 0x7f; };
  return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), printable) - text.begin());
}

// IsIpLiteral takes text without NUL bytes.
bool IsIpLiteral(std::string_view name) {
  // Every form has a colon or ends in a digit, which hardly a host name does.
  if (name.empty() || (!IsDigit(name.back()) && name.find(':') == std::string_view::npos)) return false;
  const std::string text(name);
  unsigned char address[sizeof(in6_addr)];
  if (inet_pton(AF_INET, text.c_str(), address) == 1 || inet_pton(AF_INET6, text.c_str(), address) == 1) return true;
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return false;
  return inet_pton(AF_INET6, text.substr(1, text.size() - 2).c_str(), address) == 1;
}

// Takes ":443" off the end; only a colon with one to five digits counts.
std::string_view WithoutPort(std::string_view name) {
  const size_t colon = name.rfind(':');
  if (colon == std::string_view::npos) return name;
  const std::string_view port = name.substr(colon + 1);
  if (port.empty() || port.size() > 5) return name;
  for (const char c : port) {
    if (!IsDigit(c)) return name;
  }
  return name.substr(0, colon);
}

bool IsHostName(std::string_view name) {
  if (name.empty() || name.size() > kMaxHostName) return false;
  size_t part = 0;
  for (const char c : name) {
    if (c == '.') {
      if (part == 0) return false;
      part = 0;
      continue;
    }
    if (!IsDigit(c) && !(c >= 'a' && c <= 'z') && c != '-' && c != '_') return false;
    if (++part > kMaxHostNamePart) return false;
  }
  return part != 0;
}

}  // namespace

size_t Utf8Character(std::string_view text, char32_t* code) {
  if (text.empty()) return 0;
  const auto byte = [&text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) {
    *code = first;
    return 1;
  }
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  char32_t value = first & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    value = (value << 6) | (byte(i) & 0x3f);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  if (overlong || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return 0;
  *code = value;
  return length;
}

std::string PrintableUtf8(std::string_view raw, size_t max_bytes) {
  const std::string_view start = raw.substr(0, std::min(PrintableAsciiPrefix(raw), max_bytes));
  std::string out(start);
  raw.remove_prefix(start.size());
  while (!raw.empty()) {
    char32_t code = 0;
    const size_t length = Utf8Character(raw, &code);
    if (length != 0 && !IsUnsafe(code)) {
      if (out.size() + length > max_bytes) break;
      out.append(raw.substr(0, length));
      raw.remove_prefix(length);
      continue;
    }
    const size_t escaped = length == 0 ? 1 : length;
    if (out.size() + 4 * escaped > max_bytes) break;
    for (size_t i = 0; i < escaped; ++i) {
      const auto byte = static_cast<uint8_t>(raw[i]);
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 0xf];
    }
    raw.remove_prefix(escaped);
  }
  return out;
}

std::string HexText(std::span<const uint8_t> bytes) {
  std::string text(2 * bytes.size(), '\0');
  char* to = text.data();
  for (const uint8_t byte : bytes) {
    *to++ = kHex[byte >> 4];
    *to++ = kHex[byte & 0xf];
  }
  return text;
}

std::string LowerAscii(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = Lower(c);
  return out;
}

bool IsReservedLabel(std::string_view value) {
  return value == kLabelOther || value == kLabelNone || value == kLabelUnknown || value == kLabelInvalid ||
         value == kLabelIp;
}

std::string ServerNameLabel(std::string_view raw) {
  if (raw.empty()) return std::string(kLabelNone);
  // The longest that can still become a name: 253 bytes, a dot and a port. Longer input is not looked at.
  if (raw.size() > kMaxHostName + 7 || raw.find('\0') != std::string_view::npos) return std::string(kLabelInvalid);
  if (IsIpLiteral(raw)) return std::string(kLabelIp);
  std::string_view name = WithoutPort(raw);
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  std::string label = LowerAscii(name);
  if (IsIpLiteral(label)) return std::string(kLabelIp);
  if (!IsHostName(label) || IsReservedLabel(label)) return std::string(kLabelInvalid);
  return label;
}

std::string WorkloadLabel(std::string_view raw) {
  if (raw.empty()) return std::string(kLabelUnknown);
  std::string label = PrintableUtf8(raw, kMaxWorkloadLabel);
  return IsReservedLabel(label) ? std::string(kLabelInvalid) : label;
}

}  // namespace tlsmeter::agent
