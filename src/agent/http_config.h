// HttpConfig: with what a running agent is asked over HTTP, in the file format of promtool and of Prometheus's own scraping
// ("http_config"; of it what a request to one agent can need). Any thread.
//
//   tls_config: {ca_file: ca.pem, cert_file: me.pem, key_file: me.key, server_name: node1}
//   basic_auth: {username: reader, password_file: password}
//
// or, in place of basic_auth, authorization: {credentials_file: token}.
#ifndef TLSMETER_SRC_AGENT_HTTP_CONFIG_H_
#define TLSMETER_SRC_AGENT_HTTP_CONFIG_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "src/base/http_get.h"

namespace tlsmeter::agent {

// kMaxHttpConfigBytes bounds the file.
inline constexpr size_t kMaxHttpConfigBytes = 64 * 1024;

struct HttpConfig {
  HttpTls tls;
  std::string authorization;  // value of the header field; a secret
};

// ParseHttpConfig reads `text`, the contents of `file`, and the secrets that it names; a path that is relative is relative
// to the file. An error names file, line, column and what would be right, and repeats no secret.
absl::StatusOr<HttpConfig> ParseHttpConfig(const std::string& text, std::string_view file);

// LoadHttpConfig reads a file. NotFound where it cannot be read.
absl::StatusOr<HttpConfig> LoadHttpConfig(const std::string& file);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_HTTP_CONFIG_H_
