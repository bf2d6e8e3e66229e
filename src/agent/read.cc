#include <unistd.h>

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "src/agent/commands.h"
#include "src/agent/read_summary.h"
#include "src/agent/replay.h"
#include "src/agent/stop_signal.h"

namespace tlsmeter::agent {
namespace {

// Lines of a file are written, and progress is looked at, once in so many packets; of a pipe with each packet, since the
// next one may be long in coming.
constexpr uint64_t kTurn = 4096;

// Progress shows on a terminal how far the reading is, once it takes longer than a second.
class Progress {
 public:
  // Lines that are printed to the terminal are progress enough.
  Progress(bool wanted, bool lines_are_printed)
      : visible_(wanted && isatty(STDERR_FILENO) == 1 && !(lines_are_printed && isatty(STDOUT_FILENO) == 1)) {}

  void Show(const std::string& file, const PcapSource& source, uint64_t packets) {
    const auto now = Clock::now();
    if (!visible_ || now < next_) return;
    next_ = now + kEvery;
    shown_ = true;
    std::fprintf(stderr, "\r\033[K%s: %" PRIu64 " packets", file.c_str(), packets);
    if (source.size() > 0) {
      std::fprintf(stderr, ", %.0f %%", 100 * static_cast<double>(source.position()) / static_cast<double>(source.size()));
    }
    std::fflush(stderr);
  }

  void Clear() {
    if (shown_) std::fputs("\r\033[K", stderr);
    shown_ = false;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kEvery{200};

  bool visible_;
  bool shown_ = false;
  Clock::time_point next_ = Clock::now() + std::chrono::seconds(1);
};

class Read {
 public:
  explicit Read(const ReadOptions& options)
      : options_(options), printer_(options.printer), progress_(!options.quiet, !options.summary) {}

  ExitCode Run();

 private:
  ExitCode ReadFile(const std::string& path);
  void PrintRecords();
  bool Stopped() const { return StopRequested() || printer_.full() || !output_.ok(); }

  const ReadOptions& options_;
  RecordPrinter printer_;
  Progress progress_;
  Replay replay_;
  ReadSummary summary_;
  absl::Status output_;
};

void Read::PrintRecords() {
  for (const auto& record : replay_.Harvest()) {
    if (options_.summary) {
      if (options_.printer.filter.Matches(*record)) summary_.Add(*record);
    } else {
      printer_.Print(*record);
    }
  }
}

ExitCode Read::ReadFile(const std::string& path) {
  absl::StatusOr<std::unique_ptr<PcapSource>> source = PcapSource::Open(path);
  absl::Status status = source.status();
  replay_.BeginFile();
  while (status.ok() && !Stopped()) {
    const absl::StatusOr<std::optional<CapturedPacket>> packet = (*source)->Next();
    status = packet.status();
    if (!status.ok() || !packet->has_value()) break;
    replay_.Take((*source)->link(), **packet);
    PrintRecords();
    const bool pipe = (*source)->size() == 0;
    if (!pipe && replay_.packets() % kTurn != 0) continue;
    output_ = printer_.Flush();
    progress_.Show(path, **source, replay_.packets());
  }
  progress_.Clear();
  // A signal interrupts the reading of a pipe.
  return status.ok() || StopRequested() ? kExitOk : FailWith(status);
}

ExitCode Read::Run() {
  CatchStopSignals();
  if (!options_.summary) printer_.PrintHeader();
  ExitCode code = kExitOk;
  for (const std::string& path : options_.files) {
    const ExitCode file_code = ReadFile(path);
    if (code == kExitOk) code = file_code;
    if (Stopped()) break;
  }
  replay_.Finish();
  PrintRecords();
  output_ = printer_.Flush();
  if (options_.summary) std::fputs(summary_.Text().c_str(), stdout);
  std::fflush(stdout);
  if (!options_.quiet) std::fprintf(stderr, "tlsmeter: %s\n", replay_.LastLine().c_str());
  return code;
}

}  // namespace

ExitCode RunRead(const ReadOptions& options) { return Read(options).Run(); }

}  // namespace tlsmeter::agent
