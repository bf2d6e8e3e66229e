// HttpGet asks an agent for one of its pages, in plain HTTP. Blocks; any thread.
#ifndef TLSMETER_SRC_AGENT_HTTP_GET_H_
#define TLSMETER_SRC_AGENT_HTTP_GET_H_

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tlsmeter::agent {

// kHttpGetTimeout is for everything from connecting on; kMaxHttpGetBytes bounds an answer by default: a status is some
// 10 KiB.
inline constexpr std::chrono::seconds kHttpGetTimeout{5};
inline constexpr size_t kMaxHttpGetBytes = 1 << 20;

// HttpGet returns the body of an answer with status 200 to a request for `path`. `url` is "http://HOST[:PORT]", HOST a name
// or a numeric address, IPv6 in brackets; port 9743 where it names none. InvalidArgument of a URL that is none; Unavailable
// or PermissionDenied (401, 403: it sends no credentials) say what happened.
absl::StatusOr<std::string> HttpGet(std::string_view url, std::string_view path, size_t max_bytes = kMaxHttpGetBytes);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_HTTP_GET_H_
