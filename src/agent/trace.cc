#include <chrono>
#include <memory>

#include "src/agent/commands.h"
#include "src/agent/pipeline.h"
#include "src/agent/stop_signal.h"

namespace tlsmeter::agent {
namespace {

constexpr int kPollMs = 50;

class Trace {
 public:
  explicit Trace(const TraceOptions& options) : options_(options), printer_(options.printer) {}

  ExitCode Run();

 private:
  const TraceOptions& options_;
  RecordPrinter printer_;
};

ExitCode Trace::Run() {
  CatchStopSignals();
  absl::StatusOr<std::unique_ptr<Pipeline>> pipeline =
      Pipeline::Start(BpfSourceOptions{.cgroup_path = options_.cgroup,
                                       .measure_time = false,
                                       .library = options_.library,
                                       .hellos = options_.printer.filter.hello_filter(options_.library)});
  if (!pipeline.ok()) return FailWith(pipeline.status());
  (*pipeline)->SayReady(options_.cgroup.empty() ? "all cgroups" : options_.cgroup, options_.quiet);
  printer_.PrintHeader();

  const auto start = std::chrono::steady_clock::now();
  const auto over = [&] {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    return options_.duration_seconds > 0 && passed.count() >= options_.duration_seconds;
  };
  const auto print = [this](std::unique_ptr<HandshakeRecord> record) { printer_.Print(*record); };
  absl::Status output;
  while (!StopRequested() && !printer_.full() && !over() && output.ok()) {
    if (const absl::Status turned = (*pipeline)->Turn(kPollMs, print); !turned.ok()) return FailWith(turned);
    output = printer_.Flush();
  }
  (*pipeline)->Finish(print);
  if (output.ok()) output = printer_.Flush();
  (*pipeline)->SayLast(options_.quiet);
  return kExitOk;
}

}  // namespace

ExitCode RunTrace(const TraceOptions& options) { return Trace(options).Run(); }

}  // namespace tlsmeter::agent
