#include "src/image/image_manager.h"

#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/process_stat.h"
#include "src/base/read_file.h"
#include "src/base/unique_fd.h"

namespace tlsmeter::agent {
namespace {

// kMaxMapsBytes is the longest /proc/PID/maps that is read: 65,530 mappings (vm.max_map_count) of 512 bytes.
constexpr size_t kMaxMapsBytes = 32 << 20;

}  // namespace

ImageManager::ImageManager(Options options)
    : options_(std::move(options)), images_(options_.configure, options_.attach, &counters_) {}

void ImageManager::Poll() {
  const absl::Time start = options_.now();
  images_.TakeChanges();
  if (due_.empty() && start >= next_list_) {
    next_list_ = start + kListInterval;
    ListProcesses();
  }
  Hurry(start);
  if (start >= next_prune_) {
    next_prune_ = start + kPruneInterval;
    Prune();
  }
  while (!due_.empty() && options_.now() - start < kPollBudget) {
    const auto process = processes_.find(due_.front());
    if (process != processes_.end()) ScanProcess(process->first, &process->second);
    due_.pop_front();
  }
}

void ImageManager::PollAll() {
  do {
    Poll();
  } while (!due_.empty());
}

void ImageManager::Take(const MappingEvent& event) {
  if (!processes_.contains(event.pid) && processes_.size() >= kMaxMappingProcesses) {
    ++counters_.over_limit;
    return;
  }
  Process& process = processes_[event.pid];
  if (event.exec) process = Process();  // what is known was true of another program
  if (files_.contains(event.file)) return;
  auto hurried =
      std::find_if(hurried_.begin(), hurried_.end(), [&](const Hurried& other) { return other.pid == event.pid; });
  if (hurried == hurried_.end()) {
    if (hurried_.size() >= kMaxHurried) {
      ++counters_.over_limit;
      return;
    }
    hurried = hurried_.insert(hurried_.end(), {.pid = event.pid, .files = {}});
  }
  process.next_scan = options_.now();
  process.interval = kHurriedInterval;
  if (hurried->files.size() < kMaxMappedFiles) hurried->files.push_back(event.file);
}

absl::Duration ImageManager::UntilDue() const {
  absl::Time due = absl::InfiniteFuture();
  for (const Hurried& hurried : hurried_) {
    const auto process = processes_.find(hurried.pid);
    if (process != processes_.end()) due = std::min(due, process->second.next_scan);
  }
  return std::max(due - options_.now(), absl::ZeroDuration());
}

// Makes those due whose time has come, and lets go those that are looked at as seldom as any new process by now: their
// loader is done, and what it has not mapped executable was data.
void ImageManager::Hurry(absl::Time now) {
  std::erase_if(hurried_, [&](const Hurried& hurried) {
    const auto process = processes_.find(hurried.pid);
    const bool gone = process == processes_.end();
    if (gone || process->second.interval > kListInterval) {
      for (const MappedFile::Id& file : hurried.files) {
        if (files_.contains(file)) continue;
        if (gone) {  // it may have been too quick
          Know(file, false);
          continue;
        }
        if (data_.size() >= kMaxData) {
          Know(data_.front().id, false);
          data_.pop_front();
        }
        Know(file, true);
        data_.push_back({file, now + kDataPatience});
      }
      return true;
    }
    if (now >= process->second.next_scan) due_.push_front(hurried.pid);
    return false;
  });
}

void ImageManager::Know(const MappedFile::Id& file, bool known) const {
  if (options_.know) options_.know(file, known);
}

void ImageManager::Notice(pid_t pid) {
  const auto process = processes_.find(pid);
  if (process == processes_.end()) {
    next_list_ = absl::InfinitePast();
  } else if (options_.now() - process->second.last_scan >= kNoticeInterval &&
             std::find(due_.begin(), due_.end(), pid) == due_.end()) {
    due_.push_front(pid);
  }
}

void ImageManager::ListProcesses() {
  const std::vector<pid_t> pids =
      options_.cgroup.empty() ? agent::ListProcesses(options_.proc) : ListCgroupProcesses(options_.cgroup);
  if (pids.size() >= kMaxMappingProcesses) ++counters_.over_limit;
  std::erase_if(processes_, [&](const auto& known) {
    if (std::binary_search(pids.begin(), pids.end(), known.first)) return false;
    Remember(known.first, known.second);
    return true;
  });
  const absl::Time now = options_.now();
  for (const pid_t pid : pids) {
    if (now >= processes_[pid].next_scan) due_.push_back(pid);
  }
}

void ImageManager::Remember(pid_t pid, const Process& process) {
  if (!process.scanned()) return;
  if (ended_.size() >= kMaxEnded) ended_.pop_front();
  ended_.push_back({pid, process.start_ticks, StackOf(process)});
}

void ImageManager::ScanProcess(pid_t pid, Process* process) {
  ++counters_.processes_scanned;
  const absl::Time now = options_.now();
  process->next_scan = now + process->interval;
  process->interval = std::min(process->interval * 2, kMaxScanInterval);
  // The directory stays that of one process, whoever has the number by now.
  const UniqueFd directory(open(absl::StrCat(options_.proc, "/", pid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const std::optional<ProcessStat> stat =
      ParseProcessStat(ReadFileAt(directory.get(), "stat", kMaxProcessStat).value_or(""));
  const std::optional<std::string> maps = ReadFileAt(directory.get(), "maps", kMaxMapsBytes);
  // A process that is ending shows none: what is known of it stays.
  if (!stat || !maps || (maps->empty() && !stat->kernel_thread)) return;
  if (process->scanned() && process->start_ticks != stat->start_ticks) {
    Remember(pid, *process);
    *process = Process();
    process->next_scan = now + kListInterval;
  }
  process->start_ticks = stat->start_ticks;
  process->last_scan = now;
  const std::vector<MappedFile> all = ParseMaps(*maps);
  process->files.clear();
  // All files first: the libcrypto of a libssl must be known when that is planned.
  for (const MappedFile& mapped : all) {
    process->files.push_back(mapped.id);
    Classify(pid, mapped);
  }
  for (const MappedFile& mapped : all) {
    const auto file = files_.find(mapped.id);
    if (file == files_.end() || file->second.image == nullptr) continue;
    const std::shared_ptr<ImageTable::Image> image = file->second.image;
    if (image->report.stack.state == StackState::kPending && !Instrument(pid, all, mapped, image.get())) {
      process->next_scan = std::min(process->next_scan, process->last_scan + kListInterval / 2);
    }
  }
}

absl::StatusOr<ElfFile> ImageManager::OpenMapped(pid_t pid, const MappedFile& mapped) const {
  // map_files leads to the very file, whatever became of its path; it needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE.
  absl::StatusOr<ElfFile> file = ElfFile::Open(absl::StrCat(options_.proc, "/", pid, "/map_files/", mapped.range));
  if (file.ok() || absl::IsInvalidArgument(file.status())) return file;
  return ElfFile::Open(absl::StrCat(options_.proc, "/", pid, "/root", mapped.path));
}

StackView ImageManager::StackOf(const File& file) {
  return file.image != nullptr ? file.image->report.stack : StackView{StackState::kBlind, KindOf(file.content)};
}

void ImageManager::Classify(pid_t pid, const MappedFile& mapped) {
  if (files_.contains(mapped.id)) return;
  if (files_.size() >= kMaxFiles) {
    ++counters_.over_limit;
    return;
  }
  absl::StatusOr<ElfFile> elf = OpenMapped(pid, mapped);
  if (!elf.ok() && !absl::IsInvalidArgument(elf.status())) return;  // the process is gone, or may not be looked at
  File file;
  if (elf.ok()) file.content = ContentOf(&*elf);
  if (file.content == FileContent::kOpenSsl || file.content == FileContent::kGnuTls) {
    absl::StatusOr<std::shared_ptr<ImageTable::Image>> image = images_.Find(*elf, file.content, mapped.path, options_.now());
    if (!image.ok()) return;
    file.image = *std::move(image);
  }
  files_.emplace(mapped.id, std::move(file));
  Know(mapped.id, true);
}

absl::StatusOr<ElfFile> ImageManager::OpenCrypto(pid_t pid, const std::vector<MappedFile>& all) const {
  for (const MappedFile& mapped : all) {
    const auto file = files_.find(mapped.id);
    if (file != files_.end() && file->second.content == FileContent::kCrypto) return OpenMapped(pid, mapped);
  }
  return absl::NotFoundError("no libcrypto is mapped");
}

// Brings a pending image to its final state; false when it must be tried again.
bool ImageManager::Instrument(pid_t pid, const std::vector<MappedFile>& all, const MappedFile& mapped,
                              ImageTable::Image* image) {
  absl::StatusOr<ElfFile> file = OpenMapped(pid, mapped);
  if (!file.ok()) return true;  // the process is gone: another one that maps the file brings it here again
  const bool linked_in = DefinesCrypto(&*file);
  absl::StatusOr<ElfFile> other = OpenCrypto(pid, all);
  const bool waits = image->content == FileContent::kOpenSsl && !linked_in && !other.ok();
  if (waits && options_.now() < image->found + kCryptoPatience) return false;
  images_.Instrument(&*file, linked_in ? &*file : other.ok() ? &*other : nullptr, image);
  return true;
}

// Forgets files that no process maps any more; their images go with them, and with these the probes.
void ImageManager::Prune() {
  for (auto& [id, file] : files_) file.mapped = false;
  for (const auto& [pid, process] : processes_) {
    for (const MappedFile::Id& mapped : process.files) {
      if (const auto file = files_.find(mapped); file != files_.end()) file->second.mapped = true;
    }
  }
  absl::erase_if(files_, [this](const auto& file) {
    if (!file.second.mapped) Know(file.first, false);
    return !file.second.mapped;
  });
  for (const absl::Time now = options_.now(); !data_.empty() && data_.front().until <= now; data_.pop_front()) {
    Know(data_.front().id, false);
  }
  images_.Prune();
}

StackView ImageManager::StackOf(const Process& process) const {
  if (!process.scanned()) return {};
  StackView best{StackState::kBlind, StackKind::kNone};
  for (const MappedFile::Id& mapped : process.files) {
    const auto file = files_.find(mapped);
    if (file != files_.end()) best = std::min(best, StackOf(file->second));
  }
  return best;
}

std::optional<StackView> ImageManager::StackOf(pid_t pid, uint64_t start_time_ns) const {
  const uint64_t start_ticks = start_time_ns / kNsPerTick;
  const auto process = processes_.find(pid);
  if (process != processes_.end() && process->second.scanned() && process->second.start_ticks == start_ticks) {
    return StackOf(process->second);
  }
  const auto ended = std::find_if(ended_.rbegin(), ended_.rend(), [&](const Ended& candidate) {
    return candidate.pid == pid && candidate.start_ticks == start_ticks;
  });
  if (ended == ended_.rend()) return std::nullopt;
  return ended->stack;
}

std::map<StackView, size_t> ImageManager::ProcessCounts() const {
  std::map<StackView, size_t> counts;
  for (const auto& [pid, process] : processes_) ++counts[StackOf(process)];
  return counts;
}

std::vector<ImageReport> ImageManager::Images() const {
  std::map<const ImageTable::Image*, size_t> users;
  for (const auto& [pid, process] : processes_) {
    for (const MappedFile::Id& mapped : process.files) {
      if (const auto file = files_.find(mapped); file != files_.end()) ++users[file->second.image.get()];
    }
  }
  std::vector<ImageReport> reports;
  for (const auto& [id, image] : images_.images()) {
    ImageReport& report = reports.emplace_back(image->report);
    if (const auto found = users.find(image.get()); found != users.end()) report.processes = found->second;
  }
  return reports;
}

}  // namespace tlsmeter::agent
