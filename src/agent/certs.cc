// The certificates of capture files, or those that a running serve has seen. Both come as the answer of
// /api/v1/certificates, so that there is one form of them. Main thread.

#include <cinttypes>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/agent/ask_agent.h"
#include "src/agent/certificate_list.h"
#include "src/agent/commands.h"
#include "src/agent/replay.h"
#include "src/agent/stop_signal.h"
#include "src/aggregate/aggregator.h"
#include "src/export/json_api.h"

namespace tlsmeter::agent {
namespace {

absl::Status ReadCapture(const std::string& path, Replay* replay, Aggregator* aggregator) {
  const absl::StatusOr<std::unique_ptr<PcapSource>> source = PcapSource::Open(path);
  if (!source.ok()) return source.status();
  replay->BeginFile();
  while (!StopRequested()) {
    const absl::StatusOr<std::optional<CapturedPacket>> packet = (*source)->Next();
    // A signal interrupts the reading of a pipe.
    if (!packet.ok()) return StopRequested() ? absl::OkStatus() : packet.status();
    if (!packet->has_value()) break;
    replay->Take((*source)->link(), **packet);
    for (const auto& record : replay->Harvest()) aggregator->Add(*record);
  }
  return absl::OkStatus();
}

// What serve would answer had it seen the files. A file that cannot be read does not hide the others: *code is then that of
// the first.
std::string AnswerOfCaptures(const std::vector<std::string>& files, ExitCode* code) {
  CatchStopSignals();
  Replay replay;
  Aggregator aggregator;
  for (const std::string& path : files) {
    const absl::Status status = ReadCapture(path, &replay, &aggregator);
    if (!status.ok()) {
      const ExitCode failed = FailWith(status);
      if (*code == kExitOk) *code = failed;
    }
    if (StopRequested()) break;
  }
  replay.Finish();
  for (const auto& record : replay.Harvest()) aggregator.Add(*record);
  if (replay.packets() > 0) std::fprintf(stderr, "tlsmeter: %s\n", replay.LastLine().c_str());
  return CertificatesAnswer(aggregator.Certificates()).body;
}

}  // namespace

ExitCode RunCerts(const CertsOptions& options) {
  ExitCode code = kExitOk;
  const absl::StatusOr<std::string> answer = options.files.empty()
                                                 ? AskAgent(options.agent, "/api/v1/certificates", kMaxCertificateListBytes)
                                                 : AnswerOfCaptures(options.files, &code);
  if (!answer.ok()) return FailWith(answer.status());
  absl::StatusOr<CertificateList> list = CertificateList::Parse(*answer);
  if (!list.ok()) {
    return FailWith(absl::UnavailableError(absl::StrCat(options.agent.url, ": ", std::string(list.status().message()))));
  }
  if (list->evicted() > 0) {
    std::fprintf(stderr, "tlsmeter: %" PRIu64 " certificates are not shown: there was no room to remember them\n",
                 list->evicted());
  }
  const absl::Time now = absl::Now();
  if (options.within_days.has_value()) list->KeepEndingBefore(now + absl::Hours(24) * *options.within_days);
  std::fputs((options.json ? list->JsonLines() : list->Text(now)).c_str(), stdout);
  return code;
}

}  // namespace tlsmeter::agent
