#include <chrono>

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
  void Print(const std::vector<HandshakeRecord>& records);

  const TraceOptions& options_;
  RecordPrinter printer_;
};

void Trace::Print(const std::vector<HandshakeRecord>& records) {
  for (const HandshakeRecord& record : records) printer_.Print(record);
}

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
  absl::Status output;
  while (!StopRequested() && !printer_.full() && !over() && output.ok()) {
    absl::StatusOr<std::vector<HandshakeRecord>> records = (*pipeline)->Turn(kPollMs);
    if (!records.ok()) return FailWith(records.status());
    Print(*records);
    output = printer_.Flush();
  }
  Print((*pipeline)->Finish());
  if (output.ok()) output = printer_.Flush();
  (*pipeline)->SayLast(options_.quiet);
  return kExitOk;
}

}  // namespace

ExitCode RunTrace(const TraceOptions& options) { return Trace(options).Run(); }

}  // namespace tlsmeter::agent
