#include "tlsmeter/ja3.h"

#include <charconv>
#include <cstdint>
#include <iterator>
#include <vector>

#include "src/tls/digest.h"

namespace tlsmeter {
namespace {

constexpr size_t kUsualLength = 512;  // the text of nearly any hello, so that it need not grow

uint16_t Number(uint8_t format) { return format; }
uint16_t Number(const Extension& extension) { return extension.type.value; }
template <typename T>
uint16_t Number(const T& number) {
  return number.value;
}

// Appends the number and one character behind it.
void AppendDecimal(uint16_t number, char behind, std::string* text) {
  char digits[6];
  char* end = std::to_chars(digits, std::end(digits), number).ptr;
  *end++ = behind;
  text->append(digits, end);
}

// Appends the list, with a comma behind it.
template <typename T>
void AppendField(const std::vector<T>& list, std::string* text) {
  const size_t begin = text->size();
  for (const T& element : list) {
    const uint16_t number = Number(element);
    if (!IsGrease(number)) AppendDecimal(number, '-', text);
  }
  if (text->size() == begin) {
    *text += ',';
  } else {
    text->back() = ',';
  }
}

}  // namespace

std::string Ja3Text(const ClientHello& hello) {
  std::string text;
  text.reserve(kUsualLength);
  AppendDecimal(hello.legacy_version.value, ',', &text);
  AppendField(hello.cipher_suites, &text);
  AppendField(hello.extensions, &text);
  AppendField(hello.supported_groups, &text);
  AppendField(hello.ec_point_formats, &text);
  text.pop_back();
  return text;
}

std::string Ja3(const ClientHello& hello) { return Md5Hex(Ja3Text(hello)); }

}  // namespace tlsmeter
