#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "src/agent/commands.h"
#include "src/agent/pipeline.h"
#include "src/agent/stop_signal.h"
#include "src/agent/terminal.h"
#include "src/agent/top_screen.h"
#include "src/agent/top_table.h"
#include "src/base/clock.h"

namespace tlsmeter::agent {
namespace {

// How long a key waits to be seen, at most.
constexpr int kPollMs = 50;

// A time that someone wrote; of more than thirty years, for ever.
uint64_t Nanoseconds(double seconds) { return static_cast<uint64_t>(std::min(seconds, 1e9) * 1e9); }

class Top {
 public:
  Top(const TopOptions& options, std::unique_ptr<Pipeline> pipeline)
      : options_(options),
        controls_(options.controls),
        pipeline_(std::move(pipeline)),
        table_(Nanoseconds(options.window_seconds), start_ns_) {}

  ExitCode Run();

 private:
  absl::Status RunOnScreen();
  absl::Status RunAsText();
  absl::Status Turn();
  void Finish();
  void Add(const HandshakeRecord& record);
  void Look();
  bool IsDue();
  bool IsOver() const;
  TopPage Page() const;

  const TopOptions& options_;
  TopControls controls_;
  std::unique_ptr<Pipeline> pipeline_;
  const uint64_t start_ns_ = MonotonicNs();
  TopTable table_;
  uint64_t next_ns_ = 0;  // when to look at the table again
  TopPage seen_;          // what was seen there the last time: all rows
  std::vector<std::string>
      notices_;  // what the pipeline says meanwhile: some for each hook, and each image, see ImageManager
};

void Top::Add(const HandshakeRecord& record) {
  if (options_.filter.Matches(record)) table_.Add(record, MonotonicNs());
}

absl::Status Top::Turn() {
  return pipeline_->Turn(kPollMs, [this](std::unique_ptr<HandshakeRecord> record) { Add(*record); });
}

void Top::Finish() {
  pipeline_->Finish([this](std::unique_ptr<HandshakeRecord> record) { Add(*record); });
}

void Top::Look() {
  const absl::Time now = absl::Now();
  seen_.view = table_.View(controls_.by, MonotonicNs());
  seen_.all_rows = seen_.view.rows.size();
  seen_.clock = absl::FormatTime("%H:%M:%S", now, absl::LocalTimeZone());
  seen_.unix_seconds = absl::ToUnixSeconds(now);
  seen_.status = pipeline_->LastLine();
}

bool Top::IsDue() {
  const uint64_t now_ns = MonotonicNs();
  if (now_ns < next_ns_) return false;
  next_ns_ = now_ns + Nanoseconds(options_.interval_seconds);
  return true;
}

bool Top::IsOver() const {
  return options_.duration_seconds > 0 && MonotonicNs() - start_ns_ >= Nanoseconds(options_.duration_seconds);
}

TopPage Top::Page() const {
  TopPage page = seen_;
  page.controls = controls_;
  page.notices = notices_;
  std::erase_if(page.view.rows, [this](const TopRow& row) { return !TopNameMatches(controls_.filter, row.name); });
  SortTopRows(controls_.order, controls_.reverse, &page.view.rows);
  return page;
}

absl::Status Top::RunOnScreen() {
  absl::StatusOr<std::unique_ptr<Terminal>> terminal = Terminal::Open();
  if (!terminal.ok()) return terminal.status();
  KeyDecoder decoder;
  TopGrouping seen_by = controls_.by;
  TerminalSize drawn_size;
  size_t rows = 0, room = 0;  // of the page that is shown: how many there are, and how many it has room for
  absl::Status turned, drawn;
  while (turned.ok() && drawn.ok() && !controls_.quit && !StopRequested() && !IsOver()) {
    const std::string keys = decoder.Take((*terminal)->ReadKeys());
    for (const char key : keys) {
      controls_.Press(key, room);
      controls_.Clamp(rows, room);
    }
    bool changed = !keys.empty();
    changed |= (*terminal)->SuspendIfAsked();
    const TerminalSize size = (*terminal)->size();
    changed |= size != drawn_size;
    if ((IsDue() && !controls_.paused) || controls_.by != seen_by) {
      Look();
      seen_by = controls_.by;
      changed = true;
    }
    if (changed) {
      TopPage page = Page();
      rows = page.view.rows.size();
      room = TopRoom(page, size);
      controls_.Clamp(rows, room);
      page.controls.first = controls_.first;
      drawn = (*terminal)->Draw(TopScreen(page, size, options_.color));
    }
    drawn_size = size;
    turned = Turn();
  }
  terminal->reset();
  Finish();       // for the last line
  return turned;  // a terminal that has gone is an end like another
}

absl::Status Top::RunAsText() {
  next_ns_ = start_ns_ + Nanoseconds(options_.interval_seconds);
  absl::Status turned;
  bool read = true;  // by somebody
  const auto print = [this, &read] {
    Look();
    const std::string block = TopBlock(Page());
    read = std::fwrite(block.data(), 1, block.size(), stdout) == block.size() && std::fflush(stdout) == 0;
  };
  while (turned.ok() && read && !StopRequested() && !IsOver()) {
    turned = Turn();
    if (IsDue() && !IsOver()) print();
  }
  if (turned.ok() && read) {
    Finish();
    print();
  }
  return turned;
}

ExitCode Top::Run() {
  absl::Status status;
  if (Terminal::IsUsable()) {
    pipeline_->SayTo([this](const std::string& sentence) { notices_.push_back(sentence); });
    pipeline_->SayBlind();
    status = RunOnScreen();
    for (const std::string& notice : notices_) Pipeline::SayToStderr(notice);
    pipeline_->SayTo(Pipeline::SayToStderr);
  } else {
    pipeline_->SayReady(options_.cgroup.empty() ? "all cgroups" : options_.cgroup, false);
    status = RunAsText();
  }
  if (!status.ok()) return FailWith(status);
  pipeline_->SayLast(false);
  return kExitOk;
}

}  // namespace

ExitCode RunTop(const TopOptions& options) {
  CatchStopSignals();
  absl::StatusOr<std::unique_ptr<Pipeline>> pipeline =
      Pipeline::Start(BpfSourceOptions{.cgroup_path = options.cgroup,
                                       .measure_time = false,
                                       .library = options.library,
                                       .hellos = options.filter.hello_filter(options.library)});
  if (!pipeline.ok()) return FailWith(pipeline.status());
  return Top(options, *std::move(pipeline)).Run();
}

}  // namespace tlsmeter::agent
