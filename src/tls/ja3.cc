#include "tlsmeter/ja3.h"

#include <cstdint>
#include <vector>

#include "src/tls/digest.h"

namespace tlsmeter {
namespace {

uint16_t Number(uint8_t format) { return format; }
uint16_t Number(const Extension& extension) { return extension.type.value; }
template <typename T>
uint16_t Number(const T& number) {
  return number.value;
}

template <typename T>
void AppendField(const std::vector<T>& list, std::string* text) {
  *text += ',';
  bool first = true;
  for (const T& element : list) {
    const uint16_t number = Number(element);
    if (IsGrease(number)) continue;
    if (!first) *text += '-';
    first = false;
    *text += std::to_string(number);
  }
}

}  // namespace

std::string Ja3Text(const ClientHello& hello) {
  std::string text = std::to_string(hello.legacy_version.value);
  AppendField(hello.cipher_suites, &text);
  AppendField(hello.extensions, &text);
  AppendField(hello.supported_groups, &text);
  AppendField(hello.ec_point_formats, &text);
  return text;
}

std::string Ja3(const ClientHello& hello) { return Md5Hex(Ja3Text(hello)); }

}  // namespace tlsmeter
