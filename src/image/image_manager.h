// ImageManager: finds the files with TLS code that watched processes map, keeps them instrumented (image_table.h) as long as
// anybody maps them, and knows for every process how well it is seen.
//
// Processes are found by listing the watched cgroup (or /proc) four times a second; a process's maps are read when it is
// new, at growing intervals later, and when Notice names it. Measured: 0.1 ms to list 100 processes, 0.06 ms to read one's
// maps, so 0.8 ms a second per hundred processes. Where the kernel tells of mappings (Take), a process that maps a file
// which is not known is looked at at once, and again after 1, 2, 4, ... ms, until the loader is done: 15 to 32 ms
// from the first segment of a libssl to the probes in it. Without, the first handshakes through a new file may be missed,
// and a process that takes over the number of another is found at the next interval.
//
// All on the event thread. A Poll ends after kPollBudget plus the one piece of work that it has begun: see
// image_table.h for what that takes.
#ifndef TLSMETER_SRC_IMAGE_IMAGE_MANAGER_H_
#define TLSMETER_SRC_IMAGE_IMAGE_MANAGER_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/image/elf_file.h"
#include "src/image/file_content.h"
#include "src/image/image_table.h"
#include "src/image/process_maps.h"
#include "src/image/stack_state.h"

namespace tlsmeter::agent {

class ImageManager {
 public:
  // Ceilings. kMaxFiles bounds the files that are remembered with what they are, TLS or not; a host of 1,000 processes maps
  // 2,000.
  static constexpr size_t kMaxFiles = 16384;
  static constexpr size_t kMaxEnded = 1024;  // processes that have ended: a record is made up to some seconds later
  static constexpr absl::Duration kPollBudget = absl::Milliseconds(5);
  static constexpr absl::Duration kListInterval = absl::Milliseconds(250);
  static constexpr absl::Duration kMaxScanInterval = absl::Seconds(32);
  static constexpr absl::Duration kNoticeInterval = absl::Seconds(1);
  static constexpr absl::Duration kPruneInterval = absl::Seconds(5);
  // Between the first two looks at a process of which Take told.
  static constexpr absl::Duration kHurriedInterval = absl::Milliseconds(1);
  static constexpr size_t kMaxHurried = 256;
  // How long a libssl waits for its libcrypto, which the loader maps next.
  static constexpr absl::Duration kCryptoPatience = absl::Milliseconds(700);
  // Files that were mapped and never executable, and how long they are taken to stay so.
  static constexpr size_t kMaxData = 4096;
  static constexpr absl::Duration kDataPatience = absl::Minutes(1);

  struct Options {
    std::string cgroup;          // directory below which processes are watched; empty: all
    std::string proc = "/proc";  // for tests
    ImageTable::Configurer configure;
    ImageTable::Attacher attach;  // AttachUprobes with what the caller has loaded
    // know says that Take need not be told of `file`, or must be again; null where nobody tells. Who tells does so once for
    // each file, until it is made to forget.
    std::function<void(const MappedFile::Id& file, bool known)> know;
    std::function<absl::Time()> now = absl::Now;
  };

  explicit ImageManager(Options options);
  ImageManager(const ImageManager&) = delete;
  ImageManager& operator=(const ImageManager&) = delete;

  // Poll does what is due. Call it on each turn of the event loop.
  void Poll();

  // PollAll polls until nothing is due: at start, so that programs that run already are seen from the first event on.
  void PollAll();

  // Take notes what the kernel tells of a watched process.
  void Take(const MappingEvent& event);

  // UntilDue returns how soon Poll should be called for a process of which Take told; infinite when there is none.
  absl::Duration UntilDue() const;

  // Notice asks for an early look at `pid`, which was seen to use a socket. Does nothing when it was looked at within
  // kNoticeInterval.
  void Notice(pid_t pid);

  // Distrust and TakeBlind are those of the table.
  void Distrust(uint32_t slot) { images_.Distrust(slot); }
  std::vector<ImageReport> TakeBlind() { return images_.TakeBlind(); }

  // StackOf returns what the process that had `pid` and started `start_time_ns` after boot uses, as it was last looked at,
  // and how well it is seen; also of one that has ended, as long as it is among the last kMaxEnded. Nothing for a process
  // that is not watched or was never looked at.
  std::optional<StackView> StackOf(pid_t pid, uint64_t start_time_ns) const;

  // ProcessCounts returns the number of watched processes by view; one that was not yet looked at is pending.
  std::map<StackView, size_t> ProcessCounts() const;

  // Images returns all files with TLS code that watched processes map.
  std::vector<ImageReport> Images() const;

  const ImageCounters& counters() const { return counters_; }

 private:
  struct File {
    FileContent content = FileContent::kNothing;
    std::shared_ptr<ImageTable::Image> image;  // null when there is no TLS code in it
    bool mapped = true;                        // for Prune
  };

  struct Process {
    uint64_t start_ticks = 0;           // ProcessStat
    std::vector<MappedFile::Id> files;  // mapped executable, at most kMaxMappedFiles
    absl::Time last_scan = absl::InfinitePast();
    absl::Time next_scan = absl::InfinitePast();
    absl::Duration interval = kListInterval;  // until the scan after the next

    bool scanned() const { return last_scan != absl::InfinitePast(); }
  };

  // A process that is looked at again and again, and the files for which it is.
  struct Hurried {
    pid_t pid = 0;
    std::vector<MappedFile::Id> files;  // at most kMaxMappedFiles
  };

  struct Data {
    MappedFile::Id id;
    absl::Time until;
  };

  struct Ended {
    pid_t pid = 0;
    uint64_t start_ticks = 0;
    StackView stack;
  };

  static StackView StackOf(const File& file);

  void ListProcesses();
  void Hurry(absl::Time now);
  void Know(const MappedFile::Id& file, bool known) const;
  void Remember(pid_t pid, const Process& process);
  void ScanProcess(pid_t pid, Process* process);
  void Classify(pid_t pid, const MappedFile& mapped);
  absl::StatusOr<ElfFile> OpenMapped(pid_t pid, const MappedFile& mapped) const;
  bool Instrument(pid_t pid, const std::vector<MappedFile>& all, const MappedFile& mapped, ImageTable::Image* image);
  absl::StatusOr<ElfFile> OpenCrypto(pid_t pid, const std::vector<MappedFile>& all) const;
  void Prune();
  StackView StackOf(const Process& process) const;

  Options options_;
  ImageCounters counters_;
  ImageTable images_;
  absl::Time next_list_ = absl::InfinitePast();
  absl::Time next_prune_ = absl::InfinitePast();
  std::map<pid_t, Process> processes_;
  std::vector<Hurried> hurried_;
  std::deque<Data> data_;    // the longest known first
  std::deque<Ended> ended_;  // the longest gone first
  std::deque<pid_t> due_;    // to be scanned in this round, at most kMaxMappingProcesses and what Notice adds
  absl::flat_hash_map<MappedFile::Id, File> files_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_IMAGE_IMAGE_MANAGER_H_
