// Two threads. The event thread, here, owns everything from capture to aggregate; the HTTP thread reads snapshots of the
// aggregator, the recent records and one time stamp.

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

#include "src/agent/commands.h"
#include "src/agent/pipeline.h"
#include "src/agent/serve_settings.h"
#include "src/agent/stop_signal.h"
#include "src/aggregate/aggregator.h"
#include "src/base/clock.h"
#include "src/export/endpoints.h"
#include "src/export/http_server.h"
#include "src/export/recent_records.h"
#include "src/export/web_security.h"

namespace tlsmeter::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPollMs = 50;

// The self metrics read per-CPU counters from the kernel, which costs microseconds.
constexpr std::chrono::milliseconds kSelfStatsEvery{250};

// The event thread turns every kPollMs; silent for this long it hangs.
constexpr std::chrono::seconds kReadyWithin{10};

// Heartbeat tells the HTTP thread that the event thread still reads events.
class Heartbeat {
 public:
  void Beat() { last_.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed); }

  absl::Status Check() const {
    const auto last = Clock::time_point(Clock::duration(last_.load(std::memory_order_relaxed)));
    if (Clock::now() - last < kReadyWithin) return absl::OkStatus();
    return absl::UnavailableError(
        "events are not being read: the event thread does not answer (a blocked standard output?)");
  }

 private:
  std::atomic<Clock::rep> last_{0};
};

}  // namespace

ExitCode RunServe(ServeOptions started_with, const RereadServe& reread) {
  CatchStopSignals();
  CatchReloadSignal();
  ServeConfiguration configuration(std::move(started_with), reread);
  const ServeOptions& options = configuration.in_force();
  Aggregator aggregator(AggregatorOptions{.server_names = options.server_names});
  RecentRecords recent;
  Heartbeat heartbeat;
  std::unique_ptr<WebSecurity> security;
  if (!options.web_config.empty()) {
    absl::StatusOr<std::unique_ptr<WebSecurity>> loaded = WebSecurity::Load(options.web_config);
    if (!loaded.ok()) return FailWith(loaded.status());
    security = *std::move(loaded);
  }
  absl::StatusOr<std::unique_ptr<HttpServer>> server =
      HttpServer::Listen(options.listen,
                         MakeEndpoints(
                             aggregator, recent, [&heartbeat] { return heartbeat.Check(); }, options.labels),
                         HttpLimits(), std::move(security));
  if (!server.ok()) return FailWith(server.status());

  absl::StatusOr<std::unique_ptr<Pipeline>> pipeline = Pipeline::Start(
      BpfSourceOptions{
          .cgroup_path = options.cgroup, .measure_time = options.measure_time, .library = options.library, .hellos = {}},
      options.kubelet);
  if (!pipeline.ok()) return FailWith(pipeline.status());
  const auto tell_self = [&] {
    SelfStats self = (*pipeline)->self_stats();
    configuration.AddTo(&self);
    aggregator.SetSelfStats(std::move(self));
  };
  tell_self();
  heartbeat.Beat();
  // Only now that the pipeline has given up its privileges: threads take over what they find.
  (*server)->Serve();
  (*pipeline)->SayReady(options.cgroup.empty() ? "all cgroups" : options.cgroup, options.quiet);

  RecordPrinter printer{PrinterOptions()};
  bool print = false;
  const auto set_print = [&](bool wanted) {
    if (wanted && !print) printer.PrintHeader();
    print = wanted;
  };
  set_print(options.trace);
  const auto reload = [&] {
    const ServeOptions before = options;
    configuration.Reload();
    if (options.server_names != before.server_names) aggregator.SetServerNames(options.server_names);
    if (options.trace != before.trace) set_print(options.trace);
    // The URL was checked as it was read.
    if (options.kubelet != before.kubelet) (*pipeline)->SetKubelet(options.kubelet).IgnoreError();
  };
  const auto take = [&](std::unique_ptr<HandshakeRecord> record) {
    aggregator.Add(*record);
    if (print) printer.Print(*record);
    recent.Add(std::move(record));
  };
  const auto flush = [&] {
    // Metrics go on when nobody reads the lines any more.
    if (print && !printer.Flush().ok()) print = false;
  };

  Clock::time_point next_self_stats = Clock::now();
  while (!StopRequested()) {
    aggregator.Advance(MonotonicNs());
    if (const absl::Status turned = (*pipeline)->Turn(kPollMs, take); !turned.ok()) return FailWith(turned);
    flush();
    heartbeat.Beat();
    if (TakeReloadRequest()) reload();
    if (Clock::now() < next_self_stats) continue;
    next_self_stats = Clock::now() + kSelfStatsEvery;
    tell_self();
  }
  (*pipeline)->Finish(take);
  flush();
  (*server)->Stop();
  (*pipeline)->SayLast(options.quiet);
  return kExitOk;
}

}  // namespace tlsmeter::agent
