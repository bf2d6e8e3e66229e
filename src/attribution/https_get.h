// One HTTPS request, bounded in time and size. Any thread but the event thread: it blocks.
#ifndef TLSMETER_SRC_ATTRIBUTION_HTTPS_GET_H_
#define TLSMETER_SRC_ATTRIBUTION_HTTPS_GET_H_

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tlsmeter::agent {

struct HttpsUrl {
  std::string host;  // name or numeric address, IPv6 without brackets
  std::string port;
  std::string path;  // begins with '/'
};

// ParseHttpsUrl reads "https://HOST[:PORT][/PATH]", IPv6 addresses in brackets; what is left out is taken from `port` and
// `path`. InvalidArgument names the text and what is wrong.
absl::StatusOr<HttpsUrl> ParseHttpsUrl(std::string_view text, std::string_view port, std::string_view path);

struct HttpsRequest {
  HttpsUrl url;
  std::string bearer_token;                 // empty: none is sent
  std::string ca_file;                      // PEM file of the authorities to trust; empty: those of the system
  std::chrono::milliseconds timeout{5000};  // for everything together
  size_t max_body_bytes = 0;
};

// HttpsGet returns the body of an answer with status 200. The server must have a certificate for the host that an authority
// vouches for. Unavailable, DeadlineExceeded or PermissionDenied (401, 403) say what happened; Cancelled when `stop` was
// requested, at most 100 ms later. A host name that
// is being resolved cannot be given up: that takes as long as resolv.conf(5) says.
absl::StatusOr<std::string> HttpsGet(const HttpsRequest& request, const std::stop_token& stop);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_ATTRIBUTION_HTTPS_GET_H_
