#include "src/base/json_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

// By byte: is it ASCII that stands for itself?
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain = {};
  for (size_t c = 0x20; c < 0x7f; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

// How many characters at the start are plain: nearly always all of them.
size_t PlainPrefix(std::string_view text) {
  const auto plain = [](char c) { return kPlain[static_cast<uint8_t>(c)]; };
  return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), plain) - text.begin());
}

// Appends text that needs no escaping, and the closing quote with what follows it.
void AppendPlain(std::string_view text, std::string_view behind, std::string* out) {
  out->push_back('"');
  out->append(text);
  out->append(behind);
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  size_t plain = PlainPrefix(text);
  if (plain == text.size()) {
    AppendPlain(text, "\"", out);
    return;
  }
  out->push_back('"');
  for (;; plain = PlainPrefix(text)) {
    out->append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    char32_t code = 0;
    const size_t length = Utf8Character(text, &code);
    if (length == 0) {
      out->append("\xef\xbf\xbd");
      text.remove_prefix(1);
      continue;
    }
    if (code == '"' || code == '\\') {
      out->push_back('\\');
      out->push_back(static_cast<char>(code));
    } else if (code < 0x20 || code == 0x7f) {
      out->append("\\u00");
      out->push_back(kHex[code >> 4]);
      out->push_back(kHex[code & 0xf]);
    } else {
      out->append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  out->push_back('"');
}

JsonWriter::JsonWriter(std::string* out) : out_(out) { out_->push_back('{'); }

void JsonWriter::String(std::string_view path, std::string_view value) {
  Name(path);
  AppendJsonString(value, out_);
}

void JsonWriter::Uint(std::string_view path, uint64_t value) {
  Name(path);
  char digits[20];
  out_->append(digits, std::to_chars(digits, std::end(digits), value).ptr);
}

void JsonWriter::Bool(std::string_view path, bool value) {
  Name(path);
  out_->append(value ? "true" : "false");
}

void JsonWriter::Thousandths(std::string_view path, uint64_t value) {
  Uint(path, value / 1000);
  const auto rest = static_cast<unsigned>(value % 1000);
  if (rest == 0) return;
  const char digits[] = {static_cast<char>('0' + rest / 100), static_cast<char>('0' + rest / 10 % 10),
                         static_cast<char>('0' + rest % 10)};
  out_->push_back('.');
  out_->append(digits, rest % 10 != 0 ? 3 : rest % 100 != 0 ? 2 : 1);
}

void JsonWriter::BeginArray(std::string_view path) {
  Name(path);
  out_->push_back('[');
  comma_ = false;
}

void JsonWriter::Element(std::string_view value) {
  if (comma_) out_->push_back(',');
  AppendJsonString(value, out_);
  comma_ = true;
}

void JsonWriter::EndArray() {
  out_->push_back(']');
  comma_ = true;
}

void JsonWriter::Finish() {
  Enter("");
  out_->push_back('}');
}

void JsonWriter::Enter(std::string_view objects) {
  const auto [ours, theirs] = std::mismatch(objects_.begin(), objects_.end(), objects.begin(), objects.end());
  const size_t shared = objects_.substr(0, static_cast<size_t>(ours - objects_.begin())).rfind('.') + 1;
  for (const char c : objects_.substr(shared)) {
    if (c != '.') continue;
    out_->push_back('}');
    comma_ = true;
  }
  objects_ = objects;
  for (objects.remove_prefix(shared); !objects.empty();) {
    const size_t dot = objects.find('.');
    if (comma_) out_->push_back(',');
    AppendPlain(objects.substr(0, dot), "\":{", out_);
    comma_ = false;
    objects.remove_prefix(dot + 1);
  }
}

void JsonWriter::Name(std::string_view path) {
  const size_t objects = path.rfind('.') + 1;  // 0 where there is no dot
  if (path.substr(0, objects) != objects_) Enter(path.substr(0, objects));
  if (comma_) out_->push_back(',');
  AppendPlain(path.substr(objects), "\":", out_);
  comma_ = true;
}

}  // namespace tlsmeter::agent
