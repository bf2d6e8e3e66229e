#include "src/base/cells.h"

#include <clocale>
#include <cwchar>

#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

// wcwidth(3) goes by the locale of the thread, and the program's own is "C", which knows ASCII alone.
class Utf8Locale {
 public:
  Utf8Locale() : before_(Locale() == nullptr ? nullptr : uselocale(Locale())) {}
  ~Utf8Locale() {
    if (before_ != nullptr) uselocale(before_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  static locale_t Locale() {
    static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return utf8;
  }

  locale_t before_;
};

// The next character of `text`, which is taken off it; returns its width.
size_t NextWidth(std::string_view* text) {
  char32_t code = 0;
  const size_t length = Utf8Character(*text, &code);
  text->remove_prefix(length == 0 ? 1 : length);
  const int width = length == 0 ? 1 : wcwidth(static_cast<wchar_t>(code));
  return width < 0 ? 1 : static_cast<size_t>(width);
}

}  // namespace

size_t CellWidth(std::string_view text) {
  const Utf8Locale locale;
  size_t width = 0;
  while (!text.empty()) width += NextWidth(&text);
  return width;
}

std::string FitCells(std::string_view text, size_t cells) {
  if (CellWidth(text) <= cells) return std::string(text);
  if (cells == 0) return "";
  const Utf8Locale locale;
  std::string_view rest = text;
  size_t width = 0;
  size_t fits = 0;  // bytes of `text`
  while (true) {
    width += NextWidth(&rest);
    if (width > cells - 1) break;
    fits = text.size() - rest.size();
  }
  return std::string(text.substr(0, fits)) + kCutMark;
}

}  // namespace tlsmeter::agent
