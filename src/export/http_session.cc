#include "src/export/http_session.h"

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <string>
#include <utility>

namespace tlsmeter::agent {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

// The first read between two requests; a scrape's request is 200 to 400 bytes.
constexpr size_t kFirstRead = 1024;

// After a refusal the rest of what the client sends is read and dropped for this long, up to this much: closing with unread
// bytes would reset the connection and could take the answer away from the client.
constexpr std::chrono::seconds kLinger{1};
constexpr size_t kMaxDrained = 64 * 1024;

// Boost 1.74 has a string_view of its own.
std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }
beast::string_view Text(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

HttpSession::HttpSession(asio::ip::tcp::socket socket, HttpShared* shared)
    : stream_(std::move(socket), shared->security == nullptr ? nullptr : shared->security->tls()),
      shared_(shared),
      buffer_(shared->limits.max_header_bytes + kFirstRead) {
  Wait(Phase::kWaiting);
}

void HttpSession::Wait(Phase phase) {
  phase_ = phase;
  waiting_since_ = std::chrono::steady_clock::now();
}

void HttpSession::Start() {
  if (!stream_.is_tls()) {
    ReadRequest();
    return;
  }
  stream_.tcp().expires_after(shared_->limits.read_deadline);
  stream_.async_handshake([self = shared_from_this()](Error error) {
    if (self->closed()) return;
    if (error) {
      self->Close();
      return;
    }
    self->Wait(Phase::kWaiting);
    self->ReadRequest();
  });
}

void HttpSession::AwaitRequest() {
  Wait(Phase::kWaiting);
  if (buffer_.size() > 0) {
    ReadRequest();
    return;
  }
  stream_.tcp().expires_after(shared_->limits.idle_deadline);
  stream_.async_read_some(buffer_.prepare(kFirstRead), [self = shared_from_this()](Error error, size_t size) {
    if (self->closed()) return;
    if (error) {
      self->Close();
      return;
    }
    self->buffer_.commit(size);
    self->Wait(Phase::kWaiting);
    self->ReadRequest();
  });
}

void HttpSession::ReadRequest() {
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(shared_->limits.max_header_bytes));
  stream_.tcp().expires_after(shared_->limits.read_deadline);
  http::async_read_header(stream_, buffer_, *parser_,
                          [self = shared_from_this()](Error error, size_t) { self->OnRequest(error); });
}

void HttpSession::OnRequest(Error error) {
  if (closed()) return;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    Refuse(431, "the request line and headers are too large\n");
    return;
  }
  if (error == http::error::body_limit) {
    Refuse(413, "no request body is accepted here\n");
    return;
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message) {
    Close();
    return;
  }
  if (error && error.category() == http::make_error_code(http::error::bad_method).category()) {
    Refuse(400, "this is not an HTTP/1.1 request\n");
    return;
  }
  if (error) {
    Close();
    return;
  }
  if (parser_->chunked() || parser_->content_length().value_or(0) > 0) {
    Refuse(413, "no request body is accepted here\n");
    return;
  }
  Authorize();
}

void HttpSession::Authorize() {
  if (shared_->security != nullptr) shared_->security->Refresh(std::chrono::steady_clock::now());
  if (shared_->security == nullptr || shared_->security->config().users.empty()) {
    Handle();
    return;
  }
  // Its turn has come: no newcomer takes the place of a client whose password is being checked.
  phase_ = Phase::kAnswering;
  const std::string_view authorization = View(parser_->get()[http::field::authorization]);
  shared_->auth->Decide(shared_->security->config().users, authorization,
                        [self = shared_from_this()](BasicAuth::Decision decision) { self->OnAuthorized(decision); });
}

void HttpSession::OnAuthorized(BasicAuth::Decision decision) {
  if (closed()) return;
  switch (decision) {
    case BasicAuth::Decision::kGranted:
      Handle();
      break;
    case BasicAuth::Decision::kRefused:
      Refuse(401, "a user name and a password are required\n");
      break;
    case BasicAuth::Decision::kBusy:
      Refuse(503, "too many passwords are being checked\n");
      break;
  }
}

void HttpSession::Handle() {
  const auto& request = parser_->get();
  const bool head = request.method() == http::verb::head;
  HttpResponse answer;
  if (head || request.method() == http::verb::get) {
    answer = shared_->handler({.method = View(request.method_string()),
                               .target = View(request.target()),
                               .accept = View(request[http::field::accept]),
                               .accept_encoding = View(request[http::field::accept_encoding])});
  } else {
    answer.status = 405;
    answer.body = "only GET and HEAD are answered here\n";
  }
  Answer(std::move(answer), request.version(), request.keep_alive(), head);
}

void HttpSession::Refuse(unsigned status, std::string_view text) {
  HttpResponse answer;
  answer.status = status;
  answer.body = text;
  Answer(std::move(answer), /*version=*/11, /*keep_alive=*/false, /*head=*/false);
}

void HttpSession::Answer(HttpResponse answer, unsigned version, bool keep_alive, bool head) {
  if (shared_->bytes_in_flight + answer.body.size() > shared_->limits.max_bytes_in_flight) {
    answer = {};
    answer.status = 503;
    answer.body = "too many answers are being read by other clients\n";
  }
  phase_ = Phase::kAnswering;
  body_bytes_ = answer.body.size();
  shared_->bytes_in_flight += body_bytes_;

  response_.emplace();
  response_->result(answer.status);
  response_->version(version);
  response_->set(http::field::content_type, answer.content_type);
  if (!answer.content_encoding.empty()) response_->set(http::field::content_encoding, Text(answer.content_encoding));
  if (!answer.vary.empty()) response_->set(http::field::vary, Text(answer.vary));
  response_->set(http::field::cache_control, "no-store");
  response_->set("X-Content-Type-Options", "nosniff");
  if (answer.status == 401) response_->set(http::field::www_authenticate, "Basic realm=\"tlsmeter\", charset=\"UTF-8\"");
  if (answer.status == 503) response_->set(http::field::retry_after, "1");
  if (answer.status == 405) response_->set(http::field::allow, "GET, HEAD");
  if (shared_->security != nullptr) {
    for (const auto& [name, value] : shared_->security->config().headers) response_->set(name, value);
  }
  response_->content_length(body_bytes_);
  response_->keep_alive(keep_alive);
  response_->body() = std::move(answer.body);
  serializer_.emplace(*response_);

  stream_.tcp().expires_after(shared_->limits.write_deadline);
  auto done = [self = shared_from_this(), keep_alive](Error error, size_t) { self->OnAnswered(error, keep_alive); };
  if (head) {
    http::async_write_header(stream_, *serializer_, std::move(done));
  } else {
    http::async_write(stream_, *serializer_, std::move(done));
  }
}

void HttpSession::OnAnswered(Error error, bool keep_alive) {
  if (closed()) return;
  ReleaseBody();
  if (error) {
    Close();
  } else if (keep_alive) {
    AwaitRequest();
  } else {
    Linger();
  }
}

void HttpSession::ReleaseBody() {
  shared_->bytes_in_flight -= body_bytes_;
  body_bytes_ = 0;
  serializer_.reset();
  response_.reset();
}

void HttpSession::Linger() {
  Wait(Phase::kLingering);
  Error ignored;
  stream_.tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  stream_.tcp().expires_after(kLinger);
  Drain();
}

void HttpSession::Drain() {
  buffer_.consume(buffer_.size());
  stream_.async_read_some(buffer_.prepare(kFirstRead), [self = shared_from_this()](Error error, size_t size) {
    if (self->closed()) return;
    self->drained_ += size;
    if (error || self->drained_ > kMaxDrained) {
      self->Close();
    } else {
      self->Drain();
    }
  });
}

void HttpSession::Close() {
  if (closed()) return;
  phase_ = Phase::kClosed;
  // The body stays until the write that uses it has been cancelled; the session goes with it.
  shared_->bytes_in_flight -= body_bytes_;
  body_bytes_ = 0;
  stream_.tcp().close();
}

}  // namespace tlsmeter::agent
