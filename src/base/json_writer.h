// JsonWriter: one JSON object, written front to back into a string, no tree in between.
//
// A member is named by its dotted path ("tls.client.server_name"): the writer opens and closes the nested objects, so
// members of one object must be written next to each other. Whatever the strings hold, the output is valid JSON in UTF-8 on
// one line: what is not well-formed UTF-8 becomes U+FFFD. One thread at a time.
#ifndef TLSMETER_SRC_BASE_JSON_WRITER_H_
#define TLSMETER_SRC_BASE_JSON_WRITER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tlsmeter::agent {

// JsonPath names a member: parts separated by dots, nothing in it that needs escaping. A view, to stay valid until Finish;
// literals are taken apart by the compiler.
class JsonPath {
 public:
  consteval JsonPath(const char* literal) : JsonPath(std::string_view(literal)) {}  // NOLINT: stands for it
  constexpr explicit JsonPath(std::string_view path)
      : objects_(path.substr(0, path.rfind('.') + 1)), name_(path.substr(objects_.size())) {}

  constexpr std::string_view objects() const { return objects_; }  // "tls.client.", empty for a member of the outermost
  constexpr std::string_view name() const { return name_; }

 private:
  std::string_view objects_, name_;
};

class JsonWriter {
 public:
  // JsonWriter appends to *out, which must outlive it and is complete after Finish, and opens the outermost object.
  explicit JsonWriter(std::string* out);
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  // Members.
  void String(JsonPath path, std::string_view value);
  void Uint(JsonPath path, uint64_t value);
  void Bool(JsonPath path, bool value);

  // Thousandths writes `value` / 1000 as a decimal number without trailing zeros: 210 as 0.21, 3000 as 3.
  void Thousandths(JsonPath path, uint64_t value);

  // BeginArray opens an array member; only elements and EndArray may follow.
  void BeginArray(JsonPath path);
  void Element(std::string_view value);
  void PlainElement(std::string_view value);  // of the program's own, nothing in it that needs escaping
  void EndArray();

  // Finish closes all objects. Nothing may be written after it.
  void Finish();

 private:
  void Name(JsonPath path);

  // Enter closes and opens objects until those of `objects` are open.
  void Enter(std::string_view objects);
  void Key(std::string_view name);

  // Quote writes `text` as a string. Escape writes the character at its start, which is not plain ASCII; returns its length.
  void Quote(std::string_view text);
  size_t Escape(std::string_view text);

  void Put(char c) {
    if (size_ == piece_.size()) Flush();
    piece_[size_++] = c;
  }
  void Put(std::string_view text) {
    if (text.size() > piece_.size() - size_) return PutBeyond(text);
    text.copy(piece_.data() + size_, text.size());
    size_ += text.size();
  }
  void PutBeyond(std::string_view text);  // of what does not fit any more
  void PutQuoted(std::string_view text);
  void Flush();

  std::string* out_;
  std::string_view objects_;  // that are open, as in a path: "tls.client."
  bool comma_ = false;

  // A line is a hundred short strings: they are gathered here, and cost *out one append.
  std::array<char, 4096> piece_;
  size_t size_ = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_BASE_JSON_WRITER_H_
