// Terminal: the whole screen of the terminal on standard input and output, for as long as the object lives.
//
// By termios(3) and the sequences of ECMA-48 that every terminal since the VT100 and its emulators understand: six of them
// are all that it takes, and no database of terminals has to be there. One object at a time; main thread.
#ifndef TLSMETER_SRC_AGENT_TERMINAL_H_
#define TLSMETER_SRC_AGENT_TERMINAL_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tlsmeter::agent {

// TerminalSize is in character cells. At least 1 each, and at most kMaxTerminalCells: a terminal says of itself what it
// likes.
struct TerminalSize {
  size_t width = 80;
  size_t height = 24;
  bool operator==(const TerminalSize&) const = default;
};
inline constexpr size_t kMaxTerminalCells = 1000;

class Terminal {
 public:
  // IsUsable returns whether there is a terminal that can do it: on both ends, and TERM is neither unset nor "dumb".
  static bool IsUsable();

  // Open takes the screen: keys come singly and are not echoed, the cursor is hidden, and what was on the screen comes back
  // at the end. The end is the destructor, or a signal that ends the process without it (SIGHUP, SIGQUIT, faults), SIGKILL
  // alone excepted. Unavailable where the terminal refuses.
  static absl::StatusOr<std::unique_ptr<Terminal>> Open();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  TerminalSize size() const;

  // ReadKeys returns what was typed since the last call, as the terminal sends it; does not wait.
  std::string ReadKeys();

  // Draw shows `lines` in place of what was there, each at most as wide as the screen, and no more of them than it is high.
  // Unavailable when the terminal has gone.
  absl::Status Draw(const std::vector<std::string>& lines);

  // SuspendIfAsked gives the screen back and stops the process where the suspend key (^Z) was pressed, and takes the screen
  // again once it is continued. Returns true where that happened: all is to be drawn anew.
  bool SuspendIfAsked();

 private:
  Terminal() = default;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_TERMINAL_H_
