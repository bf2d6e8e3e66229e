#include "src/agent/ask_agent.h"

#include <stop_token>

#include "absl/strings/str_cat.h"
#include "src/agent/http_config.h"
#include "src/base/http_get.h"

namespace tlsmeter::agent {

absl::StatusOr<std::string> AskAgent(const AgentAddress& agent, std::string_view path, size_t max_bytes) {
  absl::StatusOr<HttpUrl> url = ParseHttpUrl(agent.url, "9743", "");
  if (!url.ok()) return url.status();
  if (!url->path.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(agent.url, " names a page; write ", url->origin()));
  }
  HttpGetRequest request;
  request.url = *std::move(url);
  request.url.path = path;
  request.max_body_bytes = max_bytes;
  if (!agent.http_config.empty()) {
    absl::StatusOr<HttpConfig> config = LoadHttpConfig(agent.http_config);
    if (!config.ok()) return config.status();
    request.tls = std::move(config->tls);
    request.authorization = std::move(config->authorization);
  }
  const absl::StatusOr<std::string> answer = HttpGet(request, std::stop_token());
  if (!absl::IsPermissionDenied(answer.status()) || !request.authorization.empty()) return answer;
  return absl::PermissionDeniedError(
      absl::StrCat(std::string(answer.status().message()), ", asked without credentials; --http.config.file takes some"));
}

}  // namespace tlsmeter::agent
