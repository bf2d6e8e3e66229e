#include "src/agent/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "src/agent/completion.h"
#include "src/agent/pipeline.h"
#include "src/agent/server_name_mode.h"
#include "src/agent/settings.h"

namespace tlsmeter::agent {
namespace {

constexpr const char* kLibraryHelp =
    "Also probe the TLS libraries of watched processes: certificates, reasons and protocols that TLS 1.3 encrypts";
constexpr const char* kQuietHelp = "Say on standard error only what is wrong: no notices, no progress, no last line";
constexpr const char* kCgroupHelp = "Watch only sockets of this cgroup v2 directory and below (default: all)";

// "30", "30s", "5m": seconds, or 0 when it is not a positive duration.
double ParseSeconds(const std::string& text) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration) && !absl::ParseDuration(text + "s", &duration)) return 0;
  return absl::ToDoubleSeconds(duration);
}

std::string CheckDuration(const std::string& text) {
  if (ParseSeconds(text) > 0) return "";
  return absl::StrCat("'", text, "' is no duration; write seconds or 500ms, 30s, 5m");
}

// ByName maps the names of an enumeration of `count` values, from 0 on, to them.
template <size_t count, typename Enum>
std::map<std::string, Enum> ByName(std::string_view (*name)(Enum)) {
  std::map<std::string, Enum> values;
  for (size_t i = 0; i < count; ++i) values.emplace(name(static_cast<Enum>(i)), static_cast<Enum>(i));
  return values;
}

Flag FlagOf(const CLI::Option& option) {
  return {.short_names = option.get_snames(),
          .long_names = option.get_lnames(),
          .help = option.get_description(),
          .type = option.get_type_name(),
          .standard = option.get_default_str(),
          .takes_value = option.get_items_expected_max() > 0,
          .repeatable = option.get_expected_max() > 1,
          .given = option.count() > 0};
}

Command CommandOf(const CLI::App& app) {
  Command command{app.get_name(), app.get_description(), app.get_footer(), {}, {}};
  for (const CLI::Option* option : app.get_options([](const CLI::Option* each) { return each->nonpositional(); })) {
    command.flags.push_back(FlagOf(*option));
  }
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    command.commands.push_back(CommandOf(*below));
  }
  return command;
}

std::string OneLine(const CLI::ParseError& error) { return absl::StrReplaceAll(error.what(), {{"\n", " "}}); }

// Adds the flags that say which agent is asked, and returns the one with its URL.
CLI::Option* AddAgentTo(CLI::App* command, const char* help, AgentAddress* agent) {
  CLI::Option* url = command->add_option("--url", agent->url, help)->type_name("URL")->capture_default_str();
  command
      ->add_option("--http.config.file", agent->http_config,
                   "TLS and credentials to ask the agent with, in the format of promtool's file of that name")
      ->type_name("PATH");
  return url;
}

ExitCode Print(const absl::StatusOr<std::string>& text) {
  if (!text.ok()) return FailWith(text.status());
  std::fputs(text->c_str(), stdout);
  return kExitOk;
}

}  // namespace

Cli::Cli()
    : app_(std::make_unique<CLI::App>(
          "Watches every TLS handshake of this machine, per process, without touching the applications.")) {
  app_->name("tlsmeter");
  app_->require_subcommand(0, 1);  // none is reported by who asks for command(): an unknown word shall be named first
  app_->footer(
      "Examples:\n"
      "  tlsmeter trace -f -v                 what fails on this machine, why, and what to try\n"
      "  tlsmeter serve                       metrics on http://127.0.0.1:9743/metrics");
  app_->set_version_flag("--version", std::string("tlsmeter ") + kVersion);
  AddTrace();
  AddTop();
  AddRead();
  AddCerts();
  AddServe();
  AddCheck();
  AddConfig();
  AddMetrics();
  AddCompletion();
  Add(app_.get(), "version", "Print the version",
      "  tlsmeter version                     for people\n"
      "  tlsmeter version | cut -d' ' -f2     for scripts",
      [] { return Print(absl::StrCat("tlsmeter ", kVersion, "\n")); });
}

Cli::~Cli() = default;

absl::Status Cli::Parse(std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  try {
    app_->parse(arguments);
  } catch (const CLI::Success& asked) {
    app_->exit(asked);
    answered_ = true;
  } catch (const CLI::RequiredError& error) {
    return absl::FailedPreconditionError(OneLine(error));
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(OneLine(error));
  }
  return absl::OkStatus();
}

std::optional<Command> Cli::command() const {
  const std::vector<const CLI::App*> parsed =
      std::as_const(*app_).get_subcommands([](const CLI::App* command) { return command->parsed(); });
  if (parsed.empty()) return std::nullopt;
  return CommandOf(*parsed.front());
}

Command Cli::tree() const { return CommandOf(*app_); }

ExitCode Cli::Run(Complete complete) {
  complete_ = std::move(complete);
  return run_();
}

CLI::App* Cli::Add(CLI::App* parent, const char* name, const char* help, const char* examples, Body run) {
  CLI::App* command = parent->add_subcommand(name, help);
  command->footer(absl::StrCat("Examples:\n", examples));
  if (run) command->callback([this, run = std::move(run)] { run_ = run; });
  return command;
}

CLI::App* Cli::AddWithSettings(const char* name, const char* help, const char* examples, Body run) {
  CLI::App* command = Add(app_.get(), name, help, examples, std::move(run));
  command
      ->add_option("--config", config_file_,
                   absl::StrCat("Take what no flag says from this file (default: ", kDefaultConfigFile, ")"))
      ->type_name("PATH");
  return command;
}

void Cli::AddTrace() {
  CLI::App* trace = AddWithSettings("trace", "Print one line per handshake and side",
                                    "  tlsmeter trace -d 30                 thirty seconds of all handshakes\n"
                                    "  tlsmeter trace -f -v                 what fails, why, and what to try\n"
                                    "  tlsmeter trace -S '*.example.com' -D '!8443' -o json",
                                    [this] {
                                      trace_.duration_seconds = duration_.empty() ? 0 : ParseSeconds(duration_);
                                      trace_.printer = trace_records_.Printer();
                                      return RunTrace(trace_);
                                    });
  trace->add_option("--cgroup", trace_.cgroup, kCgroupHelp)->type_name("PATH");
  trace->add_flag("--library", trace_.library, kLibraryHelp);
  trace_records_.AddTo(trace);
  trace->add_option("-d,--duration", duration_, "Stop after this time: 30, 500ms, 5m")
      ->check(CheckDuration)
      ->type_name("TIME");
  trace->add_flag("-q,--quiet", trace_.quiet, kQuietHelp);
}

void Cli::AddTop() {
  CLI::App* top = AddWithSettings("top", "Show who makes handshakes, how many, how fast and how they fail, live",
                                  "  tlsmeter top                         by workload; h explains keys and columns\n"
                                  "  tlsmeter top --by sni --sort p95 --role client\n"
                                  "  tlsmeter top -d 60 --interval 60 | less     one page of text for a minute",
                                  [this] {
                                    top_.duration_seconds = top_duration_.empty() ? 0 : ParseSeconds(top_duration_);
                                    top_.interval_seconds = ParseSeconds(interval_);
                                    top_.window_seconds = ParseSeconds(window_);
                                    top_.filter = top_records_.Filter();
                                    top_.color = top_records_.Color();
                                    return RunTop(top_);
                                  });
  top->add_option("--cgroup", top_.cgroup, kCgroupHelp)->type_name("PATH");
  top->add_flag("--library", top_.library, kLibraryHelp);
  top->add_option("--by", top_.controls.by, "A row for each workload (the default), sni or process")
      ->transform(CLI::CheckedTransformer(ByName<kTopGroupings>(TopGroupingName)).description(""))
      ->type_name("WHAT")
      ->option_text("WHAT")
      ->default_str("workload");
  top->add_option("--sort", top_.controls.order, "Order of rows: rate (the default), failures, p95, p50, expiry, name")
      ->transform(CLI::CheckedTransformer(ByName<kTopOrders>(TopOrderName)).description(""))
      ->type_name("ORDER")
      ->option_text("ORDER")
      ->default_str("rate");
  top->add_flag("--reverse", top_.controls.reverse, "Turn the order round");
  top->add_option("--interval", interval_, "Time from one page to the next")
      ->check(CheckDuration)
      ->type_name("TIME")
      ->capture_default_str();
  top->add_option("--window", window_, "How far a page looks back")
      ->check(CheckDuration)
      ->type_name("TIME")
      ->capture_default_str();
  top->add_option("-d,--duration", top_duration_, "Stop after this time: 30, 500ms, 5m")
      ->check(CheckDuration)
      ->type_name("TIME");
  top_records_.AddColorTo(top);
  top_records_.AddFilterTo(top);
}

void Cli::AddRead() {
  CLI::App* read =
      AddWithSettings("read", "Print one line per handshake of capture files",
                      "  tlsmeter read capture.pcapng --summary     what was negotiated, what failed, how long it took\n"
                      "  tcpdump -w - port 443 | tlsmeter read -    from a pipe",
                      [this] {
                        read_.printer = read_records_.Printer();
                        return RunRead(read_);
                      });
  read->add_option("FILE", read_.files, "pcap or pcapng files, in their order; - is standard input")
      ->required()
      ->type_name("")
      ->option_text("");
  read_records_.AddTo(read);
  read->add_flag("--summary", read_.summary, "Print counts and percentiles at the end in place of lines");
  read->add_flag("-q,--quiet", read_.quiet, kQuietHelp);
}

void Cli::AddCerts() {
  CLI::App* certs = AddWithSettings(
      "certs", "Print the certificates that a running serve has seen, or those of capture files",
      "  tlsmeter certs --within 30                      of the agent of this host, what ends within 30 days\n"
      "  tlsmeter certs capture.pcapng -o json | jq .subject",
      [this] {
        certs_.json = certs_output_ == "json";
        return RunCerts(certs_);
      });
  certs
      ->add_option("FILE", certs_.files,
                   "pcap or pcapng files; - is standard input. TLS 1.3 encrypts certificates: of it only serve --library "
                   "sees them")
      ->type_name("")
      ->option_text("");
  AddAgentTo(certs, "The agent that is asked where there is no FILE", &certs_.agent);
  certs->add_option("-o,--output", certs_output_, "Output: text, or json (an object a line)")
      ->check(CLI::IsMember({"text", "json"}).description(""))
      ->type_name("FORMAT")
      ->capture_default_str();
  certs->add_option("--within", certs_.within_days, "Only those that end within so many days, or have ended")
      ->check(CLI::Validator(CLI::NonNegativeNumber).description(""))
      ->type_name("DAYS");
}

void Cli::AddServe() {
  CLI::App* serve = AddWithSettings("serve", "Export Prometheus metrics",
                                    "  tlsmeter serve                       metrics on http://127.0.0.1:9743/metrics\n"
                                    "  tlsmeter serve --listen :9743 --cgroup /sys/fs/cgroup/system.slice",
                                    [this] {
                                      absl::StatusOr<ServeOptions> options = serve_options();
                                      if (!options.ok()) return FailWith(options.status());
                                      return RunServe(*std::move(options), [this] { return RereadServeOptions(); });
                                    });
  serve->add_option("--listen", serve_.listen, "Address and port of the HTTP server")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  serve
      ->add_option("--web.config.file", serve_.web_config,
                   "TLS and authentication of the HTTP server, in the format of the Prometheus exporters")
      ->type_name("PATH");
  serve->add_option("--cgroup", serve_.cgroup, kCgroupHelp)->type_name("PATH");
  serve->add_flag("--library", serve_.library, kLibraryHelp);
  serve->add_flag("--trace", serve_.trace, "Also print one line per handshake");
  serve->add_flag("--bpf-stats", serve_.measure_time,
                  "Also export the run time of the BPF programs (costs some 50 ns a run)");
  serve
      ->add_option("--kubelet-url", serve_.kubelet.url,
                   "Name pods by this kubelet's list of them (its port is 10250 by default)")
      ->check([](const std::string& text) { return std::string(Kubelet::CheckUrl(text).message()); })
      ->type_name("https://HOST[:PORT]");
  serve
      ->add_option("--kubelet-token-file", serve_.kubelet.token_file,
                   "Token of a service account that may get nodes/pods or nodes/proxy")
      ->type_name("PATH");
  serve
      ->add_option("--kubelet-ca-file", serve_.kubelet.ca_file,
                   "Authorities that vouch for the kubelet (default: those of the system)")
      ->type_name("PATH");
  serve->add_option("--kubelet-timeout", kubelet_timeout_, "Give a request to the kubelet up after this time")
      ->check(CheckDuration)
      ->type_name("TIME")
      ->capture_default_str();
  serve
      ->add_option("--server-names", server_names_,
                   "Names that metrics tell apart: exact, suffix:N (their last N parts), allowlist:FILE or off")
      ->check([](const std::string& text) { return std::string(CheckServerNameMode(text).message()); })
      ->type_name("MODE")
      ->capture_default_str();
  serve->add_option("--label", labels_, "A label for every series, as region=eu (repeatable)")
      ->check([](const std::string& text) { return std::string(ParseConstantLabel(text).status().message()); })
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  serve->add_flag("-q,--quiet", serve_.quiet, kQuietHelp);
}

absl::StatusOr<ServeOptions> Cli::serve_options() const {
  ServeOptions options = serve_;
  options.kubelet.timeout =
      std::chrono::milliseconds(static_cast<int64_t>(std::ceil(1000 * ParseSeconds(kubelet_timeout_))));
  absl::StatusOr<ServerNameOptions> names = ParseServerNameMode(server_names_);
  if (!names.ok()) return names.status();
  options.server_names = *std::move(names);
  absl::StatusOr<std::vector<ConstantLabel>> labels = ParseConstantLabels(labels_);
  if (!labels.ok()) return labels.status();
  options.labels = *std::move(labels);
  return options;
}

absl::StatusOr<ServeOptions> Cli::RereadServeOptions() const {
  absl::StatusOr<std::vector<std::string>> arguments = complete_();
  if (!arguments.ok()) return arguments.status();
  Cli read;
  if (const absl::Status status = read.Parse(*std::move(arguments)); !status.ok()) return status;
  return read.serve_options();
}

void Cli::AddCheck() {
  CLI::App* check =
      AddWithSettings("check", "Say what this machine lets tlsmeter see, and what not and why",
                      "  tlsmeter check                       exit code 0: the wire sensor works, 3: it does not\n"
                      "  tlsmeter check -o json | jq .hooks",
                      [this] {
                        check_.json = check_output_ == "json";
                        return RunCheck(check_);
                      });
  check->add_option("--cgroup", check_.cgroup, kCgroupHelp)->type_name("PATH");
  check->add_option("-o,--output", check_output_, "Output: text or json (one object)")
      ->check(CLI::IsMember({"text", "json"}).description(""))
      ->type_name("FORMAT")
      ->capture_default_str();
}

void Cli::AddConfig() {
  CLI::App* config = Add(app_.get(), "config", "Look at configuration files",
                         "  tlsmeter config check tlsmeter.yaml  exit code 0: every key and value can be used\n"
                         "  tlsmeter config show                 what is in force, and where it comes from",
                         nullptr);
  config->require_subcommand(1);
  CLI::App* check = Add(config, "check", "Say what is wrong with a file, with line and column",
                        "  tlsmeter config check tlsmeter.yaml\n"
                        "  tlsmeter config check /etc/tlsmeter/tlsmeter.yaml && systemctl restart tlsmeter",
                        [this] {
                          const absl::Status status = LoadSettings(checked_file_).status();
                          if (!status.ok()) return FailWith(status);
                          return Print(absl::StrCat(checked_file_, ": ok\n"));
                        });
  check->add_option("FILE", checked_file_, "The file")->required()->type_name("")->option_text("");
  CLI::App* show = Add(config, "show", "Print every setting of file and environment, with its source",
                       "  tlsmeter config show\n"
                       "  tlsmeter config show --config tlsmeter.yaml | grep -v default",
                       [this] { return Print(EffectiveText(config_file_)); });
  show->add_option("--config", config_file_, absl::StrCat("The file (default: ", kDefaultConfigFile, ")"))
      ->type_name("PATH");
}

void Cli::AddMetrics() {
  CLI::App* metrics = Add(app_.get(), "metrics", "Look at the metrics that serve exports",
                          "  tlsmeter metrics list                every metric\n"
                          "  tlsmeter metrics list --help         what the columns say",
                          nullptr);
  metrics->require_subcommand(1);
  CLI::App* list =
      Add(metrics, "list",
          "Print each metric's name, type, time series in use, most there can be, what overflowed, labels, help",
          "  tlsmeter metrics list\n"
          "  tlsmeter metrics list --url http://[2001:db8::7]:9743 | sort -rnk3",
          [this] { return RunMetricsList(metrics_list_); });
  AddAgentTo(list, "The agent whose use is shown; the default one need not be there", &metrics_list_.agent)
      ->each([this](const std::string&) { metrics_list_.agent_required = true; });
}

void Cli::AddCompletion() {
  CLI::App* completion = Add(app_.get(), "completion", "Print a completion script for a shell",
                             "  source <(tlsmeter completion bash)\n"
                             "  tlsmeter completion fish > ~/.config/fish/completions/tlsmeter.fish",
                             [this] { return Print(Completion(tree(), shell_)); });
  completion->add_option("SHELL", shell_, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""))
      ->type_name("")
      ->option_text("");
}

}  // namespace tlsmeter::agent
