// ImageTable: the files with TLS code, each once however many paths, mounts and processes it has, and the probes in them.
// Decodes a file, attaches to it, lets it go when it is written to, when its plan proves wrong, or when nobody wants it any
// more. Which processes map it is no business of it.
//
// One thread. What takes long: to decode a file (3 to 7 ms for a shared library, 25 to 70 ms for a program like node), to
// attach (10 to 20 ms, 50 ms with 100 processes on a busy machine), to detach (40 ms).
#ifndef TLSMETER_SRC_IMAGE_IMAGE_TABLE_H_
#define TLSMETER_SRC_IMAGE_IMAGE_TABLE_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/unique_fd.h"
#include "src/image/elf_file.h"
#include "src/image/file_content.h"
#include "src/image/image_plan.h"
#include "src/image/plan_cache.h"
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

// ImageCounters are losses and work, since start.
struct ImageCounters {
  uint64_t planned = 0;       // decoded
  uint64_t plans_reused = 0;  // of the same build
  uint64_t attached = 0;
  uint64_t detached = 0;           // nobody maps the file any more
  uint64_t overwritten = 0;        // see StackState
  uint64_t distrusted = 0;         // see StackState
  uint64_t over_limit = 0;         // an image, file or process beyond a ceiling
  uint64_t processes_scanned = 0;  // maps read
};

// FileIdentity names an inode as it is now. The device is left out: one file shows as many devices as there are overlays
// above it. Two files with the same number, size and both times to the nanosecond do not occur: nobody can set the change
// time.
struct FileIdentity {
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t modified_ns = 0;
  int64_t changed_ns = 0;

  auto operator<=>(const FileIdentity&) const = default;
  // SameContent: the same file, not written to; its change time moves with its mode and its links too.
  bool SameContent(const FileIdentity& other) const {
    return inode == other.inode && size == other.size && modified_ns == other.modified_ns;
  }
};

class ImageTable {
 public:
  // kMaxImages is how many slots the BPF side's table has: with a file per container image that is room for a large host.
  static constexpr uint32_t kMaxImages = 128;
  static constexpr size_t kMaxBlind = 256;  // reports that nobody took

  // Attacher attaches a program to all probes of the open file `fd`.
  using Attacher = std::function<absl::StatusOr<UprobeLink>(int fd, uint32_t slot, const std::vector<Probe>& probes)>;
  // Configurer makes the BPF side ready for events of `slot`; called before the probes are attached.
  using Configurer = std::function<absl::Status(uint32_t slot, const ImagePlan& plan)>;

  struct Image {
    FileIdentity id;
    FileContent content = FileContent::kNothing;
    ImageReport report;  // without the processes
    absl::Time found = absl::InfinitePast();
    std::string plan;  // its key among the plans
    UprobeLink link;
    UniqueFd fd;     // open while instrumented, to notice changes
    int watch = -1;  // of inotify, while instrumented
  };
  using Images = std::map<FileIdentity, std::shared_ptr<Image>>;

  // `counters` is where losses and work are counted; it must live as long as the table.
  ImageTable(Configurer configure, Attacher attach, ImageCounters* counters);
  ImageTable(const ImageTable&) = delete;
  ImageTable& operator=(const ImageTable&) = delete;

  // Find returns the image of an open file, a new one in state kPending when the file is not known. `path` and `now` are
  // what a new one is reported with. An error when the file cannot be looked at.
  absl::StatusOr<std::shared_ptr<Image>> Find(const ElfFile& file, FileContent content, const std::string& path,
                                              absl::Time now);

  // Instrument brings an image in state kPending to another: attached to, or left alone. `crypto` is the libcrypto beside
  // an OpenSSL, null when there is none.
  void Instrument(ElfFile* file, ElfFile* crypto, Image* image);

  // Distrust detaches the image of `slot`, whose probes read what cannot be, and leaves alone every file of that build from
  // then on. Does nothing when no image has the slot any more.
  void Distrust(uint32_t slot);

  // TakeChanges detaches at once from files that were written to: overwritten in place, a file gives new processes the
  // instruction that was saved from the old one.
  void TakeChanges();

  // Prune forgets the images that nobody but the table holds any more; their probes go with them.
  void Prune();

  // TakeBlind returns the files that are not instrumented, or no longer, each once, since the last call.
  std::vector<ImageReport> TakeBlind() { return std::exchange(blind_, {}); }

  const Images& images() const { return images_; }

 private:
  static absl::StatusOr<FileIdentity> Identify(int fd);

  absl::StatusOr<ImagePlan> PlanFor(Image* image, ElfFile* file, ElfFile* crypto);
  absl::Status Attach(const ImagePlan& plan, const ElfFile& file, Image* image);
  void LeaveAlone(Image* image, StackState state, std::string why);
  std::optional<uint32_t> FreeSlot() const;

  Configurer configure_;
  Attacher attach_;
  ImageCounters* counters_;
  UniqueFd inotify_;
  Images images_;
  PlanCache plans_;
  std::vector<ImageReport> blind_;  // at most kMaxBlind
  uint32_t last_slot_ = kMaxImages - 1;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_IMAGE_IMAGE_TABLE_H_
