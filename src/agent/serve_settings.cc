#include "src/agent/serve_settings.h"

#include <cstdio>
#include <string>
#include <utility>

#include "absl/time/clock.h"

namespace tlsmeter::agent {
namespace {

// Field is a lambda without captures, from options to a reference to the part meant.
template <typename Field>
ServeSetting Row(std::string_view flag, AtReload at_reload, Field) {
  return {flag, at_reload, [](const ServeOptions& a, const ServeOptions& b) { return Field()(a) == Field()(b); },
          [](const ServeOptions& from, ServeOptions* to) { Field()(*to) = Field()(from); }};
}

}  // namespace

const std::vector<ServeSetting>& ServeSettings() {
  using enum AtReload;
  static const auto* const settings = new std::vector<ServeSetting>{
      Row(
          "listen", kNeedsRestart, [](auto& o) -> auto& { return o.listen; }),
      // Its contents, and those of the files that it names, are followed by themselves (WebSecurity).
      Row(
          "web.config.file", kNeedsRestart, [](auto& o) -> auto& { return o.web_config; }),
      Row(
          "cgroup", kNeedsRestart, [](auto& o) -> auto& { return o.cgroup; }),
      Row(
          "library", kNeedsRestart, [](auto& o) -> auto& { return o.library; }),
      Row(
          "trace", kApplied, [](auto& o) -> auto& { return o.trace; }),
      Row(
          "bpf-stats", kNeedsRestart, [](auto& o) -> auto& { return o.measure_time; }),
      Row(
          "kubelet-url", kApplied, [](auto& o) -> auto& { return o.kubelet.url; }),
      Row(
          "kubelet-token-file", kApplied, [](auto& o) -> auto& { return o.kubelet.token_file; }),
      Row(
          "kubelet-ca-file", kApplied, [](auto& o) -> auto& { return o.kubelet.ca_file; }),
      Row(
          "kubelet-timeout", kApplied, [](auto& o) -> auto& { return o.kubelet.timeout; }),
      Row(
          "server-names", kApplied, [](auto& o) -> auto& { return o.server_names; }),
      Row(
          "label", kNeedsRestart, [](auto& o) -> auto& { return o.labels; }),
      Row(
          "quiet", kApplied, [](auto& o) -> auto& { return o.quiet; }),
  };
  return *settings;
}

ServeConfiguration::ServeConfiguration(ServeOptions started_with, RereadServe reread)
    : in_force_(std::move(started_with)), reread_(std::move(reread)), succeeded_at_(absl::Now()) {}

void ServeConfiguration::Reload() {
  const absl::StatusOr<ServeOptions> read = reread_();
  succeeded_ = read.ok();
  if (!succeeded_) {
    std::fprintf(stderr, "tlsmeter: SIGHUP: everything stays as it was: %s\n", std::string(read.status().message()).c_str());
    return;
  }
  succeeded_at_ = absl::Now();
  bool changed = false;
  for (const ServeSetting& setting : ServeSettings()) {
    if (setting.equal(*read, in_force_)) continue;
    changed = true;
    const std::string flag(setting.flag);
    if (setting.at_reload == AtReload::kApplied) {
      setting.copy(*read, &in_force_);
      if (!read->quiet) std::fprintf(stderr, "tlsmeter: reloaded %s\n", flag.c_str());
    } else {
      std::fprintf(stderr, "tlsmeter: %s needs a restart\n", flag.c_str());
    }
  }
  if (!changed && !read->quiet) std::fprintf(stderr, "tlsmeter: SIGHUP: no setting has changed\n");
}

void ServeConfiguration::AddTo(SelfStats* self) const {
  self->config_reload_ok = succeeded_;
  self->config_reload_ok_at = absl::ToDoubleSeconds(succeeded_at_ - absl::UnixEpoch());
}

}  // namespace tlsmeter::agent
