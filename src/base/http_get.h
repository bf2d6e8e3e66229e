// One HTTP or HTTPS request, bounded in time and size. Any thread but the event thread: it blocks.
#ifndef TLSMETER_SRC_BASE_HTTP_GET_H_
#define TLSMETER_SRC_BASE_HTTP_GET_H_

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tlsmeter::agent {

struct HttpUrl {
  bool tls = false;
  std::string host;  // name or numeric address, IPv6 without brackets
  std::string port;
  std::string path;  // begins with '/', unless it was left out

  // origin returns the URL without its path, "https://[::1]:443".
  std::string origin() const;
};

// ParseHttpUrl reads "http://HOST[:PORT][/PATH]" or "https://...", IPv6 addresses in brackets; what is left out is taken
// from `port` and `path`. InvalidArgument names the text and what is wrong.
absl::StatusOr<HttpUrl> ParseHttpUrl(std::string_view text, std::string_view port, std::string_view path);

// HttpTls is what an HTTPS request is made with. Files are PEM.
struct HttpTls {
  std::string ca_file;      // the authorities to trust; empty: those of the system
  std::string server_name;  // what the server's certificate must be for; empty: the host of the URL
  std::string cert_file;    // the client's certificate and its chain; empty: it shows none
  std::string key_file;
};

struct HttpGetRequest {
  HttpUrl url;
  HttpTls tls;
  std::string authorization;                // value of the header field, "Bearer ..."; empty: none is sent
  std::chrono::milliseconds timeout{5000};  // for everything together
  size_t max_body_bytes = 0;
};

// HttpGet returns the body of an answer with status 200. With HTTPS the server must have a certificate for the host that an
// authority vouches for. Unavailable, DeadlineExceeded or PermissionDenied (401, 403) say what happened; Cancelled when
// `stop` was requested, at most 100 ms later. A host name that is being resolved cannot be given up: that takes as long as
// resolv.conf(5) says.
absl::StatusOr<std::string> HttpGet(const HttpGetRequest& request, const std::stop_token& stop);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_BASE_HTTP_GET_H_
