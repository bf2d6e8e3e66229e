#include "src/agent/pipeline.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "src/agent/confine.h"
#include "src/attribution/cgroup_tree.h"
#include "src/base/clock.h"
#include "tlsmeter/parse_status.h"

namespace tlsmeter::agent {
namespace {

int64_t MillisecondsUp(absl::Duration d) { return absl::ToInt64Milliseconds(absl::Ceil(d, absl::Milliseconds(1))); }

// A library that told of the handshake is the better witness: its process may have ended before it was looked at.
std::optional<StackView> StackOf(const HandshakeRecord& record, const ImageManager& images) {
  if (record.library.has_value()) {
    const bool gnutls = record.library->implementation == TlsStack::kGnuTls;
    return StackView{StackState::kInstrumented, gnutls ? StackKind::kGnuTls : StackKind::kOpenSsl};
  }
  return images.StackOf(static_cast<pid_t>(record.owner.pid), record.owner.start_time_ns);
}

}  // namespace

const char kVersion[] = TLSMETER_VERSION;

Pipeline::LibraryPart::LibraryPart(LibrarySensor* sensor, const std::string& cgroup)
    : images({.cgroup = cgroup,
              .configure = [sensor](uint32_t slot, const ImagePlan& plan) { return sensor->Configure(slot, plan); },
              .attach = [sensor](int fd, uint32_t slot,
                                 const std::vector<Probe>& probes) { return sensor->Attach(fd, slot, probes); },
              .know = [sensor](const MappedFile::Id& file, bool known) { sensor->Know(file, known); }}),
      join(kMaxCertificateReadsPerSecond) {}

Pipeline::Pipeline(std::unique_ptr<BpfSource> source, AttributorOptions attribution)
    : say_(SayToStderr), source_(std::move(source)), attributor_(std::move(attribution)) {}

absl::StatusOr<std::unique_ptr<Pipeline>> Pipeline::Start(const BpfSourceOptions& options, const KubeletOptions& kubelet) {
  absl::StatusOr<std::unique_ptr<BpfSource>> source = BpfSource::Open(options);
  if (!source.ok()) return source.status();
  absl::StatusOr<CgroupTree> cgroups = CgroupTree::Open();
  if (!cgroups.ok()) return cgroups.status();
  AttributorOptions attribution;
  attribution.cgroup_path = [tree = std::make_shared<CgroupTree>(*std::move(cgroups))](uint64_t id) {
    return tree->PathOf(id);
  };
  LibrarySensor* const library = (*source)->library();
  const absl::Status confined =
      Confine({.library = library != nullptr, .perf_uprobes = library != nullptr && library->how() == UprobeAttach::kPerf});
  if (!confined.ok()) {
    SayToStderr(absl::StrCat("goes on with more privileges than it needs: ", confined.message()));
  }
  std::unique_ptr<Pipeline> pipeline(new Pipeline(*std::move(source), std::move(attribution)));
  if (absl::Status status = pipeline->SetKubelet(kubelet); !status.ok()) return status;
  if (library != nullptr) {
    pipeline->library_.emplace(library, options.cgroup_path);
    pipeline->library_->images.PollAll();
  }
  return pipeline;
}

void Pipeline::SayToStderr(const std::string& sentence) { std::fprintf(stderr, "tlsmeter: %s\n", sentence.c_str()); }

absl::Status Pipeline::SetKubelet(const KubeletOptions& kubelet) {
  if (kubelet_ != nullptr) {
    if (absl::Status status = kubelet_->Configure(kubelet); !status.ok()) return status;
  } else if (!kubelet.url.empty()) {
    absl::StatusOr<std::unique_ptr<Kubelet>> started = Kubelet::Start(kubelet);
    if (!started.ok()) return started.status();
    kubelet_ = *std::move(started);
  }
  kubelet_said_ = absl::OkStatus();
  if (kubelet.url.empty()) {
    attributor_.SetPods(nullptr);
  } else {
    attributor_.SetPods([this] { return kubelet_->pods(); });
  }
  return absl::OkStatus();
}

// Once for each change, not for each of the requests that go on meanwhile.
void Pipeline::SayKubelet() {
  if (kubelet_ == nullptr) return;
  absl::Status status = kubelet_->status();
  if (status == kubelet_said_) return;
  if (status.ok()) {
    say_("the kubelet answers again");
  } else {
    say_(absl::StrCat("no list of pods from the kubelet: ", status.message()));
  }
  kubelet_said_ = std::move(status);
}

absl::Status Pipeline::Poll(int timeout_ms, TakeRecord take) {
  const auto take_chunk = [this, take](const Chunk& chunk) {
    if (const auto* owner = std::get_if<OwnerChunk>(&chunk.what)) {
      // At once: a short-lived process is gone before its record is made, and one that begins to use a connection may just
      // have mapped its TLS library.
      attributor_.See(*owner, WallNs());
      if (library_) library_->images.Notice(static_cast<pid_t>(owner->pid));
    }
    flows_.Take(chunk);
    Harvest(take);
  };
  return source_->Poll(timeout_ms, {.chunk = take_chunk,
                                    .library = [this](const LibraryEvent& event) { library_->join.Take(event); },
                                    .mapping = [this](const MappingEvent& event) { library_->images.Take(event); }});
}

// Hands on what is finished: the wire's records, united with the library's facts where there is a join.
void Pipeline::Harvest(TakeRecord take) {
  for (std::unique_ptr<HandshakeRecord>& record : flows_.Harvest()) {
    if (library_) {
      library_->join.Take(std::move(record), WallNs());
    } else {
      Complete(std::move(record), take);
    }
  }
  if (!library_) return;
  for (std::unique_ptr<HandshakeRecord>& record : library_->join.Harvest()) {
    record->stack = StackOf(*record, library_->images);
    Complete(std::move(record), take);
  }
}

void Pipeline::Complete(std::unique_ptr<HandshakeRecord> record, TakeRecord take) {
  record->attribution = attributor_.Attribute(record->owner, WallNs());
  take(std::move(record));
}

absl::Status Pipeline::Turn(int timeout_ms, TakeRecord take) {
  if (library_) timeout_ms = static_cast<int>(std::min<int64_t>(timeout_ms, MillisecondsUp(library_->images.UntilDue())));
  if (const absl::Status status = Poll(timeout_ms, take); !status.ok()) return status;
  if (library_) {
    for (const uint32_t slot : source_->library()->TakeDistrusted()) library_->images.Distrust(slot);
    library_->images.Poll();
    SayBlindLibraries();
  }
  const uint64_t now_ns = WallNs();
  flows_.Advance(now_ns);
  Harvest(take);
  if (library_) {
    library_->join.Advance(now_ns, [this] { return flows_.Followed(); });
    Harvest(take);
  }
  SayKubelet();
  return absl::OkStatus();
}

void Pipeline::Finish(TakeRecord take) {
  // The run is over whether or not the rings can still be read.
  Poll(0, take).IgnoreError();
  const uint64_t now_ns = WallNs();
  flows_.Finish(now_ns);
  Harvest(take);
  if (!library_) return;
  library_->join.Advance(now_ns, [this] { return flows_.Followed(); });
  library_->join.Finish();
  Harvest(take);
}

SelfStats Pipeline::self_stats() const {
  SelfStats self;
  self.version = kVersion;
  for (const Hook& hook : source_->hooks()) self.attached.push_back({hook.name, hook.attached ? 1.0 : 0.0});
  for (const SourceCounter& counter : source_->counters()) {
    const LabelledValue value{std::string(counter.name), static_cast<double>(counter.value)};
    switch (counter.group) {
      case CounterGroup::kEvent:
        self.events.push_back(value);
        break;
      case CounterGroup::kLost:
        self.events_lost.push_back(value);
        break;
      case CounterGroup::kNoHandshake:
        self.connections_without_handshake.push_back(value);
        break;
    }
  }
  const FlowStats& flows = flows_.stats();
  self.events_lost.push_back({"order_ceiling", static_cast<double>(flows.dropped_pieces)});
  self.connections_without_handshake.push_back({"no_client_hello", static_cast<double>(flows.no_hello)});
  self.blind_handshakes.push_back({"bytes_missing", static_cast<double>(flows.incomplete)});
  const uint64_t certificates_refused =
      flows_.certificates_refused() + (library_ ? library_->join.certificates_refused() : 0);
  self.blind_handshakes.push_back({"certificates_not_read", static_cast<double>(certificates_refused)});
  self.blind_handshakes.push_back({"owner_unknown", static_cast<double>(flows.owner_unknown)});
  if (library_) {
    const LibraryJoinStats& join = library_->join.stats();
    self.events_lost.push_back({"library_too_late", static_cast<double>(join.too_late)});
    self.events_lost.push_back({"library_unfinished", static_cast<double>(join.unfinished + join.nameless)});
    self.events_lost.push_back({"library_ceiling", static_cast<double>(join.displaced)});
    self.events_lost.push_back({"library_image_limit", static_cast<double>(library_->images.counters().over_limit)});
    for (size_t i = 0; i < join.joined.size(); ++i) {
      self.library_joins.push_back(
          {std::string(JoinedByName(static_cast<JoinedBy>(i))), static_cast<double>(join.joined[i])});
    }
    self.library_joins.push_back({"wire_only", static_cast<double>(join.wire_only)});
    for (const auto& [stack, count] : library_->images.ProcessCounts()) {
      self.library_processes.push_back({StackKindName(stack.kind), StackStateName(stack.state), static_cast<double>(count)});
    }
  }
  self.tracked_connections = static_cast<double>(flows.tracked);
  for (size_t i = 0; i < flows.evicted.size(); ++i) {
    self.connections_evicted.push_back(
        {std::string(EvictionName(static_cast<Eviction>(i))), static_cast<double>(flows.evicted[i])});
  }
  for (size_t i = 1; i <= static_cast<size_t>(ParseStatus::kNotTls); ++i) {
    self.parse_errors.push_back(
        {"tls_" + std::string(ParseStatusName(static_cast<ParseStatus>(i))), static_cast<double>(flows.parse_errors[i])});
  }
  const AttributionCounts& attributed = attributor_.counts();
  for (size_t source = 0; source < kAttributionSources; ++source) {
    for (size_t result = 0; result < kAttributionResults; ++result) {
      const uint64_t count = attributed[source][result];
      // Most pairs cannot be.
      if (count == 0) continue;
      self.attribution.push_back({AttributionSourceName(static_cast<AttributionSource>(source)),
                                  AttributionResultName(static_cast<AttributionResult>(result)),
                                  static_cast<double>(count)});
    }
  }
  for (const MapStats& map : source_->map_stats()) {
    self.bpf_map_entries.push_back({map.map, static_cast<double>(map.entries)});
    self.bpf_map_max_entries.push_back({map.map, static_cast<double>(map.max_entries)});
  }
  for (const ProgramStats& program : source_->program_stats()) {
    self.bpf_runs.push_back({program.program, static_cast<double>(program.runs)});
    self.bpf_run_seconds.push_back({program.program, static_cast<double>(program.run_time_ns) * 1e-9});
  }
  return self;
}

// Once for each file that is not instrumented, or no longer.
void Pipeline::SayBlindLibraries() {
  for (const ImageReport& image : library_->images.TakeBlind()) {
    say_(absl::StrCat("blind to the TLS library in ", image.path, " (build id ", image.build_id, "): ", image.message));
  }
}

void Pipeline::SayBlind() {
  if (library_) SayBlindLibraries();
  for (const Hook& hook : source_->hooks()) {
    if (!hook.attached) say_(absl::StrCat("blind to ", hook.blind, ": ", hook.name, " ", hook.missing));
  }
}

void Pipeline::SayReady(const std::string& watched, bool quiet) {
  SayBlind();
  if (!quiet) say_(absl::StrCat("ready, watching ", watched));
}

void Pipeline::SayLast(bool quiet) const {
  if (!quiet || EventsLost() > 0) say_(LastLine());
}

uint64_t Pipeline::EventsLost() const {
  uint64_t lost = flows_.stats().dropped_pieces;
  for (const SourceCounter& counter : source_->counters()) {
    if (counter.group == CounterGroup::kLost) lost += counter.value;
  }
  return lost;
}

std::string Pipeline::LastLine() const {
  const FlowStats& flows = flows_.stats();
  const uint64_t alone = library_ ? library_->join.stats().joined[static_cast<size_t>(JoinedBy::kNone)] : 0;
  return absl::StrCat("seen ", flows.handshakes + alone, " handshakes, lost ", EventsLost(), " events, blind ",
                      flows.incomplete + flows.owner_unknown);
}

}  // namespace tlsmeter::agent
