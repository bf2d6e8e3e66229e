// TopControls: what a person has asked `top` to show, changed by keys. A value; main thread.
#ifndef TLSMETER_SRC_AGENT_TOP_CONTROLS_H_
#define TLSMETER_SRC_AGENT_TOP_CONTROLS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/agent/top_table.h"

namespace tlsmeter::agent {

// kMaxTopFilter bounds the filter that can be typed: the longest host name.
inline constexpr size_t kMaxTopFilter = 253;

// Keys that are no character of their own. Those that move stand for the control characters that move in less and emacs, so
// that these do the same.
inline constexpr char kKeyEnter = '\n';
inline constexpr char kKeyEscape = '\x1b';
inline constexpr char kKeyBackspace = '\x7f';
inline constexpr char kKeyUp = '\x10';        // ^P
inline constexpr char kKeyDown = '\x0e';      // ^N
inline constexpr char kKeyPageUp = '\x02';    // ^B
inline constexpr char kKeyPageDown = '\x06';  // ^F
inline constexpr char kKeyHome = '\x01';      // ^A
inline constexpr char kKeyEnd = '\x05';       // ^E

struct TopControls {
  TopGrouping by = TopGrouping::kWorkload;
  TopOrder order = TopOrder::kRate;
  bool reverse = false;
  std::string filter;                       // as TopNameMatches
  std::optional<std::string> editing = {};  // the filter that is being typed
  bool paused = false;
  bool help = false;
  bool quit = false;
  size_t first = 0;  // the row that is shown first

  // Press does what a key stands for; one without a meaning does nothing. `room` is how many rows the screen has room for.
  // To be followed by Clamp: it does not know how many there are.
  void Press(char key, size_t room);

  // Clamp makes `first` one with which the screen is full, if there are so many rows.
  void Clamp(size_t rows, size_t room);
};

// TopGroupingName and TopOrderName return the names that --by and --sort take; static storage.
std::string_view TopGroupingName(TopGrouping by);
std::string_view TopOrderName(TopOrder order);

// KeyDecoder makes keys of what a terminal sends. Escape sequences of keys that move, with Shift and the like or without,
// stand for those; all others for none. They may come in pieces, and begin like the escape key, which is told from them by
// the silence after it.
class KeyDecoder {
 public:
  // Take takes what came since the last call, nothing included, and returns the keys that it makes.
  std::string Take(std::string_view bytes);

 private:
  enum class State { kPlain, kEscape, kSequence, kOneMore };
  State state_ = State::kPlain;
  std::string parameters_;  // of the sequence that has begun
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_TOP_CONTROLS_H_
