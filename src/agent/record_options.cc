#include "src/agent/record_options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/clock.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

const std::map<std::string, OutputFormat>& Formats() {
  static const auto* const formats = new std::map<std::string, OutputFormat>{
      {"columns", OutputFormat::kColumns},       {"wide", OutputFormat::kWide}, {"json", OutputFormat::kJson},
      {"jsonpretty", OutputFormat::kJsonPretty}, {"csv", OutputFormat::kCsv},   {"zeek", OutputFormat::kZeek}};
  return *formats;
}

std::string CheckFields(const std::string& list) {
  const absl::Status status = ParseFields(list).status();
  return std::string(status.message());
}

std::string CheckCount(const std::string& text) {
  uint64_t count = 0;
  if (absl::SimpleAtoi(text, &count) && count > 0) return "";
  return absl::StrCat("'", PrintableUtf8(text, kMaxFieldText), "' is no number of handshakes; write 1 or more");
}

}  // namespace

void RecordOptions::AddTerm(CLI::App* command, FilterKey key, const char* flags, const char* value, const char* help) {
  command->add_option(flags, terms_[static_cast<size_t>(key)], help)
      ->check([key](const std::string& text) { return std::string(RecordFilter().Add(key, text).message()); })
      ->type_name(value)
      ->allow_extra_args(false)
      ->group("Which handshakes (repeatable; !VALUE: all but)");
}

void RecordOptions::AddTo(CLI::App* command) {
  command
      ->add_option("-o,--output", format_,
                   "Output: columns, wide, json (an object a line), jsonpretty, csv, zeek (as its ssl.log)")
      ->transform(CLI::CheckedTransformer(Formats()).description(""))
      ->type_name("FORMAT")
      ->option_text("FORMAT")
      ->default_str("columns");
  command->add_option("-F,--fields", fields_, "Fields of columns and csv, separated by commas")
      ->check(CheckFields)
      ->type_name("LIST");
  CLI::Option* seconds = command->add_flag("-t", seconds_, "Print the time as seconds since the start");
  command->add_flag("-T", utc_, "Print the time as UTC, with the date")->excludes(seconds);
  AddColorTo(command);
  command->add_flag("-v,--verbose", stories_, "Tell under the line of each failed handshake what happened and what to try");
  command->add_option("-N,--count", max_records_, "Stop after this many handshakes")->check(CheckCount)->type_name("COUNT");
  AddFilterTo(command);
}

void RecordOptions::AddColorTo(CLI::App* command) {
  command->add_option("--color", color_, "Colour what failed: auto, always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}).description(""))
      ->type_name("WHEN")
      ->capture_default_str();
}

void RecordOptions::AddFilterTo(CLI::App* command) {
  AddTerm(command, FilterKey::kPid, "-p,--pid", "PID", "Process");
  AddTerm(command, FilterKey::kComm, "-c,--comm", "GLOB", "Name of the process");
  AddTerm(command, FilterKey::kUser, "-u,--user", "USER", "User of the process, by number or name");
  AddTerm(command, FilterKey::kNamespace, "-n,--namespace", "GLOB", "Kubernetes namespace");
  AddTerm(command, FilterKey::kPod, "--pod", "GLOB", "Name of the pod");
  AddTerm(command, FilterKey::kContainer, "--container", "GLOB", "Name of the container, or six digits of its id or more");
  AddTerm(command, FilterKey::kServerName, "-S,--sni", "GLOB", "Server name");
  AddTerm(command, FilterKey::kRole, "--role", "ROLE", "client, server or observer");
  AddTerm(command, FilterKey::kLocalPort, "-L,--local-port", "PORT", "Port of the watched side");
  AddTerm(command, FilterKey::kServerPort, "-D,--server-port", "PORT", "Port of the server");
  AddTerm(command, FilterKey::kVersion, "--version", "VERSION", "Negotiated version: 1.3, 1.2, ...");
  AddTerm(command, FilterKey::kReason, "--reason", "REASON", "Cause of failure");
  CLI::Option* ipv4 = command->add_flag("-4", ipv4_, "IPv4 only")->group("Which handshakes");
  command->add_flag("-6", ipv6_, "IPv6 only")->excludes(ipv4)->group("Which handshakes");
  command->add_flag("-f,--failed", failed_, "Failed and aborted ones only")->group("Which handshakes");
  command->add_option("--min-ms", min_ms_, "Only those that took at least so many milliseconds")
      ->check(CLI::Validator(CLI::PositiveNumber).description(""))
      ->type_name("MS")
      ->group("Which handshakes");
}

PrinterOptions RecordOptions::Printer() const {
  PrinterOptions options;
  options.format = format_;
  if (!fields_.empty()) options.fields = *ParseFields(fields_);
  options.time.style = seconds_ ? TimeStyle::kSeconds : utc_ ? TimeStyle::kUtc : TimeStyle::kClock;
  if (format_ == OutputFormat::kCsv && !seconds_) options.time.style = TimeStyle::kUtc;
  options.time.start_ns = WallNs();
  options.color = Color();
  options.stories = stories_;
  options.max_records = max_records_;
  options.filter = Filter();
  return options;
}

bool RecordOptions::Color() const {
  if (color_ != "auto") return color_ == "always";
  const char* no_color = std::getenv("NO_COLOR");  // any value but an empty one: no-color.org
  return isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

RecordFilter RecordOptions::Filter() const {
  RecordFilter filter;
  for (size_t key = 0; key < kFilterKeys; ++key) {
    // Each was checked as it was parsed.
    for (const std::string& term : terms_[key]) filter.Add(static_cast<FilterKey>(key), term).IgnoreError();
  }
  if (ipv4_ || ipv6_) filter.OnlyFamily(ipv6_);
  if (failed_) filter.OnlyFailed();
  filter.AtLeastMilliseconds(min_ms_);
  return filter;
}

}  // namespace tlsmeter::agent
