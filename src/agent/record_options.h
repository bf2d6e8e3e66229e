// RecordOptions: the flags of every command that shows records: how, how many and which. Main thread.
#ifndef TLSMETER_SRC_AGENT_RECORD_OPTIONS_H_
#define TLSMETER_SRC_AGENT_RECORD_OPTIONS_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "src/agent/record_filter.h"
#include "src/agent/record_printer.h"

namespace CLI {
class App;
}

namespace tlsmeter::agent {

class RecordOptions {
 public:
  // AddTo adds the flags to `command`; the object must live until they are parsed. A value that cannot be is an error of
  // the parser, in one sentence. AddColorTo and AddFilterTo add those of them that say whether there is colour, and which
  // records are wanted.
  void AddTo(CLI::App* command);
  void AddColorTo(CLI::App* command);
  void AddFilterTo(CLI::App* command);

  // Printer returns what the flags ask for; Color and Filter the part of it that their flags do. Colour follows the terminal
  // and NO_COLOR where no flag decides.
  PrinterOptions Printer() const;
  bool Color() const;
  RecordFilter Filter() const;

 private:
  void AddTerm(CLI::App* command, FilterKey key, const char* flags, const char* value, const char* help);

  OutputFormat format_ = OutputFormat::kColumns;
  std::string fields_;
  bool seconds_ = false;
  bool utc_ = false;
  std::string color_ = "auto";
  bool stories_ = false;
  uint64_t max_records_ = 0;
  std::array<std::vector<std::string>, kFilterKeys> terms_;
  bool ipv4_ = false;
  bool ipv6_ = false;
  bool failed_ = false;
  double min_ms_ = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_RECORD_OPTIONS_H_
