#include "src/image/image_table.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/image/gnutls_image.h"
#include "src/image/openssl_image.h"

namespace tlsmeter::agent {
namespace {

constexpr char kDistrustedMessage[] = "what its probes read made no sense: this build is laid out in another way";

int64_t Nanoseconds(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

}  // namespace

ImageTable::ImageTable(Configurer configure, Attacher attach, ImageCounters* counters)
    : configure_(std::move(configure)),
      attach_(std::move(attach)),
      counters_(counters),
      inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

absl::StatusOr<FileIdentity> ImageTable::Identify(int fd) {
  struct stat st;
  if (fstat(fd, &st) != 0) return absl::ErrnoToStatus(errno, "fstat");
  return FileIdentity{st.st_ino, static_cast<uint64_t>(st.st_size), Nanoseconds(st.st_mtim), Nanoseconds(st.st_ctim)};
}

absl::StatusOr<std::shared_ptr<ImageTable::Image>> ImageTable::Find(const ElfFile& file, FileContent content,
                                                                    const std::string& path, absl::Time now) {
  const absl::StatusOr<FileIdentity> id = Identify(file.fd());
  if (!id.ok()) return id.status();
  std::shared_ptr<Image>& image = images_[*id];
  if (image == nullptr) {
    image = std::make_shared<Image>();
    image->id = *id;
    image->content = content;
    image->found = now;
    image->report.stack.kind = KindOf(content);
    image->report.path = path;
    image->report.build_id = file.build_id();
  }
  return image;
}

void ImageTable::Instrument(ElfFile* file, ElfFile* crypto, Image* image) {
  const absl::StatusOr<ImagePlan> plan = PlanFor(image, file, crypto);
  if (!plan.ok()) {
    LeaveAlone(image, absl::IsAborted(plan.status()) ? StackState::kDistrusted : StackState::kUnsupported,
               std::string(plan.status().message()));
    return;
  }
  image->report.version = plan->version;
  if (const absl::Status status = Attach(*plan, *file, image); !status.ok()) {
    LeaveAlone(image, StackState::kFailed, std::string(status.message()));
  }
}

// kAborted: a build that is distrusted.
absl::StatusOr<ImagePlan> ImageTable::PlanFor(Image* image, ElfFile* file, ElfFile* crypto) {
  image->plan = PlanCache::KeyOf(*file, crypto);
  if (const PlanCache::Entry* known = plans_.Find(image->plan, image->id.size, file->fd()); known != nullptr) {
    if (known->distrusted) return absl::AbortedError(kDistrustedMessage);
    ++counters_->plans_reused;
    return known->plan;
  }
  ++counters_->planned;
  absl::StatusOr<ImagePlan> plan = image->content == FileContent::kGnuTls ? PlanGnuTls(file) : PlanOpenSsl(file, crypto);
  if (plan.ok()) plans_.Add(image->plan, image->id.size, file->fd(), *plan);
  return plan;
}

absl::Status ImageTable::Attach(const ImagePlan& plan, const ElfFile& file, Image* image) {
  const std::optional<uint32_t> slot = FreeSlot();
  if (!slot) {
    ++counters_->over_limit;
    return absl::ResourceExhaustedError(absl::StrCat("more than ", kMaxImages, " files with TLS code are mapped"));
  }
  if (const absl::Status status = configure_(*slot, plan); !status.ok()) return status;
  // Watched before the last look, so that no change falls between the two.
  const std::string path = absl::StrCat("/proc/self/fd/", file.fd());
  const int watch = inotify_add_watch(inotify_.get(), path.c_str(), IN_MODIFY | IN_CLOSE_WRITE);
  if (watch < 0) return absl::ErrnoToStatus(errno, "cannot watch the file for changes");
  const absl::StatusOr<FileIdentity> now = Identify(file.fd());
  UprobeLink link;
  absl::Status status =
      now.ok() && now->SameContent(image->id) ? absl::OkStatus() : absl::AbortedError("it changed while it was decoded");
  if (status.ok()) {
    absl::StatusOr<UprobeLink> attached = attach_(file.fd(), *slot, plan.probes);
    status = attached.status();
    if (attached.ok()) link = *std::move(attached);
  }
  if (!status.ok()) {
    inotify_rm_watch(inotify_.get(), watch);
    return status;
  }
  image->link = std::move(link);
  image->watch = watch;
  image->fd = UniqueFd(dup(file.fd()));
  image->report.slot = last_slot_ = *slot;
  image->report.stack.state = StackState::kInstrumented;
  ++counters_->attached;
  return absl::OkStatus();
}

std::optional<uint32_t> ImageTable::FreeSlot() const {
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

void ImageTable::Distrust(uint32_t slot) {
  for (auto& [id, image] : images_) {
    if (image->watch < 0 || image->report.slot != slot) continue;
    LeaveAlone(image.get(), StackState::kDistrusted, kDistrustedMessage);
    plans_.Distrust(image->plan);
    ++counters_->distrusted;
  }
}

// Brings an image to a state in which it is not instrumented, and says so.
void ImageTable::LeaveAlone(Image* image, StackState state, std::string why) {
  if (image->watch >= 0) inotify_rm_watch(inotify_.get(), image->watch);
  image->watch = -1;
  image->link = {};
  image->fd = {};
  image->report.stack.state = state;
  image->report.message = std::move(why);
  if (blind_.size() < kMaxBlind) blind_.push_back(image->report);
}

void ImageTable::TakeChanges() {
  alignas(inotify_event) std::array<char, 4096> buffer;
  for (ssize_t n; (n = read(inotify_.get(), buffer.data(), buffer.size())) > 0;) {
    for (ssize_t at = 0; at < n;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      at += static_cast<ssize_t>(sizeof(*event) + event->len);
      for (auto& [id, image] : images_) {
        const bool lost = event->mask & IN_Q_OVERFLOW;
        if (image->watch < 0 || (image->watch != event->wd && !lost)) continue;
        const absl::StatusOr<FileIdentity> now = Identify(image->fd.get());
        if (now.ok() && now->SameContent(id)) continue;  // opened for writing and closed again
        LeaveAlone(image.get(), StackState::kOverwritten, "it was written to while it was mapped");
        ++counters_->overwritten;
      }
    }
  }
}

void ImageTable::Prune() {
  std::erase_if(images_, [this](const auto& entry) {
    const Image& image = *entry.second;
    if (entry.second.use_count() > 1) return false;
    if (image.watch >= 0) {
      inotify_rm_watch(inotify_.get(), image.watch);
      ++counters_->detached;
    }
    return true;
  });
}

}  // namespace tlsmeter::agent
