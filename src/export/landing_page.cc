#include "src/export/landing_page.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

// Bounds the reason for not being ready; messages of ours are a line or two.
constexpr size_t kMaxReason = 1000;

constexpr std::string_view kLinks =
    "<h2>Pages</h2>\n<ul>\n"
    "<li><a href=\"/metrics\">/metrics</a>: Prometheus and OpenMetrics</li>\n"
    "<li><a href=\"/api/v1/handshakes\">/api/v1/handshakes</a>: the latest handshakes; "
    "<a href=\"/api/v1/handshakes?result=failure\">those that failed</a>; filters role, server_name, result, reason, pid, "
    "limit</li>\n"
    "<li><a href=\"/api/v1/certificates\">/api/v1/certificates</a>: certificates seen, what ends first in front</li>\n"
    "<li><a href=\"/api/v1/status\">/api/v1/status</a>: hooks, losses, tables</li>\n"
    "<li><a href=\"/healthz\">/healthz</a>: the process answers</li>\n"
    "<li><a href=\"/readyz\">/readyz</a>: handshakes are being observed</li>\n"
    "</ul>\n";

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += c;
    }
  }
  return out;
}

uint64_t Total(const std::vector<LabelledValue>& values) {
  double total = 0;
  for (const LabelledValue& value : values) total += value.value;
  return static_cast<uint64_t>(total);
}

// Handshakes by result.
std::map<std::string, uint64_t> Results(const AggregateSnapshot& snapshot) {
  std::map<std::string, uint64_t> results;
  const MetricSpec& spec = SpecOf(Metric::kHandshakes);
  const auto labels = spec.labels();
  const auto place = static_cast<size_t>(std::find(labels.begin(), labels.end(), "result") - labels.begin());
  for (const FamilySnapshot& family : snapshot.families) {
    if (family.spec != &spec) continue;
    for (size_t i = 0; i < family.sets.size(); ++i) results[std::string((*family.sets[i])[place])] += family.counts[i];
  }
  return results;
}

void AddRow(std::string_view name, const std::string& value, std::string* html) {
  html->append("<tr><td>").append(name).append("</td><td>").append(Escaped(value)).append("</td></tr>\n");
}

}  // namespace

std::string LandingPage(const AggregateSnapshot& snapshot, const absl::Status& ready) {
  const SelfStats& self = snapshot.self;
  std::string missing;
  for (const LabelledValue& hook : self.attached) {
    if (hook.value == 0) missing += (missing.empty() ? "" : ", ") + hook.label;
  }
  std::string html =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>tlsmeter</title></head>\n"
      "<body><h1>tlsmeter " +
      Escaped(self.version) + "</h1>\n<table>\n";
  const std::string reason = PrintableUtf8({ready.message().data(), ready.message().size()}, kMaxReason);
  AddRow("State", ready.ok() ? "observing handshakes" : reason, &html);
  AddRow("Hooks", missing.empty() ? absl::StrCat("all ", self.attached.size(), " attached") : "missing: " + missing, &html);
  for (const auto& [result, count] : Results(snapshot)) AddRow("Handshakes, " + result, std::to_string(count), &html);
  AddRow("Handshakes of which a part was not seen", std::to_string(Total(self.blind_handshakes)), &html);
  AddRow("Events lost", std::to_string(Total(self.events_lost)), &html);
  AddRow("Connections followed now", std::to_string(static_cast<uint64_t>(self.tracked_connections)), &html);
  html.append("</table>\n").append(kLinks).append("</body></html>\n");
  return html;
}

}  // namespace tlsmeter::agent
