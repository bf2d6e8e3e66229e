// Pipeline: the whole chain, from the source to finished records. The only place that sees all of it.
//
// One thread, the event thread, creates a pipeline, turns it and destroys it.
#ifndef TLSMETER_SRC_AGENT_PIPELINE_H_
#define TLSMETER_SRC_AGENT_PIPELINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/aggregate/self_stats.h"
#include "src/attribution/attributor.h"
#include "src/attribution/kubelet.h"
#include "src/capture/bpf_source.h"
#include "src/correlate/flow_table.h"
#include "src/correlate/handshake_record.h"
#include "src/correlate/library_join.h"
#include "src/image/image_manager.h"

namespace tlsmeter::agent {

// kVersion is the program's version, as `tlsmeter version` prints it.
extern const char kVersion[];

// New certificates read a second, from the wire and from libraries each: at some 150 us apiece 3 % of a core. Hosts see
// fewer; a peer that makes a new chain for every handshake could else keep the event thread busy (1.5 ms for ten
// certificates).
inline constexpr uint32_t kMaxCertificateReadsPerSecond = 200;

class Pipeline {
 public:
  // Start opens the live source, and asks a kubelet for its pods where `kubelet` has a URL. With options.library it also
  // instruments the TLS libraries that watched processes map already. Once the source is attached the process gives up what
  // is not needed any more (Confine); where it cannot, it says so on stderr and goes on. No other thread may run yet. Errors
  // as BpfSource::Open and Kubelet::Start say.
  static absl::StatusOr<std::unique_ptr<Pipeline>> Start(const BpfSourceOptions& options,
                                                         const KubeletOptions& kubelet = {});

  // SetKubelet asks for pods as `kubelet` says from now on, or no more. Does not wait. InvalidArgument where the URL is
  // none, and nothing has changed then.
  absl::Status SetKubelet(const KubeletOptions& kubelet);

  // TakeRecord is handed each record as soon as it is finished, while it and what it was made from are in the cache.
  using TakeRecord = absl::FunctionRef<void(std::unique_ptr<HandshakeRecord>)>;

  // Turn waits up to `timeout_ms` for events and takes them in.
  absl::Status Turn(int timeout_ms, TakeRecord take);

  // Finish takes what is left in the ring and decides every handshake that is still open. Detaches nothing.
  void Finish(TakeRecord take);

  // self_stats returns what the pipeline says of itself, as of now.
  SelfStats self_stats() const;

  // SayToStderr prints a sentence for people, as a line of its own. SayTo has them handed to `say` instead from now on.
  static void SayToStderr(const std::string& sentence);
  void SayTo(std::function<void(const std::string&)> say) { say_ = std::move(say); }

  // SayBlind says, for each hook that is missing and each TLS library that cannot be probed, what is invisible, and why.
  // Libraries that are met later are said by Turn.
  void SayBlind();

  // SayReady says the same and, unless `quiet`, what is watched.
  void SayReady(const std::string& watched, bool quiet);

  // LastLine returns what a run came to: handshakes seen, events lost, handshakes of which something was not seen. SayLast
  // says it; `quiet`: only where events were lost.
  std::string LastLine() const;
  void SayLast(bool quiet) const;

 private:
  // LibraryPart is what only the library sensor needs.
  struct LibraryPart {
    LibraryPart(LibrarySensor* sensor, const std::string& cgroup);

    ImageManager images;
    LibraryJoin join;
  };

  Pipeline(std::unique_ptr<BpfSource> source, AttributorOptions attribution);

  absl::Status Poll(int timeout_ms, TakeRecord take);
  void Harvest(TakeRecord take);
  void Complete(std::unique_ptr<HandshakeRecord> record, TakeRecord take);
  void SayKubelet();
  void SayBlindLibraries();
  uint64_t EventsLost() const;

  std::function<void(const std::string&)> say_;
  std::unique_ptr<BpfSource> source_;
  std::unique_ptr<Kubelet> kubelet_;  // null where none was ever asked
  absl::Status kubelet_said_;         // the last of its states that was printed
  Attributor attributor_;
  FlowTable flows_{kMaxCertificateReadsPerSecond};
  std::optional<LibraryPart> library_;  // goes before the source, whose program it has attached
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_PIPELINE_H_
