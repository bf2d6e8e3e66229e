#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "src/agent/commands.h"
#include "src/agent/http_get.h"
#include "src/agent/metric_list.h"

namespace tlsmeter::agent {
namespace {

absl::StatusOr<MetricUse> UseOf(const std::string& url) {
  const absl::StatusOr<std::string> status = HttpGet(url, "/api/v1/status");
  if (!status.ok()) return status.status();
  absl::StatusOr<MetricUse> use = ParseMetricUse(*status);
  if (!use.ok()) return absl::UnavailableError(absl::StrCat(url, ": ", std::string(use.status().message())));
  return use;
}

}  // namespace

ExitCode RunMetricsList(const std::string& url) {
  const absl::StatusOr<MetricUse> use = UseOf(url.empty() ? absl::StrCat("http://", ServeOptions().listen) : url);
  if (!use.ok()) {
    if (!url.empty()) return FailWith(use.status());
    // Nobody was named: the ceilings by themselves are an answer too.
    const std::string why(use.status().message());
    std::fprintf(stderr, "tlsmeter: %s; use is not shown\n", why.c_str());
  }
  std::fputs(MetricList(use.ok() ? &*use : nullptr).c_str(), stdout);
  return kExitOk;
}

}  // namespace tlsmeter::agent
