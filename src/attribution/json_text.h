// Looking into JSON that others wrote, where anything may be missing or of another type.
#ifndef TLSMETER_SRC_ATTRIBUTION_JSON_TEXT_H_
#define TLSMETER_SRC_ATTRIBUTION_JSON_TEXT_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace tlsmeter::agent {

// JsonMember returns the member of `object` with that name; null when there is none or `object` is no object.
inline const nlohmann::json* JsonMember(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// JsonText returns the text of that member, "" when it is no text. Valid as long as `object`.
inline std::string_view JsonText(const nlohmann::json& object, const char* name) {
  const nlohmann::json* const member = JsonMember(object, name);
  return member != nullptr && member->is_string() ? std::string_view(member->get_ref<const std::string&>())
                                                  : std::string_view();
}

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_ATTRIBUTION_JSON_TEXT_H_
