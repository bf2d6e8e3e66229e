// Query: the parameters of a request's target (RFC 3986, section 3.4, in the form of HTML forms). Pure function, any thread.
#ifndef TLSMETER_SRC_EXPORT_QUERY_H_
#define TLSMETER_SRC_EXPORT_QUERY_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tlsmeter::agent {

using QueryParameters = std::vector<std::pair<std::string, std::string>>;

// ParseQuery returns the parameters behind the '?' of `target`, decoded, in their order; a name without '=' has an empty
// value. nullopt where a percent sign is not followed by two hexadecimal digits.
std::optional<QueryParameters> ParseQuery(std::string_view target);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_QUERY_H_
