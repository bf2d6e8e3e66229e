// The JSON API: recent handshakes, certificates and the state of the meter. docs/http.md is its reference. Pure functions,
// any thread.
#ifndef TLSMETER_SRC_EXPORT_JSON_API_H_
#define TLSMETER_SRC_EXPORT_JSON_API_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "src/aggregate/aggregator.h"
#include "src/export/http_server.h"
#include "src/export/process_stats.h"
#include "src/export/recent_records.h"

namespace tlsmeter::agent {

// kMaxAnswerBytes ends a list of handshakes: a little over the largest page of metrics. "truncated" then says so.
inline constexpr size_t kMaxAnswerBytes = 4 << 20;

// HandshakesAnswer returns the records that the query of `target` asks for, the latest first: by role, server_name, result,
// reason and pid, at most `limit` (default 100). 400 for a parameter that is not known, twice there or not readable.
HttpResponse HandshakesAnswer(const RecentRecords& records, std::string_view target);

// CertificatesAnswer returns the certificate catalogue, what ends first in front: facts, chain position, who sent or
// received it under which names, first and last seen.
HttpResponse CertificatesAnswer(const CertificateView& view);

// StatusAnswer returns what the meter sees, what it lost or could not see, and how full its tables are.
HttpResponse StatusAnswer(const AggregateSnapshot& snapshot, const ProcessStats& process, const absl::Status& ready);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_JSON_API_H_
