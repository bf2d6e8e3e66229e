#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "src/agent/ask_agent.h"
#include "src/agent/commands.h"
#include "src/agent/metric_list.h"

namespace tlsmeter::agent {
namespace {

absl::StatusOr<MetricUse> UseOf(const AgentAddress& agent) {
  const absl::StatusOr<std::string> status = AskAgent(agent, "/api/v1/status");
  if (!status.ok()) return status.status();
  absl::StatusOr<MetricUse> use = ParseMetricUse(*status);
  if (!use.ok()) return absl::UnavailableError(absl::StrCat(agent.url, ": ", std::string(use.status().message())));
  return use;
}

}  // namespace

ExitCode RunMetricsList(const MetricsListOptions& options) {
  const absl::StatusOr<MetricUse> use = UseOf(options.agent);
  if (!use.ok()) {
    if (options.agent_required) return FailWith(use.status());
    // Nobody was named: the ceilings by themselves are an answer too.
    const std::string why(use.status().message());
    std::fprintf(stderr, "tlsmeter: %s; use is not shown\n", why.c_str());
  }
  std::fputs(MetricList(use.ok() ? &*use : nullptr).c_str(), stdout);
  return kExitOk;
}

}  // namespace tlsmeter::agent
