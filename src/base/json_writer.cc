#include "src/base/json_writer.h"

#include <algorithm>
#include <cassert>
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

// Appends text that needs no escaping. Grows the string once, since most strings of a record are short.
void AppendPlain(std::string_view text, std::string_view behind, std::string* out) {
  const size_t at = out->size();
  out->resize(at + 1 + text.size() + behind.size());
  char* to = out->data() + at;
  *to++ = '"';
  to = std::copy(text.begin(), text.end(), to);
  std::copy(behind.begin(), behind.end(), to);
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
  Close(0);
  out_->push_back('}');
}

void JsonWriter::Close(size_t depth) {
  for (; depth_ > depth; --depth_) {
    out_->push_back('}');
    comma_ = true;
  }
}

void JsonWriter::Name(std::string_view path) {
  size_t level = 0;
  for (size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
    const std::string_view part = path.substr(0, dot);
    path.remove_prefix(dot + 1);
    if (level == depth_ || open_[level] != part) {
      Close(level);
      assert(depth_ < kMaxDepth);
      if (comma_) out_->push_back(',');
      AppendPlain(part, "\":{", out_);
      open_[depth_++] = part;
      comma_ = false;
    }
    ++level;
  }
  Close(level);
  if (comma_) out_->push_back(',');
  AppendPlain(path, "\":", out_);
  comma_ = true;
}

}  // namespace tlsmeter::agent
