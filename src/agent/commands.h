// The subcommands of tlsmeter. Each takes its parsed options, runs to its end and returns the exit code. Main thread.
#ifndef TLSMETER_SRC_AGENT_COMMANDS_H_
#define TLSMETER_SRC_AGENT_COMMANDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "src/agent/exit_code.h"
#include "src/agent/record_printer.h"

namespace tlsmeter::agent {

struct TraceOptions {
  std::string cgroup;  // empty: all
  OutputFormat format = OutputFormat::kColumns;
  double duration_seconds = 0;  // 0: until a signal
  uint64_t max_records = 0;     // 0: no limit
  std::vector<uint32_t> pids;   // only handshakes of these processes; empty: all
};
ExitCode RunTrace(const TraceOptions& options);

struct ReadOptions {
  std::vector<std::string> files;  // "-": standard input; read one after the other
  OutputFormat format = OutputFormat::kColumns;
  uint64_t max_records = 0;  // 0: no limit
  bool summary = false;      // print figures at the end in place of lines
};
ExitCode RunRead(const ReadOptions& options);

struct ServeOptions {
  std::string cgroup;
  std::string listen = "127.0.0.1:9743";
  std::string web_config;     // file; empty: plain HTTP for everybody
  bool trace = false;         // also print a line per handshake
  bool measure_time = false;  // export the run time of the BPF programs
};
ExitCode RunServe(const ServeOptions& options);

struct CheckOptions {
  std::string cgroup;
  bool json = false;
};
// RunCheck prints what can be seen on this machine and what cannot, and why. kExitUnsupported when nothing can.
ExitCode RunCheck(const CheckOptions& options);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_COMMANDS_H_
