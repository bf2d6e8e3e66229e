// ImageManager: keeps the files with TLS code that watched processes map instrumented - found, decoded, attached once per
// file, let go when nobody maps them or when they are written to - and knows for every process how well it is seen.
//
// Processes are found by listing the watched cgroup (or /proc) four times a second; a process's maps are read when it is
// new, at growing intervals later, and when Notice names it. Measured: 0.1 ms to list 100 processes, 0.06 ms to read one's
// maps, so 0.8 ms a second per hundred processes. Where the kernel tells of mappings (Take), a process that maps a file
// which is not known is looked at at once, and again after 1, 2, 4, ... ms, until the loader is done: MAPPED_TO_ATTACHED
// from the first segment of a libssl to the probes in it. Without, the first handshakes through a new file may be missed,
// and a process that takes over the number of another is found at the next interval.
//
// All on the event thread. A Poll ends after kPollBudget plus the one piece of work that it has begun: a plan (3 to 7 ms for
// a shared library, 25 to 70 ms for a program like node), an attachment (10 to 20 ms, 50 ms with 100 processes on a busy
// machine), or a detachment (40 ms).
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
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/unique_fd.h"
#include "src/image/elf_file.h"
#include "src/image/image_plan.h"
#include "src/image/process_maps.h"
#include "src/image/stack_state.h"
#include "src/image/uprobe_link.h"

namespace tlsmeter::agent {

// ImageReport is what is known of one file with TLS code.
struct ImageReport {
  StackView stack;
  std::string path;      // as a process sees it
  std::string build_id;  // lower-case hex, may be empty
  std::string version;
  std::string message;   // why it is not instrumented
  uint32_t slot = 0;     // of an instrumented one
  size_t processes = 0;  // that map it
};

class ImageManager {
 public:
  // Ceilings. kMaxImages is how many slots the BPF side's table has: with a file per container image that is room for a
  // large host. kMaxFiles bounds the files that are remembered with what they are, TLS or not; a host of 1,000 processes
  // maps 2,000.
  static constexpr uint32_t kMaxImages = 128;
  static constexpr size_t kMaxFiles = 16384;
  static constexpr size_t kMaxCachedPlans = 128;
  static constexpr size_t kMaxBlind = 256;   // reports that nobody took
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

  using AttachFunction = std::function<absl::StatusOr<UprobeLink>(int fd, uint32_t slot, const std::vector<Probe>& probes)>;

  struct Options {
    std::string cgroup;          // directory below which processes are watched; empty: all
    std::string proc = "/proc";  // for tests
    // configure makes the BPF side ready for events of `slot`; called before the probes are attached.
    std::function<absl::Status(uint32_t slot, const ImagePlan& plan)> configure;
    // attach attaches the program: AttachUprobes with what the caller has loaded. The file stays open until it returns.
    AttachFunction attach;
    // know says that Take need not be told of `file`, or must be again; null where nobody tells. Who tells does so once for
    // each file, until it is made to forget.
    std::function<void(const MappedFile::Id& file, bool known)> know;
    std::function<absl::Time()> now = absl::Now;
  };

  // Losses and work, since start.
  struct Counters {
    uint64_t planned = 0;       // decoded
    uint64_t plans_reused = 0;  // of the same build
    uint64_t attached = 0;
    uint64_t detached = 0;           // nobody maps the file any more
    uint64_t overwritten = 0;        // see StackState
    uint64_t distrusted = 0;         // see StackState
    uint64_t over_limit = 0;         // an image, file or process beyond a ceiling
    uint64_t processes_scanned = 0;  // maps read
  };

  explicit ImageManager(Options options);
  ~ImageManager();
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

  // Distrust detaches the image of `slot`, whose probes read what cannot be, and leaves alone every file of that build from
  // then on. Does nothing when no image has the slot any more.
  void Distrust(uint32_t slot);

  // TakeBlind returns the files that are not instrumented, or no longer, each once, since the last call.
  std::vector<ImageReport> TakeBlind() { return std::exchange(blind_, {}); }

  // StackOf returns what the process that had `pid` and started `start_time_ns` after boot uses, as it was last looked at,
  // and how well it is seen; also of one that has ended, as long as it is among the last kMaxEnded. Nothing for a process
  // that is not watched or was never looked at.
  std::optional<StackView> StackOf(pid_t pid, uint64_t start_time_ns) const;

  // ProcessCounts returns the number of watched processes by view; one that was not yet looked at is pending.
  std::map<StackView, size_t> ProcessCounts() const;

  // Images returns all files with TLS code that watched processes map.
  std::vector<ImageReport> Images() const;

  const Counters& counters() const { return counters_; }

 private:
  // RealId names an inode. The device is left out: one file shows as many devices as there are overlays above it. Two files
  // with the same number, size and both times to the nanosecond do not occur: nobody can set the change time.
  struct RealId {
    uint64_t inode = 0;
    uint64_t size = 0;
    int64_t modified_ns = 0;
    int64_t changed_ns = 0;

    auto operator<=>(const RealId&) const = default;
    // SameContent: the same file, not written to; its change time moves with its mode and its links too.
    bool SameContent(const RealId& other) const {
      return inode == other.inode && size == other.size && modified_ns == other.modified_ns;
    }
  };

  // What a file's dynamic symbols and notes say.
  enum class Content : uint8_t { kNothing, kCrypto, kOpenSsl, kGnuTls, kGo, kJava, kNss };

  struct Image {
    RealId id;
    Content content = Content::kNothing;
    ImageReport report;
    std::string plan;  // its key in plans_
    UprobeLink link;
    UniqueFd fd;     // open while instrumented, to notice changes
    int watch = -1;  // of inotify
    absl::Time found = absl::InfinitePast();
  };

  struct File {
    Content content = Content::kNothing;
    std::shared_ptr<Image> image;  // null when there is no TLS code in it
    bool mapped = true;            // for Prune
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

  struct CachedPlan {
    uint64_t size = 0;
    ImagePlan plan;
    std::vector<uint8_t> code;  // what lay at the probes
    bool distrusted = false;
  };

  static absl::StatusOr<RealId> Identify(int fd);
  static Content ContentOf(ElfFile* elf);
  static StackKind KindOf(Content content);
  static StackView StackOf(const File& file);

  void ListProcesses();
  void Hurry(absl::Time now);
  void Know(const MappedFile::Id& file, bool known) const;
  void Remember(pid_t pid, const Process& process);
  void ScanProcess(pid_t pid, Process* process);
  void Classify(pid_t pid, const MappedFile& mapped);
  absl::StatusOr<ElfFile> OpenMapped(pid_t pid, const MappedFile& mapped) const;
  bool Instrument(pid_t pid, const std::vector<MappedFile>& all, const MappedFile& mapped, Image* image);
  absl::StatusOr<ElfFile> OpenCrypto(pid_t pid, const std::vector<MappedFile>& all) const;
  absl::StatusOr<ImagePlan> PlanFor(Image* image, ElfFile* file, ElfFile* crypto);
  absl::Status Attach(const ImagePlan& plan, ElfFile* file, Image* image);
  void LeaveAlone(Image* image, StackState state, std::string why);
  void ReadChanges();
  void Prune();
  std::optional<uint32_t> FreeSlot() const;
  StackView StackOf(const Process& process) const;

  Options options_;
  Counters counters_;
  UniqueFd inotify_;
  absl::Time next_list_ = absl::InfinitePast();
  absl::Time next_prune_ = absl::InfinitePast();
  std::map<pid_t, Process> processes_;
  std::vector<Hurried> hurried_;
  std::deque<Data> data_;    // the longest known first
  std::deque<Ended> ended_;  // the longest gone first
  std::deque<pid_t> due_;    // to be scanned in this round, at most kMaxMappingProcesses and what Notice adds
  absl::flat_hash_map<MappedFile::Id, File> files_;
  std::map<RealId, std::shared_ptr<Image>> images_;
  std::map<std::string, CachedPlan> plans_;  // by build id, and by that of the libcrypto
  std::vector<ImageReport> blind_;           // at most kMaxBlind
  uint32_t last_slot_ = kMaxImages - 1;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_IMAGE_IMAGE_MANAGER_H_
