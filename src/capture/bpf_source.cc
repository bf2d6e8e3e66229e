#include "src/capture/bpf_source.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/events.h"
#include "bpf/library.h"
#include "src/capture/cgroup.h"
#include "src/capture/event_decoder.h"
#include "src/capture/library_sensor.h"
#include "src/capture/privilege.h"
#include "tlsmeter.skel.h"

namespace tlsmeter::agent {
namespace {

struct CounterName {
  CounterGroup group;
  std::string_view name;
};

// In the order of enum tm_counter.
constexpr std::array<CounterName, TM_COUNTERS> kCounterNames = {{
    {CounterGroup::kLost, "ring_full_open"},
    {CounterGroup::kLost, "ring_full_data"},
    {CounterGroup::kLost, "ring_full_owner"},
    {CounterGroup::kLost, "ring_full_stop"},
    {CounterGroup::kLost, "socket_storage"},
    {CounterGroup::kEvent, "segment_gap"},
    {CounterGroup::kLost, "records_limit"},
    {CounterGroup::kEvent, "segment_held"},
    {CounterGroup::kLost, "segment_not_held"},
    {CounterGroup::kLost, "packet_unreadable"},
    {CounterGroup::kEvent, "joined_late"},
    {CounterGroup::kEvent, "listener_data"},
    {CounterGroup::kNoHandshake, "plain_http"},
    {CounterGroup::kNoHandshake, "plain_other"},
    {CounterGroup::kNoHandshake, "plain_closed"},
    {CounterGroup::kNoHandshake, "empty_closed"},
    {CounterGroup::kNoHandshake, "connect_failed"},
    {CounterGroup::kEvent, "opened"},
    {CounterGroup::kEvent, "over"},
    {CounterGroup::kEvent, "filtered"},
    {CounterGroup::kLost, "ring_full_library"},
    {CounterGroup::kLost, "library_state"},
    {CounterGroup::kLost, "library_unreadable"},
    {CounterGroup::kLost, "certificate_limit"},
    {CounterGroup::kEvent, "library_twice"},
    {CounterGroup::kEvent, "certificate_repeated"},
    {CounterGroup::kEvent, "mapping_untold"},
}};

static_assert(kMaxHelloPorts == TM_SERVER_PORTS);

constexpr char kLibraryProgram[] = "tm_library";

// A program of the skeleton: what it is called, what must be in the kernel's BTF for it, what is invisible without it. Those
// of the library sensor come last.
struct ProgramSpec {
  const char* program;
  const char* hook;
  const char* btf_type;  // nullptr: none needed
  uint32_t btf_kind;
  const char* blind;  // nullptr: tlsmeter cannot work without it
};

constexpr std::array<ProgramSpec, 8> kPrograms = {{
    {"tm_ingress", "cgroup_skb/ingress", nullptr, 0, nullptr},
    {"tm_egress", "cgroup_skb/egress", nullptr, 0, nullptr},
    {"tm_state", "tp_btf/inet_sock_set_state", "btf_trace_inet_sock_set_state", BTF_KIND_TYPEDEF,
     "TCP timing, how connections end, and owners of clients"},
    {"tm_read", "tp_btf/tcp_rcv_space_adjust", "btf_trace_tcp_rcv_space_adjust", BTF_KIND_TYPEDEF,
     "owners of servers, and of sockets passed between processes"},
    {"tm_open_sockets", "iter/task_file", "bpf_iter__task_file", BTF_KIND_STRUCT, "owners of connections open before start"},
    {kLibraryProgram, "uprobe/tls_library", nullptr, 0,
     "what TLS 1.3 encrypts: certificates, the library's own reason for a failure, the application protocol"},
    {"tm_mapping", "tp_btf/vm_unmapped_area", "btf_trace_vm_unmapped_area", BTF_KIND_TYPEDEF,
     "TLS libraries until the next look at their process, up to half a minute after they are loaded"},
    {"tm_exec", "tp_btf/sched_process_exec", "btf_trace_sched_process_exec", BTF_KIND_TYPEDEF,
     "TLS libraries of a new program until the next look at its process"},
}};
constexpr size_t kFirstLibraryProgram = 5;
static_assert(std::string_view(kPrograms[kFirstLibraryProgram].program) == kLibraryProgram);

// libbpf reports through one global callback; the last lines explain a failed load.
std::string& LibbpfLog() {
  static std::string* const log = new std::string;
  return *log;
}
constexpr size_t kMaxLibbpfLog = 64 * 1024;

int KeepLog(libbpf_print_level level, const char* format, va_list args) {
  if (level != LIBBPF_WARN || LibbpfLog().size() >= kMaxLibbpfLog) return 0;
  char line[512];
  const int n = vsnprintf(line, sizeof(line), format, args);
  if (n > 0) LibbpfLog().append(line, std::min<size_t>(n, sizeof(line) - 1));
  return n;
}

// Which program does libbpf say failed to load? "" when it names none.
std::string FailedProgram(const std::string& log) {
  for (const ProgramSpec& spec : kPrograms) {
    if (log.find(absl::StrCat("prog '", spec.program, "': failed to load")) != std::string::npos) return spec.program;
  }
  return "";
}

uint64_t ClockNs(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

int64_t EpochOffsetNs() {
  return static_cast<int64_t>(ClockNs(CLOCK_REALTIME)) - static_cast<int64_t>(ClockNs(CLOCK_MONOTONIC));
}

// The wall clock is followed when it is set by more than this; smaller corrections would only blur durations.
constexpr int64_t kClockStepNs = 50'000'000;

struct SkeletonDeleter {
  void operator()(tlsmeter_bpf* skeleton) const { tlsmeter_bpf__destroy(skeleton); }
};
struct RingDeleter {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};
struct BtfDeleter {
  void operator()(btf* b) const { btf__free(b); }
};
struct LinkDeleter {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

class LiveSource final : public BpfSource {
 public:
  absl::Status Start(const BpfSourceOptions& options);

  absl::Status Poll(int timeout_ms, const Takers& takers) override;
  LibrarySensor* library() override { return library_ ? &*library_ : nullptr; }
  const std::vector<Hook>& hooks() const override { return hooks_; }
  std::vector<SourceCounter> counters() const override;
  std::vector<ProgramStats> program_stats() const override;
  std::vector<MapStats> map_stats() const override;

 private:
  absl::Status Load(uint64_t target_cgroup, const HelloFilter& hellos, UprobeAttach attach);
  void ConfigureLibrary(bool autoload, UprobeAttach attach);
  absl::Status OpenLibrary(const CgroupDirectory& cgroup, UprobeAttach attach);
  absl::Status Attach(const CgroupDirectory& cgroup);
  void NameOpenSockets(Hook* hook);
  static int OnEvent(void* self, void* data, size_t size);
  static int OnLibraryEvent(void* self, void* data, size_t size);
  static int OnMapping(void* self, void* data, size_t size);

  std::unique_ptr<tlsmeter_bpf, SkeletonDeleter> skeleton_;
  std::vector<std::unique_ptr<bpf_link, LinkDeleter>> links_;
  std::unique_ptr<ring_buffer, RingDeleter> ring_;
  Descriptor stats_;
  std::vector<Hook> hooks_;
  EventDecoder decoder_{EpochOffsetNs()};
  int64_t epoch_offset_ns_ = EpochOffsetNs();
  uint64_t undecodable_ = 0;
  const Takers* takers_ = nullptr;
  DecodedEvent decoded_;
  std::optional<LibrarySensor> library_;
};

absl::Status LiveSource::Start(const BpfSourceOptions& options) {
  if (options.hellos.server_ports.size() > kMaxHelloPorts) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMaxHelloPorts, " server ports for the kernel to compare"));
  }
  absl::StatusOr<CgroupDirectory> cgroup = CgroupDirectory::Open(options.cgroup_path);
  if (!cgroup.ok()) return cgroup.status();
  std::ifstream status_file("/proc/self/status");
  const std::string status{std::istreambuf_iterator<char>(status_file), std::istreambuf_iterator<char>()};
  if (absl::Status s = CheckCapabilities(status, options.library); !s.ok()) return s;

  libbpf_set_print(KeepLog);
  std::unique_ptr<btf, BtfDeleter> kernel(btf__load_vmlinux_btf());
  if (!kernel) {
    return absl::FailedPreconditionError(
        "this kernel has no BTF (/sys/kernel/btf/vmlinux): tlsmeter needs one built with CONFIG_DEBUG_INFO_BTF=y, 5.15 or "
        "newer");
  }
  for (const ProgramSpec& spec : kPrograms) {
    Hook hook{.name = spec.hook, .missing = {}, .blind = {}};
    if (spec.btf_type != nullptr && btf__find_by_name_kind(kernel.get(), spec.btf_type, spec.btf_kind) < 0) {
      hook.missing = absl::StrCat("the kernel's BTF has no ", spec.btf_type);
      hook.blind = spec.blind;
    }
    if (&spec == &kPrograms[kFirstLibraryProgram] && !options.library) break;
    hooks_.push_back(std::move(hook));
  }

  const bool multi = btf__find_by_name_kind(kernel.get(), "bpf_uprobe_multi_link", BTF_KIND_STRUCT) > 0;
  const UprobeAttach attach = options.uprobes.value_or(multi ? UprobeAttach::kMulti : UprobeAttach::kPerf);
  if (absl::Status s = Load(cgroup->id() == 1 ? 0 : cgroup->id(), options.hellos, attach); !s.ok()) return s;
  if (options.measure_time) {
    stats_ = Descriptor(bpf_enable_stats(BPF_STATS_RUN_TIME));
    if (stats_.get() < 0) return absl::FailedPreconditionError("the kernel refuses to time BPF programs (BPF_ENABLE_STATS)");
  }
  ring_.reset(ring_buffer__new(bpf_map__fd(skeleton_->maps.tm_ring), &LiveSource::OnEvent, this, nullptr));
  if (!ring_) return absl::InternalError(absl::StrCat("cannot map the ring buffer: ", strerror(errno)));
  if (absl::Status s = OpenLibrary(*cgroup, attach); !s.ok()) return s;
  return Attach(*cgroup);
}

// Loads all programs; when one that can be spared is refused, leaves it out and tries again.
absl::Status LiveSource::Load(uint64_t target_cgroup, const HelloFilter& hellos, UprobeAttach attach) {
  for (size_t attempt = 0; attempt <= hooks_.size(); ++attempt) {
    LibbpfLog().clear();
    skeleton_.reset(tlsmeter_bpf__open());
    if (!skeleton_) return absl::InternalError(absl::StrCat("cannot open the BPF object: ", strerror(errno)));
    skeleton_->rodata->tm_target_cgroup = target_cgroup;
    if (hellos.ipv6.has_value()) skeleton_->rodata->tm_family = *hellos.ipv6 ? AF_INET6 : AF_INET;
    skeleton_->rodata->tm_server_port_count = static_cast<uint8_t>(hellos.server_ports.size());
    std::copy(hellos.server_ports.begin(), hellos.server_ports.end(), skeleton_->rodata->tm_server_ports);
    const bool library = kFirstLibraryProgram < hooks_.size() && hooks_[kFirstLibraryProgram].missing.empty();
    for (size_t i = 0; i < kPrograms.size(); ++i) {
      bpf_program* program = bpf_object__find_program_by_name(skeleton_->obj, kPrograms[i].program);
      const bool wanted = i < kFirstLibraryProgram || library;
      bpf_program__set_autoload(program, wanted && i < hooks_.size() && hooks_[i].missing.empty());
    }
    ConfigureLibrary(bpf_program__autoload(skeleton_->progs.tm_library), attach);
    const int error = -tlsmeter_bpf__load(skeleton_.get());
    if (error == 0) return absl::OkStatus();

    const std::string failed = FailedProgram(LibbpfLog());
    bool spared = false;
    for (size_t i = 0; i < hooks_.size(); ++i) {
      if (failed != kPrograms[i].program || kPrograms[i].blind == nullptr) continue;
      hooks_[i].missing = absl::StrCat("the kernel refuses the program: ", strerror(error));
      hooks_[i].blind = kPrograms[i].blind;
      spared = true;
    }
    if (spared) continue;
    const std::string what = failed.empty() ? "the BPF programs" : absl::StrCat("BPF program ", failed);
    if (error == EPERM || error == EACCES) {
      return absl::PermissionDeniedError(
          absl::StrCat("the kernel refuses to load ", what, ": ", strerror(error),
                       "; CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are needed, in the initial user ", "namespace"));
    }
    return absl::FailedPreconditionError(
        absl::StrCat("the kernel refuses to load ", what, ": ", strerror(error), "; tlsmeter needs Linux 5.15 or newer"));
  }
  return absl::InternalError("no set of BPF programs could be loaded");
}

// To be called before the load: maps that only the library sensor needs are left out with it.
void LiveSource::ConfigureLibrary(bool autoload, UprobeAttach attach) {
  const auto& maps = skeleton_->maps;
  for (bpf_map* map : {maps.tm_target, maps.tm_library_ring, maps.tm_images, maps.tm_objects, maps.tm_steps, maps.tm_current,
                       maps.tm_verifications, maps.tm_certificates, maps.tm_mapping_ring, maps.tm_known_files}) {
    bpf_map__set_autocreate(map, autoload);
  }
  if (!autoload) return;
  // The kernel wants to know at load how the program will be attached.
  if (attach == UprobeAttach::kMulti)
    bpf_program__set_expected_attach_type(skeleton_->progs.tm_library, static_cast<bpf_attach_type>(kUprobeMulti));
  if (getrandom(&skeleton_->rodata->tm_certificate_key, sizeof(skeleton_->rodata->tm_certificate_key), 0) < 0) {
    skeleton_->rodata->tm_certificate_key = ClockNs(CLOCK_MONOTONIC);  // before the pool is ready, at boot
  }
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
  const auto& maps = skeleton_->maps;
  int error = -ring_buffer__add(ring_.get(), bpf_map__fd(maps.tm_library_ring), &LiveSource::OnLibraryEvent, this);
  if (error == 0) error = -ring_buffer__add(ring_.get(), bpf_map__fd(maps.tm_mapping_ring), &LiveSource::OnMapping, this);
  if (error == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("cannot map the library sensor's ring buffers: ", strerror(error)));
}

absl::Status LiveSource::Attach(const CgroupDirectory& cgroup) {
  for (size_t i = 0; i < hooks_.size(); ++i) {
    Hook& hook = hooks_[i];
    if (!hook.missing.empty()) continue;
    bpf_program* program = bpf_object__find_program_by_name(skeleton_->obj, kPrograms[i].program);
    if (program == skeleton_->progs.tm_library) {  // loaded: who finds images attaches it to each
      hook.attached = true;
      continue;
    }
    if (bpf_program__type(program) == BPF_PROG_TYPE_TRACING &&
        bpf_program__expected_attach_type(program) == BPF_TRACE_ITER) {
      NameOpenSockets(&hook);
      continue;
    }
    std::unique_ptr<bpf_link, LinkDeleter> link(bpf_program__type(program) == BPF_PROG_TYPE_CGROUP_SKB
                                                    ? bpf_program__attach_cgroup(program, cgroup.fd())
                                                    : bpf_program__attach(program));
    if (!link) {
      const int error = errno;
      if (kPrograms[i].blind == nullptr) {
        const std::string text =
            absl::StrCat("cannot attach ", hook.name, " to cgroup ", cgroup.path(), ": ", strerror(error));
        return error == EPERM
                   ? absl::PermissionDeniedError(absl::StrCat(
                         text, "; CAP_NET_ADMIN is needed, and no exclusive program of another agent on that cgroup"))
                   : absl::FailedPreconditionError(text);
      }
      hook.missing = absl::StrCat("cannot be attached: ", strerror(error));
      hook.blind = kPrograms[i].blind;
      continue;
    }
    hook.attached = true;
    links_.push_back(std::move(link));
  }
  return absl::OkStatus();
}

// Runs the iterator over all files of all tasks once. It has done its work when it has been read to its end.
void LiveSource::NameOpenSockets(Hook* hook) {
  std::unique_ptr<bpf_link, LinkDeleter> link(bpf_program__attach_iter(skeleton_->progs.tm_open_sockets, nullptr));
  const Descriptor iterator(link ? bpf_iter_create(bpf_link__fd(link.get())) : -1);
  if (iterator.get() < 0) {
    hook->missing = absl::StrCat("cannot be run: ", strerror(errno));
    hook->blind = "owners of connections open before start";
    return;
  }
  char none[64];
  while (read(iterator.get(), none, sizeof(none)) > 0) {
  }
  hook->attached = true;
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
  std::vector<SourceCounter> out;
  const uint32_t key = 0;
  std::vector<tm_counters> per_cpu(static_cast<size_t>(libbpf_num_possible_cpus()));
  const bool ok = bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.tm_counts), &key, per_cpu.data()) == 0;
  for (size_t i = 0; ok && i < kCounterNames.size(); ++i) {
    uint64_t sum = 0;
    for (const tm_counters& cpu : per_cpu) sum += cpu.value[i];
    out.push_back({kCounterNames[i].group, kCounterNames[i].name, sum});
  }
  out.push_back({CounterGroup::kLost, "undecodable", undecodable_ + (library_ ? library_->refused() : 0)});
  if (library_) out.push_back({CounterGroup::kLost, "certificate_pieces", library_->certificates_lost()});
  return out;
}

std::vector<ProgramStats> LiveSource::program_stats() const {
  std::vector<ProgramStats> out;
  if (stats_.get() < 0) return out;
  for (size_t i = 0; i < hooks_.size(); ++i) {
    if (!hooks_[i].attached) continue;
    const bpf_program* program = bpf_object__find_program_by_name(skeleton_->obj, kPrograms[i].program);
    bpf_prog_info info = {};
    uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) continue;
    out.push_back({kPrograms[i].program, info.run_cnt, info.run_time_ns});
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
