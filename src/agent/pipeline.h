// Pipeline: the whole chain, from the source to finished records. The only place that sees all of it.
//
// One thread, the event thread, creates a pipeline, turns it and destroys it.
#ifndef TLSMETER_SRC_AGENT_PIPELINE_H_
#define TLSMETER_SRC_AGENT_PIPELINE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/aggregate/self_stats.h"
#include "src/attribution/attributor.h"
#include "src/capture/bpf_source.h"
#include "src/correlate/flow_table.h"
#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// kVersion is the program's version, as `tlsmeter version` prints it.
extern const char kVersion[];

class Pipeline {
 public:
  // Start opens the live source. Errors as BpfSource::Open says.
  static absl::StatusOr<std::unique_ptr<Pipeline>> Start(const BpfSourceOptions& options);

  // Turn waits up to `timeout_ms` for events and returns the records that became finished.
  absl::StatusOr<std::vector<HandshakeRecord>> Turn(int timeout_ms);

  // Finish takes what is left in the ring and decides every handshake that is still open. Detaches nothing.
  std::vector<HandshakeRecord> Finish();

  // self_stats returns what the pipeline says of itself, as of now.
  SelfStats self_stats() const;

  // SayReady prints to stderr what is watched, and one line for each hook that is missing: what is invisible, and why.
  void SayReady(const std::string& watched) const;

  // SayLast prints the last line of a run to stderr: handshakes seen, events lost, handshakes of which something was not
  // seen.
  void SayLast() const;

 private:
  Pipeline(std::unique_ptr<BpfSource> source, AttributorOptions attribution)
      : source_(std::move(source)), attributor_(std::move(attribution)) {}

  absl::Status Poll(int timeout_ms);
  std::vector<HandshakeRecord> Harvest();

  std::unique_ptr<BpfSource> source_;
  Attributor attributor_;
  FlowTable flows_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_PIPELINE_H_
