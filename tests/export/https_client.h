// HttpsClient: one HTTPS request at a time on one connection, for tests of the server.
#ifndef TLSMETER_TESTS_EXPORT_HTTPS_CLIENT_H_
#define TLSMETER_TESTS_EXPORT_HTTPS_CLIENT_H_

#include <openssl/ssl.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace tlsmeter::agent {

class HttpsClient {
 public:
  // HttpsClient connects to 127.0.0.1:port and shakes hands, with the certificate and key of the PEM files
  // `certificate`.crt and .key where it is not empty; `max_version` as on the wire, 0 for the highest.
  explicit HttpsClient(uint16_t port, const std::string& certificate = "", int max_version = 0);
  ~HttpsClient();
  HttpsClient(const HttpsClient&) = delete;
  HttpsClient& operator=(const HttpsClient&) = delete;

  bool connected() const { return connected_; }

  // peer returns the common name in the server's certificate.
  std::string peer() const;

  // Ask sends a request as it stands and returns one answer by its Content-Length; cut short when the server closes.
  std::string Ask(std::string_view request);

 private:
  SSL_CTX* context_;
  BIO* bio_;
  bool connected_ = false;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_TESTS_EXPORT_HTTPS_CLIENT_H_
