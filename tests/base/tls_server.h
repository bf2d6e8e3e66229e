// TlsServer: an HTTPS server for tests on 127.0.0.1, with a certificate of its own for "localhost" and 127.0.0.1.
#ifndef TLSMETER_TESTS_BASE_TLS_SERVER_H_
#define TLSMETER_TESTS_BASE_TLS_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tlsmeter::agent {

// OkAnswer returns an answer with status 200 and this body.
std::string OkAnswer(std::string_view body);

class TlsServer {
 public:
  // Answer gets the head of a request and returns the bytes to send before the server closes. It runs on the server's
  // thread.
  using Answer = std::function<std::string(const std::string&)>;

  // TlsServer answers each connection by `answer`; without one it accepts and says nothing, not even in TLS.
  explicit TlsServer(Answer answer);
  ~TlsServer();

  uint16_t port() const;

  // certificate returns the certificate, which signs itself, in PEM.
  const std::string& certificate() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_TESTS_BASE_TLS_SERVER_H_
