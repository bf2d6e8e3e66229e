// ServerTls: OpenSSL made ready for the HTTP server, from the files that a TlsServerConfig names.
#ifndef TLSMETER_SRC_EXPORT_SERVER_TLS_H_
#define TLSMETER_SRC_EXPORT_SERVER_TLS_H_

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "absl/status/statusor.h"
#include "src/export/web_config.h"

namespace tlsmeter::agent {

// LoadServerTls reads certificate, key and client CA. An error names the file and what OpenSSL says of it. A key with a
// passphrase is one: nobody is there to type it. The context may be shared by connections of one thread.
absl::StatusOr<std::shared_ptr<boost::asio::ssl::context>> LoadServerTls(const TlsServerConfig& config);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_SERVER_TLS_H_
