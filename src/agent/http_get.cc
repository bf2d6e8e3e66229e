#include "src/agent/http_get.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Error = boost::system::error_code;
using tcp = boost::asio::ip::tcp;

constexpr std::string_view kScheme = "http://";
constexpr std::string_view kDefaultPort = "9743";

// Keeps what a message repeats short.
constexpr size_t kMaxUrlText = 200;

struct Authority {
  std::string host;  // without brackets
  std::string port;
};

absl::StatusOr<Authority> ParseUrl(std::string_view url) {
  const absl::Status malformed = absl::InvalidArgumentError(
      absl::StrCat("'", PrintableUtf8(url, kMaxUrlText),
                   "' is no address of an agent; write http://HOST:PORT, as http://127.0.0.1:9743"));
  if (!url.starts_with(kScheme)) return malformed;
  std::string_view rest = url.substr(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  size_t host_end = rest.find(':');
  if (rest.starts_with('[')) {
    host_end = rest.find(']');
    if (host_end == std::string_view::npos) return malformed;
    ++host_end;
  }
  std::string_view host = rest.substr(0, host_end);
  std::string_view port = kDefaultPort;
  if (host.size() < rest.size()) {
    if (rest[host.size()] != ':') return malformed;
    port = rest.substr(host.size() + 1);
  }
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  const bool is_number = !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string_view::npos;
  const auto is_bad = [](char c) { return c <= ' ' || c > '~' || c == '/' || c == '@' || c == '?' || c == '#'; };
  if (host.empty() || std::any_of(host.begin(), host.end(), is_bad) || !is_number) return malformed;
  return Authority{std::string(host), std::string(port)};
}

}  // namespace

absl::StatusOr<std::string> HttpGet(std::string_view url, std::string_view path, size_t max_bytes) {
  const absl::StatusOr<Authority> to = ParseUrl(url);
  if (!to.ok()) return to.status();
  const std::string agent(url);
  const auto failed = [&agent](const char* what, const Error& error) {
    return absl::UnavailableError(absl::StrCat("cannot ", what, " ", agent, ": ", error.message()));
  };

  asio::io_context io;
  beast::tcp_stream stream(io);
  // Time runs out for asynchronous operations only; each is waited for.
  const auto wait = [&io](const auto& start) {
    Error result;
    start([&result](const Error& error, const auto&...) { result = error; });
    io.restart();
    io.run();
    return result;
  };
  Error error;
  const tcp::resolver::results_type addresses = tcp::resolver(io).resolve(to->host, to->port, error);
  if (error) return failed("resolve", error);
  stream.expires_after(kHttpGetTimeout);
  error = wait([&](auto done) { stream.async_connect(addresses, done); });
  if (error) return failed("connect to", error);

  http::request<http::empty_body> request(http::verb::get, std::string(path), 11);
  request.set(http::field::host, agent.substr(kScheme.size()));
  request.set(http::field::connection, "close");
  error = wait([&](auto done) { http::async_write(stream, request, done); });
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(max_bytes);
  // The head by itself: reading all at once, Beast of Boost 1.74 forgets that Content-Length is over the limit.
  if (!error) error = wait([&](auto done) { http::async_read_header(stream, buffer, parser, done); });
  if (!error) error = wait([&](auto done) { http::async_read(stream, buffer, parser, done); });
  if (error) return failed("read the answer of", error);
  const unsigned status = parser.get().result_int();
  if (status == 200) return std::move(parser.get().body());
  const std::string message = absl::StrCat(agent, " answers ", status, " to ", std::string(path));
  return status == 401 || status == 403 ? absl::PermissionDeniedError(absl::StrCat(message, ", asked without credentials"))
                                        : absl::UnavailableError(message);
}

}  // namespace tlsmeter::agent
