// Reading the YAML files that people write: every mistake is an error with its place. Pure functions, any thread.
//
// yaml-cpp reports by exception. The functions here do the same, so that there is one way out of a reader, and Read catches
// both: none leaves it.
#ifndef TLSMETER_SRC_BASE_YAML_READER_H_
#define TLSMETER_SRC_BASE_YAML_READER_H_

#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "src/base/text.h"

namespace tlsmeter::agent::yaml {

// kMaxRepeated bounds what a message repeats of the file. Secrets are never to be repeated.
inline constexpr size_t kMaxRepeated = 80;

// Read parses `text`, the contents of `file`, and calls `read` with its root. InvalidArgument is "FILE:LINE:COLUMN: what is
// wrong", whoever found it.
absl::Status Read(const std::string& text, std::string_view file, absl::FunctionRef<void(const YAML::Node& root)> read);

// Within `read`: Fail ends it with a mistake at a node; FailUnknown with a key that is none of `known`.
[[noreturn]] void Fail(const YAML::Node& at, std::string what);
[[noreturn]] void FailUnknown(const YAML::Node& at, const std::string& key, std::string_view known);

// PlaceOf returns where a node stands, "LINE:COLUMN", counted from 1.
std::string PlaceOf(const YAML::Node& node);

// Scalar returns the text of a single value; anything else is a mistake. `name` is what messages call it.
std::string Scalar(const YAML::Node& node, std::string_view name);

// PathIn returns the path that a single value names; one that is relative is relative to `folder`. None is a mistake.
std::string PathIn(const std::filesystem::path& folder, const YAML::Node& node, std::string_view name);

// ForEachMember calls take(key node, key, value) for each member of a mapping, in its order. No member at all
// ("basic_auth_users:" alone) reads as an empty one; a key given twice is a mistake.
template <typename Take>
void ForEachMember(const YAML::Node& node, std::string_view name, Take take) {
  if (node.IsNull()) return;
  if (!node.IsMap()) Fail(node, absl::StrFormat("%s must be a mapping, KEY: VALUE", name));
  std::set<std::string> seen;
  for (const auto& member : node) {
    const std::string key = Scalar(member.first, "a key");
    if (!seen.insert(key).second) {
      Fail(member.first, absl::StrFormat("\"%s\" is given twice", PrintableUtf8(key, kMaxRepeated)));
    }
    take(member.first, key, member.second);
  }
}

}  // namespace tlsmeter::agent::yaml

#endif  // TLSMETER_SRC_BASE_YAML_READER_H_
