#include "src/base/http_get.h"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using Clock = std::chrono::steady_clock;
using Error = boost::system::error_code;
using tcp = boost::asio::ip::tcp;

// How soon a request to stop is noticed.
constexpr std::chrono::milliseconds kStopWithin{100};

// Keeps what a message repeats short.
constexpr size_t kMaxUrlText = 200;

absl::Status Failed(std::string_view what, const Error& error) {
  const std::string message = absl::StrCat(std::string(what), ": ", error.message());
  if (error == asio::error::timed_out) return absl::DeadlineExceededError(message);
  if (error == asio::error::operation_aborted) return absl::CancelledError(message);
  return absl::UnavailableError(message);
}

// Exchange runs the steps of one request, each asynchronous so that it can be given up.
class Exchange {
 public:
  Exchange(const HttpGetRequest& request, const std::stop_token& stop)
      : request_(request), stop_(stop), deadline_(Clock::now() + request.timeout) {}

  absl::StatusOr<std::string> Run();

 private:
  // Await starts an operation by start(handler) and runs it until it is over, the time is up or a stop was requested.
  template <typename Start>
  Error Await(const Start& start) {
    Error result = asio::error::would_block;
    start([&result](const Error& error, const auto&...) { result = error; });
    io_.restart();
    Error why = asio::error::timed_out;
    while (result == asio::error::would_block && Clock::now() < deadline_) {
      if (stop_.stop_requested()) {
        why = asio::error::operation_aborted;
        break;
      }
      io_.run_one_until(std::min(deadline_, Clock::now() + kStopWithin));
    }
    if (result != asio::error::would_block) return result;
    // The handler refers to this frame: it must have run before the frame goes.
    resolver_.cancel();
    Error ignored;
    socket_.close(ignored);
    io_.run();
    return why;
  }

  absl::Status Connect();
  absl::Status ReadFiles();
  absl::Status ShakeHands();
  template <typename Stream>
  absl::StatusOr<std::string> Ask(Stream& stream);

  const HttpGetRequest& request_;
  const std::stop_token& stop_;
  Clock::time_point deadline_;
  asio::io_context io_;
  ssl::context context_{ssl::context::tls_client};
  tcp::resolver resolver_{io_};
  tcp::socket socket_{io_};
  std::optional<ssl::stream<tcp::socket&>> stream_;  // over the socket, with TLS
};

absl::Status Exchange::Connect() {
  const HttpUrl& url = request_.url;
  tcp::resolver::results_type addresses;
  Error error = Await([&](auto handler) {
    resolver_.async_resolve(url.host, url.port, [&addresses, handler](const Error& e, tcp::resolver::results_type found) {
      addresses = std::move(found);
      handler(e);
    });
  });
  if (error) return Failed(absl::StrCat("cannot resolve ", url.host), error);
  error = Await([&](auto handler) { asio::async_connect(socket_, addresses, handler); });
  if (error) return Failed(absl::StrCat("cannot connect to ", url.origin()), error);
  return absl::OkStatus();
}

absl::Status Exchange::ReadFiles() {
  const HttpTls& tls = request_.tls;
  Error error;
  if (tls.ca_file.empty()) {
    context_.set_default_verify_paths(error);
  } else {
    context_.load_verify_file(tls.ca_file, error);
  }
  if (error) return Failed(absl::StrCat("cannot read the authorities in ", tls.ca_file), error);
  if (tls.cert_file.empty()) return absl::OkStatus();
  context_.use_certificate_chain_file(tls.cert_file, error);
  if (error) return Failed(absl::StrCat("cannot read the certificate in ", tls.cert_file), error);
  context_.use_private_key_file(tls.key_file, ssl::context::pem, error);
  if (error) return Failed(absl::StrCat("cannot read the key in ", tls.key_file), error);
  return absl::OkStatus();
}

absl::Status Exchange::ShakeHands() {
  // Now that the context is complete: a stream copies certificate and key when it is made.
  stream_.emplace(socket_, context_);
  const HttpTls& tls = request_.tls;
  const std::string& name = tls.server_name.empty() ? request_.url.host : tls.server_name;
  Error no_address;
  asio::ip::make_address(name, no_address);
  // Server names are names (RFC 6066, section 3).
  if (no_address) SSL_set_tlsext_host_name(stream_->native_handle(), name.c_str());
  stream_->set_verify_mode(ssl::verify_peer);
  stream_->set_verify_callback(ssl::host_name_verification(name));
  const Error error = Await([&](auto handler) { stream_->async_handshake(ssl::stream_base::client, handler); });
  if (error) return Failed(absl::StrCat("TLS handshake with ", request_.url.origin(), " failed"), error);
  return absl::OkStatus();
}

template <typename Stream>
absl::StatusOr<std::string> Exchange::Ask(Stream& stream) {
  const std::string origin = request_.url.origin();
  http::request<http::empty_body> request(http::verb::get, request_.url.path, 11);
  request.set(http::field::host, origin.substr(origin.rfind('/') + 1));
  request.set(http::field::accept, "application/json");
  request.set(http::field::connection, "close");
  if (!request_.authorization.empty()) request.set(http::field::authorization, request_.authorization);
  Error error = Await([&](auto handler) { http::async_write(stream, request, handler); });
  if (error) return Failed(absl::StrCat("cannot ask ", origin), error);

  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(request_.max_body_bytes);
  // The head by itself: reading all at once, Beast of Boost 1.74 forgets that Content-Length is over the limit.
  error = Await([&](auto handler) { http::async_read_header(stream, buffer, parser, handler); });
  if (!error) error = Await([&](auto handler) { http::async_read(stream, buffer, parser, handler); });
  if (error) return Failed(absl::StrCat("cannot read the answer of ", origin), error);
  const unsigned status = parser.get().result_int();
  if (status == 200) return std::move(parser.get().body());
  const std::string message = absl::StrCat(origin, " answers ", status, " to ", request_.url.path);
  return status == 401 || status == 403 ? absl::PermissionDeniedError(message) : absl::UnavailableError(message);
}

absl::StatusOr<std::string> Exchange::Run() {
  const bool tls = request_.url.tls;
  if (const absl::Status status = tls ? ReadFiles() : absl::OkStatus(); !status.ok()) return status;
  if (const absl::Status status = Connect(); !status.ok()) return status;
  if (!tls) return Ask(socket_);
  if (const absl::Status status = ShakeHands(); !status.ok()) return status;
  return Ask(*stream_);
}

}  // namespace

std::string HttpUrl::origin() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return absl::StrCat(tls ? "https://" : "http://", ipv6 ? "[" : "", host, ipv6 ? "]:" : ":", port);
}

absl::StatusOr<HttpUrl> ParseHttpUrl(std::string_view text, std::string_view port, std::string_view path) {
  const auto wrong = [text](const char* why) {
    return absl::InvalidArgumentError(absl::StrCat("'", PrintableUtf8(text, kMaxUrlText), "' is no URL: ", why));
  };
  constexpr std::string_view kPlain = "http://";
  constexpr std::string_view kTls = "https://";
  const bool tls = text.starts_with(kTls);
  if (!tls && !text.starts_with(kPlain)) return wrong("it begins neither with http:// nor with https://");
  std::string_view rest = text.substr(tls ? kTls.size() : kPlain.size());
  const auto is_bad = [](char c) { return c <= ' ' || c > '~'; };
  if (std::any_of(rest.begin(), rest.end(), is_bad)) return wrong("it holds a space or a control character");
  const size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view own_path = rest.substr(slash);
  if (own_path.size() <= 1) own_path = path;
  rest = rest.substr(0, slash);

  HttpUrl url{.tls = tls, .host = "", .port = std::string(port), .path = std::string(own_path)};
  if (rest.starts_with('[')) {
    const size_t end = rest.find(']');
    if (end == std::string_view::npos) return wrong("the bracket is not closed");
    url.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
  } else {
    const size_t colon = std::min(rest.find(':'), rest.size());
    url.host = rest.substr(0, colon);
    rest.remove_prefix(colon);
  }
  if (url.host.empty() || url.host.find('@') != std::string::npos) return wrong("there is no host name or address");
  if (rest.empty()) return url;
  url.port = rest.substr(1);
  const bool digits =
      !url.port.empty() && url.port.size() <= 5 && url.port.find_first_not_of("0123456789") == std::string::npos;
  if (rest[0] != ':' || !digits) return wrong("the port is no number");
  return url;
}

absl::StatusOr<std::string> HttpGet(const HttpGetRequest& request, const std::stop_token& stop) {
  return Exchange(request, stop).Run();
}

}  // namespace tlsmeter::agent
