#include "src/capture/bpf_source.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/events.h"
#include "bpf/library.h"
#include "src/base/clock.h"
#include "src/base/unique_fd.h"
#include "src/capture/bpf_loader.h"
#include "src/capture/cgroup.h"
#include "src/capture/event_decoder.h"
#include "src/capture/library_sensor.h"
#include "src/capture/privilege.h"
#include "tlsmeter.skel.h"

namespace tlsmeter::agent {
namespace {

int64_t EpochOffsetNs() { return static_cast<int64_t>(WallNs()) - static_cast<int64_t>(MonotonicNs()); }

// The wall clock is followed when it is set by more than this; smaller corrections would only blur durations.
constexpr int64_t kClockStepNs = 50'000'000;

struct RingDeleter {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};
struct LinkDeleter {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};

class LiveSource final : public BpfSource {
 public:
  absl::Status Start(const BpfSourceOptions& options);

  absl::Status Poll(int timeout_ms, const Takers& takers) override;
  LibrarySensor* library() override { return library_ ? &*library_ : nullptr; }
  const std::vector<Hook>& hooks() const override { return hooks_.hooks(); }
  std::vector<SourceCounter> counters() const override;
  std::vector<ProgramStats> program_stats() const override;
  std::vector<MapStats> map_stats() const override;

 private:
  absl::Status OpenLibrary(const CgroupDirectory& cgroup, UprobeAttach attach);
  absl::Status OpenRings();
  absl::Status Attach(const CgroupDirectory& cgroup);
  int AttachOne(size_t number, const CgroupDirectory& cgroup);
  int NameOpenSockets();
  static int OnEvent(void* self, void* data, size_t size);
  static int OnLibraryEvent(void* self, void* data, size_t size);
  static int OnMapping(void* self, void* data, size_t size);

  BpfSkeleton skeleton_;
  std::vector<std::unique_ptr<bpf_link, LinkDeleter>> links_;
  std::unique_ptr<ring_buffer, RingDeleter> ring_;
  UniqueFd stats_;
  HookTable hooks_;
  EventDecoder decoder_{EpochOffsetNs()};
  int64_t epoch_offset_ns_ = EpochOffsetNs();
  uint64_t undecodable_ = 0;
  const Takers* takers_ = nullptr;
  DecodedEvent decoded_;
  std::optional<LibrarySensor> library_;
};

absl::Status LiveSource::Start(const BpfSourceOptions& options) {
  absl::StatusOr<CgroupDirectory> cgroup = CgroupDirectory::Open(options.cgroup_path);
  if (!cgroup.ok()) return cgroup.status();
  std::ifstream status_file("/proc/self/status");
  const std::string status{std::istreambuf_iterator<char>(status_file), std::istreambuf_iterator<char>()};
  if (absl::Status s = CheckCapabilities(status, options.library); !s.ok()) return s;

  absl::StatusOr<LoadedPrograms> loaded = LoadPrograms({.target_cgroup = cgroup->id() == 1 ? 0 : cgroup->id(),
                                                        .hellos = options.hellos,
                                                        .library = options.library,
                                                        .uprobes = options.uprobes});
  if (!loaded.ok()) return loaded.status();
  skeleton_ = std::move(loaded->skeleton);
  hooks_ = std::move(loaded->hooks);
  if (options.measure_time) {
    stats_ = UniqueFd(bpf_enable_stats(BPF_STATS_RUN_TIME));
    if (!stats_.ok()) return absl::FailedPreconditionError("the kernel refuses to time BPF programs (BPF_ENABLE_STATS)");
  }
  if (absl::Status s = OpenLibrary(*cgroup, loaded->uprobes); !s.ok()) return s;
  if (absl::Status s = OpenRings(); !s.ok()) return s;
  return Attach(*cgroup);
}

absl::Status LiveSource::OpenLibrary(const CgroupDirectory& cgroup, UprobeAttach attach) {
  if (!bpf_program__autoload(skeleton_->progs.tm_library)) return absl::OkStatus();
  const uint32_t key = 0;
  const int fd = cgroup.fd();
  if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.tm_target), &key, &fd, BPF_ANY) < 0) {
    return absl::InternalError(absl::StrCat("cannot name the cgroup to the library's probes: ", strerror(errno)));
  }
  library_.emplace(LibrarySensor::Descriptors{.program = bpf_program__fd(skeleton_->progs.tm_library),
                                              .images = bpf_map__fd(skeleton_->maps.tm_images),
                                              .certificates = bpf_map__fd(skeleton_->maps.tm_certificates),
                                              .files = bpf_map__fd(skeleton_->maps.tm_known_files)},
                   attach);
  library_->set_epoch_offset_ns(epoch_offset_ns_);
  return absl::OkStatus();
}

// Rings are read in this order: what a library says of a handshake is there when the wire's record is made.
absl::Status LiveSource::OpenRings() {
  struct Ring {
    const bpf_map* map;
    ring_buffer_sample_fn take;
  };
  const auto& maps = skeleton_->maps;
  for (const auto& [map, take] :
       {Ring{maps.tm_library_ring, &LiveSource::OnLibraryEvent}, Ring{maps.tm_ring, &LiveSource::OnEvent},
        Ring{maps.tm_mapping_ring, &LiveSource::OnMapping}}) {
    if (!bpf_map__autocreate(map)) continue;
    int error = 0;
    if (ring_) {
      error = -ring_buffer__add(ring_.get(), bpf_map__fd(map), take, this);
    } else {
      ring_.reset(ring_buffer__new(bpf_map__fd(map), take, this, nullptr));
      if (!ring_) error = errno;
    }
    if (error != 0) return absl::InternalError(absl::StrCat("cannot map ring ", bpf_map__name(map), ": ", strerror(error)));
  }
  return absl::OkStatus();
}

absl::Status LiveSource::Attach(const CgroupDirectory& cgroup) {
  for (size_t i = 0; i < HookTable::kPrograms; ++i) {
    if (!hooks_.wanted(i)) continue;
    const int error = AttachOne(i, cgroup);
    if (error == 0) {
      hooks_.SetAttached(i);
    } else if (!hooks_.Spare(i, absl::StrCat("cannot be attached: ", strerror(error)))) {
      const std::string text =
          absl::StrCat("cannot attach ", hooks()[i].name, " to cgroup ", cgroup.path(), ": ", strerror(error));
      return error == EPERM
                 ? absl::PermissionDeniedError(absl::StrCat(
                       text, "; CAP_NET_ADMIN is needed, and no exclusive program of another agent on that cgroup"))
                 : absl::FailedPreconditionError(text);
    }
  }
  return absl::OkStatus();
}

// Returns 0 or an errno.
int LiveSource::AttachOne(size_t number, const CgroupDirectory& cgroup) {
  bpf_program* const program = bpf_object__find_program_by_name(skeleton_->obj, HookTable::ProgramName(number));
  if (program == skeleton_->progs.tm_library) return 0;  // loaded: who finds images attaches it to each
  if (program == skeleton_->progs.tm_open_sockets) return NameOpenSockets();
  std::unique_ptr<bpf_link, LinkDeleter> link(bpf_program__type(program) == BPF_PROG_TYPE_CGROUP_SKB
                                                  ? bpf_program__attach_cgroup(program, cgroup.fd())
                                                  : bpf_program__attach(program));
  if (!link) return errno;
  links_.push_back(std::move(link));
  return 0;
}

// Runs the iterator over all files of all tasks once. It has done its work when it has been read to its end. Returns 0 or an
// errno.
int LiveSource::NameOpenSockets() {
  const std::unique_ptr<bpf_link, LinkDeleter> link(bpf_program__attach_iter(skeleton_->progs.tm_open_sockets, nullptr));
  const UniqueFd iterator(link ? bpf_iter_create(bpf_link__fd(link.get())) : -1);
  if (!iterator.ok()) return errno;
  char none[64];
  while (read(iterator.get(), none, sizeof(none)) > 0) {
  }
  return 0;
}

int LiveSource::OnEvent(void* self, void* data, size_t size) {
  auto* source = static_cast<LiveSource*>(self);
  if (!source->decoder_.Decode({static_cast<const uint8_t*>(data), size}, &source->decoded_)) {
    ++source->undecodable_;
    return 0;
  }
  for (size_t i = 0; i < source->decoded_.count; ++i) source->takers_->chunk(source->decoded_.chunks[i]);
  return 0;
}

int LiveSource::OnLibraryEvent(void* self, void* data, size_t size) {
  auto* source = static_cast<LiveSource*>(self);
  source->library_->Take({static_cast<const uint8_t*>(data), size}, source->takers_->library);
  return 0;
}

int LiveSource::OnMapping(void* self, void* data, size_t size) {
  auto* source = static_cast<LiveSource*>(self);
  tm_mapping_event event;
  if (size != sizeof(event)) {
    ++source->undecodable_;
    return 0;
  }
  memcpy(&event, data, sizeof(event));
  source->takers_->mapping({.pid = static_cast<pid_t>(event.tgid),
                            .file = {.major = event.file.major, .minor = event.file.minor, .inode = event.file.inode},
                            .exec = event.exec != 0});
  return 0;
}

absl::Status LiveSource::Poll(int timeout_ms, const Takers& takers) {
  const int64_t offset = EpochOffsetNs();
  if (std::abs(offset - epoch_offset_ns_) > kClockStepNs) {
    epoch_offset_ns_ = offset;
    decoder_ = EventDecoder(offset);
    if (library_) library_->set_epoch_offset_ns(offset);
  }
  takers_ = &takers;
  // Events are submitted without a wake-up: poll returns early only when the ring fills fast, and does not drain on a
  // timeout.
  const int polled = ring_buffer__poll(ring_.get(), timeout_ms);
  const int consumed = polled < 0 && polled != -EINTR ? polled : ring_buffer__consume(ring_.get());
  takers_ = nullptr;
  if (consumed < 0 && consumed != -EINTR) return absl::InternalError(absl::StrCat("ring buffer: ", strerror(-consumed)));
  return absl::OkStatus();
}

std::vector<SourceCounter> LiveSource::counters() const {
  const uint32_t key = 0;
  std::vector<tm_counters> per_cpu(static_cast<size_t>(libbpf_num_possible_cpus()));
  std::vector<SourceCounter> out;
  if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.tm_counts), &key, per_cpu.data()) == 0) out = SumCounters(per_cpu);
  out.push_back({CounterGroup::kLost, "undecodable", undecodable_ + (library_ ? library_->refused() : 0)});
  if (library_) out.push_back({CounterGroup::kLost, "certificate_pieces", library_->certificates_lost()});
  return out;
}

std::vector<ProgramStats> LiveSource::program_stats() const {
  std::vector<ProgramStats> out;
  if (!stats_.ok()) return out;
  for (size_t i = 0; i < hooks().size(); ++i) {
    if (!hooks()[i].attached) continue;
    const char* const name = HookTable::ProgramName(i);
    const bpf_program* program = bpf_object__find_program_by_name(skeleton_->obj, name);
    bpf_prog_info info = {};
    uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) continue;
    out.push_back({name, info.run_cnt, info.run_time_ns});
  }
  return out;
}

std::vector<MapStats> LiveSource::map_stats() const {
  std::vector<MapStats> out;
  for (const bpf_map* map : {skeleton_->maps.tm_early, skeleton_->maps.tm_held}) {
    MapStats stats{.map = bpf_map__name(map), .max_entries = bpf_map__max_entries(map)};
    std::vector<uint8_t> key(bpf_map__key_size(map));
    const void* previous = nullptr;
    // An entry that is deleted meanwhile restarts the walk, hence the bound.
    while (stats.entries < stats.max_entries && bpf_map_get_next_key(bpf_map__fd(map), previous, key.data()) == 0) {
      ++stats.entries;
      previous = key.data();
    }
    out.push_back(std::move(stats));
  }
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BpfSource>> BpfSource::Open(const BpfSourceOptions& options) {
  auto source = std::make_unique<LiveSource>();
  if (absl::Status status = source->Start(options); !status.ok()) return status;
  return source;
}

}  // namespace tlsmeter::agent
