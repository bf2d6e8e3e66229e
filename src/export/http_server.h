// HttpServer: a small HTTP/1.1 server for scrapes and probes, on a thread of its own.
//
// Two threads, one lock: the server's thread runs the handler, which reads snapshots; it never touches what the event thread
// owns. Clients are hostile: every connection has deadlines and bounds, and when all places are taken the connection that
// has kept the server waiting the longest makes room, so slow clients cannot shut a scrape out.
#ifndef TLSMETER_SRC_EXPORT_HTTP_SERVER_H_
#define TLSMETER_SRC_EXPORT_HTTP_SERVER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "src/export/web_security.h"

namespace tlsmeter::agent {

// HttpRequest is what a handler may look at; the views are valid during its call.
struct HttpRequest {
  std::string_view method;  // GET or HEAD; for HEAD the server leaves the body out
  std::string_view target;  // path and query as sent: begins with '/' only if the client says so
  // Headers, empty when not sent.
  std::string_view accept = {};
  std::string_view accept_encoding = {};
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string_view content_encoding;  // static storage; empty: none
  std::string_view vary;              // static storage; the request headers that the answer depends on
  std::string body;
};

// HttpHandler answers a request. It runs on the server's thread, one call at a time, and holds up all connections while it
// runs.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

// HttpLimits bounds what clients can cost.
struct HttpLimits {
  // Prometheus keeps one connection a server and probes come one at a time: 64 is dozens of times the use, and 600 KiB of
  // buffers.
  size_t max_connections = 64;
  // Request line and headers. Browsers with many cookies send 4 KiB.
  size_t max_header_bytes = 8 * 1024;
  // Bodies that are being written to clients, all together: some thirty full pages of 2 MiB. Over it the answer is 503.
  size_t max_bytes_in_flight = 64 * 1024 * 1024;
  std::chrono::milliseconds read_deadline{10000};   // for a whole request, from its first byte (or the connection's start)
  std::chrono::milliseconds idle_deadline{60000};   // between requests; scrapes come every 15 to 60 seconds
  std::chrono::milliseconds write_deadline{10000};  // for a whole answer; the default scrape timeout
};

class HttpServer {
 public:
  // Listen listens on `listen` - "127.0.0.1:9743", "[::1]:9743", ":9743" for all addresses, port 0 for any free port - and
  // starts no thread: clients wait until Serve. `security` says who may read and how; null is plain HTTP for everybody.
  // Fails when the address cannot be read or bound; the message names the address and what to do.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Listen(std::string_view listen, HttpHandler handler,
                                                            HttpLimits limits = {},
                                                            std::unique_ptr<WebSecurity> security = nullptr);

  // Serve starts the thread, which answers until Stop. To be called once.
  void Serve();

  // ~HttpServer stops the server.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Stop closes all connections and ends the thread; a call of the handler that is running ends first. Harmless when
  // repeated. Not to be called from the handler.
  void Stop();

  // port returns the port that is listened on.
  uint16_t port() const;

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_HTTP_SERVER_H_
