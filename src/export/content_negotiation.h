// Content negotiation: which form of an answer a client asks for (RFC 9110, sections 12.4.2, 12.5.1 and 12.5.3). Pure
// functions, any thread; headers are hostile text, and what cannot be read in them counts as not sent.
#ifndef TLSMETER_SRC_EXPORT_CONTENT_NEGOTIATION_H_
#define TLSMETER_SRC_EXPORT_CONTENT_NEGOTIATION_H_

#include <cstdint>
#include <string_view>

namespace tlsmeter::agent {

enum class MetricsFormat : uint8_t { kText004, kOpenMetrics100 };

// ChooseMetricsFormat returns kOpenMetrics100 where the Accept header names application/openmetrics-text (version 1.0.0 or
// none) and wants it at least as much as the text format; wildcards alone do not ask for it. Else kText004, which every
// client of /metrics reads, also where the header would exclude it.
MetricsFormat ChooseMetricsFormat(std::string_view accept);

// AcceptsGzip returns true where the Accept-Encoding header allows gzip and wants it at least as much as no encoding.
bool AcceptsGzip(std::string_view accept_encoding);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_CONTENT_NEGOTIATION_H_
