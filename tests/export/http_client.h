// HttpClient: a blocking TCP client for tests of the server: sends what it is told, to the byte.
#ifndef TLSMETER_TESTS_EXPORT_HTTP_CLIENT_H_
#define TLSMETER_TESTS_EXPORT_HTTP_CLIENT_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace tlsmeter::agent {

class HttpClient {
 public:
  // HttpClient connects to 127.0.0.1:port; connected() says whether it could. Reads give up after five seconds.
  explicit HttpClient(uint16_t port);
  ~HttpClient();
  HttpClient(HttpClient&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  bool connected() const { return fd_ >= 0; }

  // Send sends all of `bytes`; false when the server has closed the connection.
  bool Send(std::string_view bytes);

  // ReadAnswer returns one answer, head and body by Content-Length; `head_only` for answers to HEAD. Cut short when the
  // server closes.
  std::string ReadAnswer(bool head_only = false);

  // ReadToEnd returns everything until the server closes; `*closed` says that it did so, rather than that the time was over.
  std::string ReadToEnd(bool* closed);

 private:
  int fd_ = -1;
};

// Get returns the whole answer to a GET of `target` on a connection of its own.
std::string Get(uint16_t port, std::string_view target);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_TESTS_EXPORT_HTTP_CLIENT_H_
