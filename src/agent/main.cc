// tlsmeter: the command line.

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "src/agent/commands.h"
#include "src/agent/pipeline.h"
#include "src/agent/record_options.h"

namespace tlsmeter::agent {
namespace {

constexpr const char* kLibraryHelp =
    "Also probe the TLS libraries of watched processes: certificates, reasons and protocols that TLS 1.3 encrypts";
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

int Main(int argc, char** argv) {
  CLI::App app{"Watches every TLS handshake of this machine, per process, without touching the applications."};
  app.name("tlsmeter");
  app.require_subcommand(0, 1);  // none is reported below: an unknown word shall be named first
  app.set_version_flag("--version", std::string("tlsmeter ") + kVersion);

  TraceOptions trace_options;
  std::string duration;
  CLI::App* trace = app.add_subcommand("trace", "Print one line per handshake and side");
  trace->add_option("--cgroup", trace_options.cgroup, kCgroupHelp)->type_name("PATH");
  trace->add_flag("--library", trace_options.library, kLibraryHelp);
  RecordOptions trace_records;
  trace_records.AddTo(trace);
  trace->add_option("-d,--duration", duration, "Stop after this time: 30, 500ms, 5m")
      ->check(CheckDuration)
      ->type_name("TIME");
  trace->footer(
      "Examples:\n"
      "  tlsmeter trace -d 30                 thirty seconds of all handshakes\n"
      "  tlsmeter trace -f -v                 what fails, why, and what to try\n"
      "  tlsmeter trace -S '*.example.com' -D '!8443' -o json");

  ReadOptions read_options;
  CLI::App* read = app.add_subcommand("read", "Print one line per handshake of capture files");
  read->add_option("FILE", read_options.files, "pcap or pcapng files, in their order; - is standard input")
      ->required()
      ->type_name("")
      ->option_text("");
  RecordOptions read_records;
  read_records.AddTo(read);
  read->add_flag("--summary", read_options.summary, "Print counts and percentiles at the end in place of lines");
  read->footer(
      "Examples:\n"
      "  tlsmeter read capture.pcapng --summary     what was negotiated, what failed, how long it took\n"
      "  tcpdump -w - port 443 | tlsmeter read -    from a pipe");

  ServeOptions serve_options;
  CLI::App* serve = app.add_subcommand("serve", "Export Prometheus metrics");
  serve->add_option("--listen", serve_options.listen, "Address and port of the HTTP server")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  serve
      ->add_option("--web.config.file", serve_options.web_config,
                   "TLS and authentication of the HTTP server, in the format of the Prometheus exporters")
      ->type_name("PATH");
  serve->add_option("--cgroup", serve_options.cgroup, kCgroupHelp)->type_name("PATH");
  serve->add_flag("--library", serve_options.library, kLibraryHelp);
  serve->add_flag("--trace", serve_options.trace, "Also print one line per handshake");
  serve->add_flag("--bpf-stats", serve_options.measure_time,
                  "Also export the run time of the BPF programs (costs some 50 ns a run)");
  serve
      ->add_option("--kubelet-url", serve_options.kubelet.url,
                   "Name pods by this kubelet's list of them (its port is 10250 by default)")
      ->type_name("https://HOST[:PORT]");
  serve
      ->add_option("--kubelet-token-file", serve_options.kubelet.token_file,
                   "Token of a service account that may get nodes/pods or nodes/proxy")
      ->type_name("PATH");
  serve
      ->add_option("--kubelet-ca-file", serve_options.kubelet.ca_file,
                   "Authorities that vouch for the kubelet (default: those of the system)")
      ->type_name("PATH");
  std::string kubelet_timeout = "5s";
  serve->add_option("--kubelet-timeout", kubelet_timeout, "Give a request to the kubelet up after this time")
      ->check(CheckDuration)
      ->type_name("TIME")
      ->capture_default_str();
  serve->footer(
      "Examples:\n"
      "  tlsmeter serve                       metrics on http://127.0.0.1:9743/metrics\n"
      "  tlsmeter serve --listen :9743 --cgroup /sys/fs/cgroup/system.slice");

  CheckOptions check_options;
  CLI::App* check = app.add_subcommand("check", "Say what this machine lets tlsmeter see, and what not and why");
  check->add_option("--cgroup", check_options.cgroup, kCgroupHelp)->type_name("PATH");
  std::string check_output = "text";
  check->add_option("-o,--output", check_output, "Output: text or json (one object)")
      ->check(CLI::IsMember({"text", "json"}).description(""))
      ->type_name("FORMAT");
  check->footer(
      "Examples:\n"
      "  tlsmeter check                       exit code 0: the wire sensor works, 3: it does not\n"
      "  tlsmeter check -o json | jq .hooks");

  CLI::App* version = app.add_subcommand("version", "Print the version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);  // --help, --version
  } catch (const CLI::ParseError& e) {
    const std::string sentence = absl::StrReplaceAll(e.what(), {{"\n", " "}});
    std::fprintf(stderr, "tlsmeter: %s; see tlsmeter --help\n", sentence.c_str());
    return kExitUsage;
  }

  if (app.get_subcommands().empty()) {
    std::fprintf(stderr, "tlsmeter: a command is required: trace, read, serve, check or version; see tlsmeter --help\n");
    return kExitUsage;
  }
  if (version->parsed()) {
    std::printf("tlsmeter %s\n", kVersion);
    return kExitOk;
  }
  if (trace->parsed()) {
    trace_options.duration_seconds = duration.empty() ? 0 : ParseSeconds(duration);
    trace_options.printer = trace_records.Printer();
    return RunTrace(trace_options);
  }
  if (check->parsed()) {
    check_options.json = check_output == "json";
    return RunCheck(check_options);
  }
  if (read->parsed()) {
    read_options.printer = read_records.Printer();
    return RunRead(read_options);
  }
  serve_options.kubelet.timeout =
      std::chrono::milliseconds(static_cast<int64_t>(std::ceil(1000 * ParseSeconds(kubelet_timeout))));
  return RunServe(serve_options);
}

}  // namespace
}  // namespace tlsmeter::agent

int main(int argc, char** argv) { return tlsmeter::agent::Main(argc, argv); }
