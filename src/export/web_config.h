// WebConfig: who may read over HTTP and how, in the file format of the Prometheus exporters (exporter-toolkit, "web
// configuration"). Pure function, any thread.
//
// A key that is not known, a key given twice and a value that cannot be used are errors: nothing that an operator wrote to
// protect the page is passed over in silence.
#ifndef TLSMETER_SRC_EXPORT_WEB_CONFIG_H_
#define TLSMETER_SRC_EXPORT_WEB_CONFIG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace tlsmeter::agent {

// ClientAuth says which certificate is asked of a client. The names in the file are Go's: NoClientCert, RequestClientCert,
// RequireAnyClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert.
enum class ClientAuth : uint8_t { kNone, kRequest, kRequireAny, kVerifyIfGiven, kRequireAndVerify };

struct TlsServerConfig {
  // PEM files; a path in the file that is relative is relative to the file.
  std::string cert_file;  // the server's certificate and its chain
  std::string key_file;
  std::string client_ca_file;  // empty: none
  ClientAuth client_auth = ClientAuth::kNone;
  uint16_t min_version = 0x0303;  // as on the wire
  uint16_t max_version = 0x0304;
};

// WebUsers maps user names to bcrypt hashes of their passwords ("$2y$10$...").
using WebUsers = std::map<std::string, std::string, std::less<>>;

// kMaxWebUsers bounds the users of a file; scrapers share one.
inline constexpr size_t kMaxWebUsers = 100;

// kMaxBcryptCost bounds the cost of a hash: a check takes about a second, the scrape timeout being ten.
inline constexpr int kMaxBcryptCost = 14;

struct WebConfig {
  std::optional<TlsServerConfig> tls;                        // absent: plain HTTP
  WebUsers users;                                            // empty: no authentication
  std::vector<std::pair<std::string, std::string>> headers;  // to be added to every answer
};

// ParseWebConfig reads `text`, the contents of `file`. An error names file, line, column and what would be right.
absl::StatusOr<WebConfig> ParseWebConfig(const std::string& text, std::string_view file);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_WEB_CONFIG_H_
