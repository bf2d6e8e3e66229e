#include "src/export/endpoints.h"

#include <string>
#include <string_view>
#include <utility>

#include "src/base/text.h"
#include "src/export/content_negotiation.h"
#include "src/export/gzip.h"
#include "src/export/json_api.h"
#include "src/export/landing_page.h"
#include "src/export/openmetrics.h"
#include "src/export/process_stats.h"
#include "src/export/prometheus.h"

namespace tlsmeter::agent {
namespace {

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

// Below this many bytes an answer fits into one packet whether or not it is compressed.
constexpr size_t kMinGzip = 1400;

// Compresses the body where the client takes it so.
HttpResponse Encoded(const HttpRequest& request, HttpResponse response) {
  response.vary = "Accept, Accept-Encoding";
  if (response.body.size() < kMinGzip || !AcceptsGzip(request.accept_encoding)) return response;
  std::string smaller = Gzip(response.body);
  if (smaller.empty()) return response;
  response.body = std::move(smaller);
  response.content_encoding = "gzip";
  return response;
}

HttpResponse Metrics(const MetricsPage& page, std::string_view accept) {
  if (ChooseMetricsFormat(accept) == MetricsFormat::kText004) return Typed(kPrometheusContentType, page.Text());
  return Typed(kOpenMetricsContentType, page.OpenMetrics());
}

HttpResponse Readiness(const absl::Status& status) {
  if (status.ok()) return Text(200, "ok\n");
  return Text(503, PrintableUtf8({status.message().data(), status.message().size()}, kMaxReason) + "\n");
}

}  // namespace

HttpHandler MakeEndpoints(const Aggregator& aggregator, const RecentRecords& records, ReadyCheck ready,
                          std::vector<ConstantLabel> labels) {
  return [&aggregator, &records, ready = std::move(ready), labels = std::move(labels)](const HttpRequest& request) {
    const std::string_view path = request.target.substr(0, request.target.find('?'));
    if (path == "/metrics") return Encoded(request, Metrics(MetricsPage(aggregator, labels), request.accept));
    if (path == "/healthz") return Text(200, "ok\n");
    if (path == "/readyz") return Readiness(ready());
    if (path == "/api/v1/handshakes") return Encoded(request, HandshakesAnswer(records, request.target));
    if (path == "/api/v1/certificates") return Encoded(request, CertificatesAnswer(aggregator.Certificates()));
    if (path == "/api/v1/status") {
      return Encoded(request, StatusAnswer(aggregator.Snapshot(), ReadProcessStats(), ready()));
    }
    if (path == "/") return Typed("text/html; charset=utf-8", LandingPage(aggregator.Snapshot(), ready()));
    return Text(404, "no such page; see / for what there is\n");
  };
}

}  // namespace tlsmeter::agent
