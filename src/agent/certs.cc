// The certificates of capture files, or those that a running serve has seen, through one form: the answer of
// /api/v1/certificates. Main thread.

#include <cinttypes>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/agent/certificate_list.h"
#include "src/agent/commands.h"
#include "src/agent/replay.h"
#include "src/agent/stop_signal.h"
#include "src/aggregate/aggregator.h"
#include "src/export/json_api.h"

namespace tlsmeter::agent {
namespace {

class Certs {
 public:
  explicit Certs(const CertsOptions& options) : options_(options) {}

  ExitCode Run();

 private:
  absl::Status ReadFile(const std::string& path);
  absl::Status ReadCapture(const std::string& path);

  const CertsOptions& options_;
  CertificateList list_;
  Replay replay_;
  Aggregator aggregator_;
};

// Reads what is left of `file`, which is an answer.
absl::StatusOr<std::string> ReadAnswer(std::FILE* file) {
  std::string text(kMaxCertificateListBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  if (std::ferror(file) != 0) return absl::UnavailableError("it cannot be read to its end");
  if (text.size() > kMaxCertificateListBytes) {
    return absl::InvalidArgumentError(absl::StrCat("it is longer than ", kMaxCertificateListBytes, " bytes"));
  }
  return text;
}

struct Close {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

// An answer begins with a brace, as no capture does.
absl::Status Certs::ReadFile(const std::string& path) {
  const std::unique_ptr<std::FILE, Close> file(path == "-" ? stdin : std::fopen(path.c_str(), "rbe"));
  const int first = file != nullptr ? std::getc(file.get()) : EOF;
  if (first != EOF) std::ungetc(first, file.get());
  if (first != '{') return ReadCapture(path);  // which says what is wrong with a file that is neither
  absl::StatusOr<std::string> answer = ReadAnswer(file.get());
  const absl::Status status = answer.ok() ? list_.Add(*answer) : answer.status();
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("cannot read ", path, ": ", std::string(status.message())));
}

absl::Status Certs::ReadCapture(const std::string& path) {
  const absl::StatusOr<std::unique_ptr<PcapSource>> source = PcapSource::Open(path);
  if (!source.ok()) return source.status();
  replay_.BeginFile();
  while (!StopRequested()) {
    const absl::StatusOr<std::optional<CapturedPacket>> packet = (*source)->Next();
    if (!packet.ok()) return StopRequested() ? absl::OkStatus() : packet.status();
    if (!packet->has_value()) break;
    replay_.Take((*source)->link(), **packet);
    for (const HandshakeRecord& record : replay_.Harvest()) aggregator_.Add(record);
  }
  return absl::OkStatus();
}

ExitCode Certs::Run() {
  CatchStopSignals();
  ExitCode code = kExitOk;
  for (const std::string& path : options_.files) {
    const absl::Status status = ReadFile(path);
    if (!status.ok() && code == kExitOk) code = ExitCodeOf(status);
    if (!status.ok()) FailWith(status);
    if (StopRequested()) break;
  }
  if (replay_.packets() > 0) {
    replay_.Finish();
    for (const HandshakeRecord& record : replay_.Harvest()) aggregator_.Add(record);
    if (const absl::Status status = list_.Add(CertificatesAnswer(aggregator_.Certificates()).body); !status.ok()) {
      return FailWith(status);
    }
    std::fprintf(stderr, "tlsmeter: %s\n", replay_.LastLine().c_str());
  }
  if (list_.evicted() > 0) {
    std::fprintf(stderr, "tlsmeter: %" PRIu64 " certificates are not shown: there was no room to remember them\n",
                 list_.evicted());
  }
  if (list_.empty() && code != kExitOk) return code;
  const absl::Time now = absl::Now();
  if (options_.within_days.has_value()) list_.KeepEndingBefore(now + absl::Hours(24) * *options_.within_days);
  std::fputs((options_.json ? list_.JsonLines() : list_.Text(now)).c_str(), stdout);
  return code;
}

}  // namespace

ExitCode RunCerts(const CertsOptions& options) { return Certs(options).Run(); }

}  // namespace tlsmeter::agent
