// Endpoints: what the HTTP server answers, path by path.
#ifndef TLSMETER_SRC_EXPORT_ENDPOINTS_H_
#define TLSMETER_SRC_EXPORT_ENDPOINTS_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "src/aggregate/aggregator.h"
#include "src/export/constant_labels.h"
#include "src/export/http_server.h"
#include "src/export/recent_records.h"

namespace tlsmeter::agent {

// ReadyCheck returns OK when handshakes are being observed, else why not. It is called on the HTTP thread and must be safe
// there.
using ReadyCheck = std::function<absl::Status()>;

// MakeEndpoints returns a handler for / (a page for people), /metrics, /api/v1/handshakes, /api/v1/certificates,
// /api/v1/status, /healthz (200 while the server answers) and /readyz (200, or 503 with the reason); everything else is 404.
// `labels` stand on every series of /metrics. `aggregator` and `records` must outlive the handler.
HttpHandler MakeEndpoints(const Aggregator& aggregator, const RecentRecords& records, ReadyCheck ready,
                          std::vector<ConstantLabel> labels = {});

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_ENDPOINTS_H_
