// ServeSettings: what a running serve takes over of its configuration when it reads it again, at SIGHUP. Event thread.
//
// The one table of it: ServeConfiguration acts by it, tlsmeter.yaml(5) is held against it by a test.
#ifndef TLSMETER_SRC_AGENT_SERVE_SETTINGS_H_
#define TLSMETER_SRC_AGENT_SERVE_SETTINGS_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "src/agent/commands.h"
#include "src/aggregate/self_stats.h"

namespace tlsmeter::agent {

// AtReload says what becomes of a setting that has changed.
enum class AtReload : uint8_t {
  kApplied,
  kNeedsRestart,  // sensors are attached and the listener is bound with privileges that are given up for good;
                  // labels that changed would make every series another one
};

// ServeSetting is a flag of serve and the part of ServeOptions that it makes.
struct ServeSetting {
  std::string_view flag;  // without the dashes
  AtReload at_reload;
  bool (*equal)(const ServeOptions& a, const ServeOptions& b);
  void (*copy)(const ServeOptions& from, ServeOptions* to);
};

// ServeSettings returns all of them, in the order of the command line.
const std::vector<ServeSetting>& ServeSettings();

// ServeConfiguration is what serve runs by, and how the last reading of it went.
class ServeConfiguration {
 public:
  // `started_with` was read just now.
  ServeConfiguration(ServeOptions started_with, RereadServe reread);

  // in_force returns the options by which serve runs; the reference stays, Reload changes what it refers to.
  const ServeOptions& in_force() const { return in_force_; }

  // Reload reads the options again, takes over what can be, and says on standard error what became of each that differs.
  // Where anything is wrong it says what, and nothing changes.
  void Reload();

  // AddTo says how the last reading went.
  void AddTo(SelfStats* self) const;

 private:
  ServeOptions in_force_;
  RereadServe reread_;
  bool succeeded_ = true;
  absl::Time succeeded_at_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_SERVE_SETTINGS_H_
