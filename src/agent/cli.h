// Cli: the command line, one function a command. Main thread.
//
// Everything else that has to know commands and flags - completion, the configuration file, the environment, the test of the
// manual - reads them from tree(): there is no second list. CLI11 is known to cli.cc and record_options.cc only; its header
// takes the compiler five seconds.
#ifndef TLSMETER_SRC_AGENT_CLI_H_
#define TLSMETER_SRC_AGENT_CLI_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/agent/command_tree.h"
#include "src/agent/commands.h"
#include "src/agent/record_options.h"

namespace CLI {
class App;
}

namespace tlsmeter::agent {

class Cli {
 public:
  Cli();
  ~Cli();
  Cli(const Cli&) = delete;
  Cli& operator=(const Cli&) = delete;

  // Parse parses the arguments behind the program's name; once. FailedPrecondition names what a command cannot do without,
  // InvalidArgument anything else that is wrong, in one sentence. Where they ask for help or the version it is printed.
  absl::Status Parse(std::vector<std::string> arguments);

  // answered says that the arguments asked for help or the version: there is nothing to run.
  bool answered() const { return answered_; }

  // command returns the parsed command, nothing when none was given. tree returns the program with all that there are.
  std::optional<Command> command() const;
  Command tree() const;

  // Run runs it. A command that reads its configuration again while it runs asks `complete` for its whole command line.
  using Complete = std::function<absl::StatusOr<std::vector<std::string>>()>;
  ExitCode Run(Complete complete);

  // serve_options returns what the flags of serve say. Errors of ParseServerNameMode.
  absl::StatusOr<ServeOptions> serve_options() const;

  // config_file returns the value of --config, "" where it was not given.
  const std::string& config_file() const { return config_file_; }

 private:
  using Body = std::function<ExitCode()>;

  CLI::App* Add(CLI::App* parent, const char* name, const char* help, const char* examples, Body run);
  CLI::App* AddWithSettings(const char* name, const char* help, const char* examples, Body run);
  void AddTrace();
  void AddTop();
  void AddRead();
  void AddCerts();
  void AddServe();
  void AddCheck();
  void AddConfig();
  void AddMetrics();
  void AddCompletion();
  absl::StatusOr<ServeOptions> RereadServeOptions() const;

  std::unique_ptr<CLI::App> app_;
  bool answered_ = false;
  Body run_;  // of the command that was parsed
  Complete complete_;

  std::string config_file_;
  TraceOptions trace_;
  RecordOptions trace_records_;
  std::string duration_;
  TopOptions top_;
  RecordOptions top_records_;
  std::string top_duration_;
  std::string interval_ = "2s";
  std::string window_ = "60s";
  ReadOptions read_;
  RecordOptions read_records_;
  ServeOptions serve_;
  std::string kubelet_timeout_ = "5s";
  std::string server_names_ = "exact";
  CertsOptions certs_;
  std::string certs_output_ = "text";
  std::vector<std::string> labels_;
  CheckOptions check_;
  std::string check_output_ = "text";
  std::string checked_file_;
  MetricsListOptions metrics_list_;
  std::string shell_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_CLI_H_
