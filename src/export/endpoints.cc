#include "src/export/endpoints.h"

#include <string>
#include <string_view>
#include <utility>

#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

constexpr std::string_view kLandingPage =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>tlsmeter</title></head>\n"
    "<body><h1>tlsmeter</h1>\n<ul>\n"
    "<li><a href=\"/metrics\">/metrics</a>: Prometheus metrics</li>\n"
    "<li><a href=\"/healthz\">/healthz</a>: the process answers</li>\n"
    "<li><a href=\"/readyz\">/readyz</a>: handshakes are being observed</li>\n"
    "</ul></body></html>\n";

// Bounds the reason on /readyz; messages of ours are a line or two.
constexpr size_t kMaxReason = 1000;

HttpResponse Text(unsigned status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

HttpResponse Typed(std::string_view content_type, std::string body) {
  HttpResponse response = Text(200, std::move(body));
  response.content_type = content_type;
  return response;
}

HttpResponse Readiness(const absl::Status& status) {
  if (status.ok()) return Text(200, "ok\n");
  return Text(503, PrintableUtf8({status.message().data(), status.message().size()}, kMaxReason) + "\n");
}

}  // namespace

HttpHandler MakeEndpoints(const MetricsPage& page, ReadyCheck ready) {
  return [&page, ready = std::move(ready)](const HttpRequest& request) {
    const std::string_view path = request.target.substr(0, request.target.find('?'));
    if (path == "/metrics") return Typed(kPrometheusContentType, page.Text());
    if (path == "/healthz") return Text(200, "ok\n");
    if (path == "/readyz") return Readiness(ready());
    if (path == "/") return Typed("text/html; charset=utf-8", std::string(kLandingPage));
    return Text(404, "no such page; see / for what there is\n");
  };
}

}  // namespace tlsmeter::agent
