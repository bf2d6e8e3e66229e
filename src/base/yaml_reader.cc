#include "src/base/yaml_reader.h"

#include <utility>

namespace tlsmeter::agent::yaml {
namespace {

struct Mistake {
  YAML::Mark mark;
  std::string what;
};

std::string Place(const YAML::Mark& mark) { return absl::StrFormat("%d:%d", mark.line + 1, mark.column + 1); }

absl::Status ErrorAt(std::string_view file, const YAML::Mark& mark, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrFormat("%s:%s: %s", file, Place(mark), what));
}

}  // namespace

absl::Status Read(const std::string& text, std::string_view file, absl::FunctionRef<void(const YAML::Node&)> read) {
  try {
    read(YAML::Load(text));
    return absl::OkStatus();
  } catch (const Mistake& mistake) {
    return ErrorAt(file, mistake.mark, mistake.what);
  } catch (const YAML::Exception& error) {
    return ErrorAt(file, error.mark, error.msg);
  }
}

void Fail(const YAML::Node& at, std::string what) { throw Mistake{at.Mark(), std::move(what)}; }

void FailUnknown(const YAML::Node& at, const std::string& key, std::string_view known) {
  Fail(at, absl::StrFormat("unknown key \"%s\"; known here: %s", PrintableUtf8(key, kMaxRepeated), known));
}

std::string PlaceOf(const YAML::Node& node) { return Place(node.Mark()); }

std::string Scalar(const YAML::Node& node, std::string_view name) {
  if (!node.IsScalar()) Fail(node, absl::StrFormat("%s must be a single value", name));
  return node.Scalar();
}

std::string PathIn(const std::filesystem::path& folder, const YAML::Node& node, std::string_view name) {
  const std::string text = Scalar(node, name);
  if (text.empty()) Fail(node, absl::StrFormat("%s must name a file", name));
  return (folder / text).string();
}

}  // namespace tlsmeter::agent::yaml
