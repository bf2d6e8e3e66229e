// HttpSession: one connection of HttpServer, request by request. Lives on the server's thread; not for use outside the
// server.
#ifndef TLSMETER_SRC_EXPORT_HTTP_SESSION_H_
#define TLSMETER_SRC_EXPORT_HTTP_SESSION_H_

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>

#include "src/export/basic_auth.h"
#include "src/export/http_server.h"
#include "src/export/http_stream.h"
#include "src/export/web_security.h"

namespace tlsmeter::agent {

// HttpShared is what the sessions of one server have in common. It outlives them.
struct HttpShared {
  HttpLimits limits;
  HttpHandler handler;
  size_t bytes_in_flight = 0;
  std::unique_ptr<WebSecurity> security;  // null: plain HTTP for everybody
  std::optional<BasicAuth> auth;          // there with `security`
};

class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(boost::asio::ip::tcp::socket socket, HttpShared* shared);

  // Start shakes hands where TLS is spoken and reads the first request. The session keeps itself alive while an operation is
  // under way.
  void Start();

  // Close ends the connection at once; harmless when repeated.
  void Close();

  bool closed() const { return phase_ == Phase::kClosed; }

  // answering returns true while a request is being answered; else waiting_since says how long the client has kept the
  // server waiting.
  bool answering() const { return phase_ == Phase::kAnswering; }
  std::chrono::steady_clock::time_point waiting_since() const { return waiting_since_; }

 private:
  using Error = boost::beast::error_code;
  enum class Phase { kWaiting, kAnswering, kLingering, kClosed };

  void Wait(Phase phase);
  void AwaitRequest();
  void ReadRequest();
  void OnRequest(Error error);
  void Authorize();
  void OnAuthorized(BasicAuth::Decision decision);
  void Handle();
  void Refuse(unsigned status, std::string_view text);
  void Answer(HttpResponse answer, unsigned version, bool keep_alive, bool head);
  void OnAnswered(Error error, bool keep_alive);
  void ReleaseBody();
  void Linger();
  void Drain();

  HttpStream stream_;
  HttpShared* shared_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::empty_body>> parser_;
  std::optional<boost::beast::http::response<boost::beast::http::string_body>> response_;
  std::optional<boost::beast::http::response_serializer<boost::beast::http::string_body>> serializer_;
  size_t body_bytes_ = 0;
  size_t drained_ = 0;
  Phase phase_ = Phase::kWaiting;
  std::chrono::steady_clock::time_point waiting_since_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_HTTP_SESSION_H_
