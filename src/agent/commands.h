// The subcommands of tlsmeter. Each takes its parsed options, runs to its end and returns the exit code. Main thread.
#ifndef TLSMETER_SRC_AGENT_COMMANDS_H_
#define TLSMETER_SRC_AGENT_COMMANDS_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/agent/exit_code.h"
#include "src/agent/record_filter.h"
#include "src/agent/record_printer.h"
#include "src/agent/top_controls.h"
#include "src/aggregate/server_names.h"
#include "src/attribution/kubelet.h"
#include "src/export/constant_labels.h"

namespace tlsmeter::agent {

struct TraceOptions {
  std::string cgroup;           // empty: all
  bool library = false;         // also probe TLS libraries
  double duration_seconds = 0;  // 0: until a signal
  bool quiet = false;           // only errors and warnings on standard error
  PrinterOptions printer;
};
ExitCode RunTrace(const TraceOptions& options);

struct TopOptions {
  std::string cgroup;
  bool library = false;
  double duration_seconds = 0;  // 0: until a signal or a key
  double interval_seconds = 2;  // between two pages
  double window_seconds = 60;   // what a page looks back on
  RecordFilter filter;
  TopControls controls;  // at the start
  bool color = false;
};
// RunTop shows a live screen, or prints pages as text where there is no terminal.
ExitCode RunTop(const TopOptions& options);

struct ReadOptions {
  std::vector<std::string> files;  // "-": standard input; read one after the other
  PrinterOptions printer;
  bool summary = false;  // print figures at the end in place of lines
  bool quiet = false;    // only errors on standard error
};
ExitCode RunRead(const ReadOptions& options);

struct ServeOptions {
  std::string cgroup;
  bool library = false;  // also probe TLS libraries
  std::string listen = "127.0.0.1:9743";
  std::string web_config;     // file; empty: plain HTTP for everybody
  bool trace = false;         // also print a line per handshake
  bool measure_time = false;  // export the run time of the BPF programs
  KubeletOptions kubelet;     // asked where it has a URL
  ServerNameOptions server_names;
  std::vector<ConstantLabel> labels;  // on every series
  bool quiet = false;                 // only errors and warnings on standard error
};
// RereadServe returns the options that a start would have now: flags and environment as they were, the files as they are.
using RereadServe = std::function<absl::StatusOr<ServeOptions>()>;
// RunServe calls `reread` at each SIGHUP and takes over what it can (ServeSettings).
ExitCode RunServe(ServeOptions options, const RereadServe& reread);

// AgentAddress is where a running agent answers, and what it is asked with.
struct AgentAddress {
  std::string url = "http://" + ServeOptions().listen;  // "http[s]://HOST[:PORT]"; at first where serve listens by default
  std::string http_config = {};  // file (http_config.h); empty: no credentials, the system's authorities
};

struct CertsOptions {
  std::vector<std::string> files;  // captures; "-": standard input
  AgentAddress agent;              // that is asked where there are no files
  bool json = false;
  std::optional<double> within_days;  // only those that end so soon
};
// RunCerts prints certificates, what ends first in front. The exit code is that of the first file that cannot be read; the
// others are told all the same.
ExitCode RunCerts(const CertsOptions& options);

struct CheckOptions {
  std::string cgroup;
  bool json = false;
};
// RunCheck prints what can be seen on this machine and what cannot, and why. kExitUnsupported when nothing can.
ExitCode RunCheck(const CheckOptions& options);

struct MetricsListOptions {
  AgentAddress agent;
  bool agent_required = false;  // it is an error when it cannot be asked
};
// RunMetricsList prints the metric catalogue with what the agent uses of it.
ExitCode RunMetricsList(const MetricsListOptions& options);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_COMMANDS_H_
