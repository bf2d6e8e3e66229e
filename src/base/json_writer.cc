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

}  // namespace

JsonWriter::JsonWriter(std::string* out) : out_(out) { Put('{'); }

void JsonWriter::String(JsonPath path, std::string_view value) {
  Name(path);
  Quote(value);
}

void JsonWriter::Uint(JsonPath path, uint64_t value) {
  Name(path);
  char digits[20];
  Put(std::string_view(digits, std::to_chars(digits, std::end(digits), value).ptr));
}

void JsonWriter::Bool(JsonPath path, bool value) {
  Name(path);
  Put(value ? "true" : "false");
}

void JsonWriter::Thousandths(JsonPath path, uint64_t value) {
  Uint(path, value / 1000);
  const auto rest = static_cast<unsigned>(value % 1000);
  if (rest == 0) return;
  const char digits[] = {'.', static_cast<char>('0' + rest / 100), static_cast<char>('0' + rest / 10 % 10),
                         static_cast<char>('0' + rest % 10)};
  Put(std::string_view(digits, rest % 10 != 0 ? 4 : rest % 100 != 0 ? 3 : 2));
}

void JsonWriter::BeginArray(JsonPath path) {
  Name(path);
  Put('[');
  comma_ = false;
}

void JsonWriter::Element(std::string_view value) {
  if (comma_) Put(',');
  Quote(value);
  comma_ = true;
}

void JsonWriter::PlainElement(std::string_view value) {
  if (comma_) Put(',');
  PutQuoted(value);
  comma_ = true;
}

void JsonWriter::EndArray() {
  Put(']');
  comma_ = true;
}

void JsonWriter::Finish() {
  Enter("");
  Put('}');
  Flush();
}

void JsonWriter::Enter(std::string_view objects) {
  const auto [ours, theirs] = std::mismatch(objects_.begin(), objects_.end(), objects.begin(), objects.end());
  const size_t shared = objects_.substr(0, static_cast<size_t>(ours - objects_.begin())).rfind('.') + 1;
  for (const char c : objects_.substr(shared)) {
    if (c != '.') continue;
    Put('}');
    comma_ = true;
  }
  objects_ = objects;
  for (objects.remove_prefix(shared); !objects.empty();) {
    const size_t dot = objects.find('.');
    Key(objects.substr(0, dot));
    Put('{');
    comma_ = false;
    objects.remove_prefix(dot + 1);
  }
}

void JsonWriter::Name(JsonPath path) {
  if (path.objects() != objects_) Enter(path.objects());
  Key(path.name());
}

void JsonWriter::Key(std::string_view name) {
  if (comma_) Put(',');
  comma_ = true;
  PutQuoted(name);
  Put(':');
}

void JsonWriter::Quote(std::string_view text) {
  size_t plain = PlainPrefix(text);
  if (plain == text.size()) return PutQuoted(text);
  Put('"');
  for (; plain != text.size(); plain = PlainPrefix(text)) {
    Put(text.substr(0, plain));
    text.remove_prefix(plain);
    text.remove_prefix(Escape(text));
  }
  Put(text);
  Put('"');
}

size_t JsonWriter::Escape(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  char32_t code = 0;
  const size_t length = Utf8Character(text, &code);
  if (length == 0) {
    Put("\xef\xbf\xbd");
    return 1;
  }
  if (code == '"' || code == '\\') {
    Put('\\');
    Put(static_cast<char>(code));
  } else if (code < 0x20 || code == 0x7f) {
    Put("\\u00");
    Put(kHex[code >> 4]);
    Put(kHex[code & 0xf]);
  } else {
    Put(text.substr(0, length));
  }
  return length;
}

void JsonWriter::PutBeyond(std::string_view text) {
  Flush();
  if (text.size() <= piece_.size()) return Put(text);
  out_->append(text);
}

void JsonWriter::PutQuoted(std::string_view text) {
  Put('"');
  Put(text);
  Put('"');
}

void JsonWriter::Flush() {
  out_->append(piece_.data(), size_);
  size_ = 0;
}

}  // namespace tlsmeter::agent
