#include "src/image/image_manager.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/process_stat.h"
#include "src/base/read_file.h"
#include "src/image/gnutls_image.h"
#include "src/image/openssl_image.h"

namespace tlsmeter::agent {
namespace {

constexpr std::string_view kOpenSslSign = "SSL_set_accept_state";
constexpr std::string_view kGnuTlsSign = "gnutls_handshake";
constexpr std::string_view kCryptoSign = "BIO_test_flags";
constexpr std::string_view kNssSign = "SSL_ImportFD";
constexpr std::string_view kJavaSign = "JNI_CreateJavaVM";

// kMaxMapsBytes is the longest /proc/PID/maps that is read: 65,530 mappings (vm.max_map_count) of 512 bytes.
constexpr size_t kMaxMapsBytes = 32 << 20;

// kSiteBytes is how much code at each probe must be the same for a plan to fit another file of the same build.
constexpr size_t kSiteBytes = 8;

constexpr char kDistrustedMessage[] = "what its probes read made no sense: this build is laid out in another way";

int64_t Nanoseconds(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

// The bytes at each probe, from the file itself; empty when they are not there.
std::vector<uint8_t> CodeAtProbes(const ImagePlan& plan, int fd) {
  std::vector<uint8_t> code(plan.probes.size() * kSiteBytes);
  for (size_t i = 0; i < plan.probes.size(); ++i) {
    const ssize_t n = pread(fd, code.data() + i * kSiteBytes, kSiteBytes, static_cast<off_t>(plan.probes[i].file_offset));
    if (n != static_cast<ssize_t>(kSiteBytes)) return {};
  }
  return code;
}

}  // namespace

ImageManager::ImageManager(Options options)
    : options_(std::move(options)), inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

ImageManager::~ImageManager() = default;

absl::StatusOr<ImageManager::RealId> ImageManager::Identify(int fd) {
  struct stat st;
  if (fstat(fd, &st) != 0) return absl::ErrnoToStatus(errno, "fstat");
  return RealId{st.st_ino, static_cast<uint64_t>(st.st_size), Nanoseconds(st.st_mtim), Nanoseconds(st.st_ctim)};
}

void ImageManager::Poll() {
  const absl::Time start = options_.now();
  ReadChanges();
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
    const std::shared_ptr<Image> image = file->second.image;
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

ImageManager::Content ImageManager::ContentOf(ElfFile* elf) {
  constexpr std::pair<std::string_view, Content> kSigns[] = {{kOpenSslSign, Content::kOpenSsl},
                                                             {kGnuTlsSign, Content::kGnuTls},
                                                             {kCryptoSign, Content::kCrypto},
                                                             {kNssSign, Content::kNss},
                                                             {kJavaSign, Content::kJava}};
  std::vector<std::string_view> names;
  for (const auto& [name, content] : kSigns) names.push_back(name);
  const SymbolTable symbols = elf->FindSymbols(names, ElfFile::Symbols::kDynamic);
  for (const auto& [name, content] : kSigns) {
    if (symbols.contains(name)) return content;
  }
  return elf->is_go() ? Content::kGo : Content::kNothing;
}

StackKind ImageManager::KindOf(Content content) {
  switch (content) {
    case Content::kNothing:
    case Content::kCrypto:
      return StackKind::kNone;
    case Content::kOpenSsl:
      return StackKind::kOpenSsl;
    case Content::kGnuTls:
      return StackKind::kGnuTls;
    case Content::kGo:
      return StackKind::kGo;
    case Content::kJava:
      return StackKind::kJava;
    case Content::kNss:
      return StackKind::kNss;
  }
  return StackKind::kNone;
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
  if (file.content == Content::kOpenSsl || file.content == Content::kGnuTls) {
    const absl::StatusOr<RealId> id = Identify(elf->fd());
    if (!id.ok()) return;
    std::shared_ptr<Image>& image = images_[*id];
    if (image == nullptr) {
      image = std::make_shared<Image>();
      image->id = *id;
      image->found = options_.now();
      image->content = file.content;
      image->report.stack.kind = KindOf(file.content);
      image->report.path = mapped.path;
      image->report.build_id = elf->build_id();
    }
    file.image = image;
  }
  files_.emplace(mapped.id, std::move(file));
  Know(mapped.id, true);
}

absl::StatusOr<ElfFile> ImageManager::OpenCrypto(pid_t pid, const std::vector<MappedFile>& all) const {
  for (const MappedFile& mapped : all) {
    const auto file = files_.find(mapped.id);
    if (file != files_.end() && file->second.content == Content::kCrypto) return OpenMapped(pid, mapped);
  }
  return absl::NotFoundError("no libcrypto is mapped");
}

// Brings a pending image to its final state; false when it must be tried again.
bool ImageManager::Instrument(pid_t pid, const std::vector<MappedFile>& all, const MappedFile& mapped, Image* image) {
  absl::StatusOr<ElfFile> file = OpenMapped(pid, mapped);
  if (!file.ok()) return true;  // the process is gone: another one that maps the file brings it here again
  constexpr std::string_view kSigns[] = {kCryptoSign};
  const bool linked_in = !file->FindSymbols(kSigns, ElfFile::Symbols::kDynamic).empty();
  absl::StatusOr<ElfFile> other = OpenCrypto(pid, all);
  const bool waits = image->content == Content::kOpenSsl && !linked_in && !other.ok();
  if (waits && options_.now() < image->found + kCryptoPatience) return false;
  ElfFile* const crypto = linked_in ? &*file : other.ok() ? &*other : nullptr;
  const absl::StatusOr<ImagePlan> plan = PlanFor(image, &*file, crypto);
  if (!plan.ok()) {
    LeaveAlone(image, absl::IsAborted(plan.status()) ? StackState::kDistrusted : StackState::kUnsupported,
               std::string(plan.status().message()));
    return true;
  }
  image->report.version = plan->version;
  if (const absl::Status status = Attach(*plan, &*file, image); !status.ok()) {
    LeaveAlone(image, StackState::kFailed, std::string(status.message()));
  }
  return true;
}

// kAborted: a build that is distrusted.
absl::StatusOr<ImagePlan> ImageManager::PlanFor(Image* image, ElfFile* file, ElfFile* crypto) {
  const std::string key = absl::StrCat(file->build_id(), "+", crypto != nullptr ? crypto->build_id() : "");
  image->plan = key;
  if (const auto cached = plans_.find(key); cached != plans_.end() && cached->second.size == image->id.size) {
    if (cached->second.code == CodeAtProbes(cached->second.plan, file->fd())) {
      if (cached->second.distrusted) return absl::AbortedError(kDistrustedMessage);
      ++counters_.plans_reused;
      return cached->second.plan;
    }
  }
  ++counters_.planned;
  absl::StatusOr<ImagePlan> plan = image->content == Content::kGnuTls ? PlanGnuTls(file) : PlanOpenSsl(file, crypto);
  if (plan.ok() && !plan->build_id.empty() && plans_.size() < kMaxCachedPlans) {
    plans_[key] = {image->id.size, *plan, CodeAtProbes(*plan, file->fd())};
  }
  return plan;
}

absl::Status ImageManager::Attach(const ImagePlan& plan, ElfFile* file, Image* image) {
  const std::optional<uint32_t> slot = FreeSlot();
  if (!slot) {
    ++counters_.over_limit;
    return absl::ResourceExhaustedError(absl::StrCat("more than ", kMaxImages, " files with TLS code are mapped"));
  }
  if (const absl::Status status = options_.configure(*slot, plan); !status.ok()) return status;
  // Watched before the last look, so that no change falls between the two.
  const std::string path = absl::StrCat("/proc/self/fd/", file->fd());
  const int watch = inotify_add_watch(inotify_.get(), path.c_str(), IN_MODIFY | IN_CLOSE_WRITE);
  if (watch < 0) return absl::ErrnoToStatus(errno, "cannot watch the file for changes");
  const absl::StatusOr<RealId> now = Identify(file->fd());
  UprobeLink link;
  absl::Status status =
      now.ok() && now->SameContent(image->id) ? absl::OkStatus() : absl::AbortedError("it changed while it was decoded");
  if (status.ok()) {
    absl::StatusOr<UprobeLink> attached = options_.attach(file->fd(), *slot, plan.probes);
    status = attached.status();
    if (attached.ok()) link = *std::move(attached);
  }
  if (!status.ok()) {
    inotify_rm_watch(inotify_.get(), watch);
    return status;
  }
  image->link = std::move(link);
  image->watch = watch;
  image->fd = UniqueFd(dup(file->fd()));
  image->report.slot = last_slot_ = *slot;
  image->report.stack.state = StackState::kInstrumented;
  ++counters_.attached;
  return absl::OkStatus();
}

std::optional<uint32_t> ImageManager::FreeSlot() const {
  std::array<bool, kMaxImages> taken = {};
  for (const auto& [id, image] : images_) {
    if (image->watch >= 0) taken[image->report.slot] = true;
  }
  // In turn, so that events still under way from a file that was let go do not meet another file's slot.
  for (uint32_t i = 1; i <= kMaxImages; ++i) {
    const uint32_t slot = (last_slot_ + i) % kMaxImages;
    if (!taken[slot]) return slot;
  }
  return std::nullopt;
}

void ImageManager::Distrust(uint32_t slot) {
  for (auto& [id, image] : images_) {
    if (image->watch < 0 || image->report.slot != slot) continue;
    LeaveAlone(image.get(), StackState::kDistrusted, kDistrustedMessage);
    if (const auto cached = plans_.find(image->plan); cached != plans_.end()) cached->second.distrusted = true;
    ++counters_.distrusted;
  }
}

// Brings an image to a state in which it is not instrumented, and says so.
void ImageManager::LeaveAlone(Image* image, StackState state, std::string why) {
  if (image->watch >= 0) inotify_rm_watch(inotify_.get(), image->watch);
  image->watch = -1;
  image->link = {};
  image->fd = {};
  image->report.stack.state = state;
  image->report.message = std::move(why);
  if (blind_.size() < kMaxBlind) blind_.push_back(image->report);
}

// A file that is overwritten in place gives new processes the instruction that was saved from the old one: detach at once.
void ImageManager::ReadChanges() {
  alignas(inotify_event) std::array<char, 4096> buffer;
  for (ssize_t n; (n = read(inotify_.get(), buffer.data(), buffer.size())) > 0;) {
    for (ssize_t at = 0; at < n;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      at += static_cast<ssize_t>(sizeof(*event) + event->len);
      for (auto& [id, image] : images_) {
        const bool lost = event->mask & IN_Q_OVERFLOW;
        if (image->watch < 0 || (image->watch != event->wd && !lost)) continue;
        const absl::StatusOr<RealId> now = Identify(image->fd.get());
        if (now.ok() && now->SameContent(id)) continue;  // opened for writing and closed again
        LeaveAlone(image.get(), StackState::kOverwritten, "it was written to while it was mapped");
        ++counters_.overwritten;
      }
    }
  }
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
  std::erase_if(images_, [this](const auto& entry) {
    const Image& image = *entry.second;
    if (entry.second.use_count() > 1) return false;  // a file still has it
    if (image.watch >= 0) {
      inotify_rm_watch(inotify_.get(), image.watch);
      ++counters_.detached;
    }
    return true;
  });
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
  std::map<const Image*, size_t> users;
  for (const auto& [pid, process] : processes_) {
    for (const MappedFile::Id& mapped : process.files) {
      if (const auto file = files_.find(mapped); file != files_.end()) ++users[file->second.image.get()];
    }
  }
  std::vector<ImageReport> reports;
  for (const auto& [id, image] : images_) {
    ImageReport& report = reports.emplace_back(image->report);
    if (const auto found = users.find(image.get()); found != users.end()) report.processes = found->second;
  }
  return reports;
}

}  // namespace tlsmeter::agent
