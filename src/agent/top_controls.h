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

// Keys that are no character of their own.
inline constexpr char kKeyEnter = '\n';
inline constexpr char kKeyEscape = '\x1b';
inline constexpr char kKeyBackspace = '\x7f';

struct TopControls {
  TopGrouping by = TopGrouping::kWorkload;
  TopOrder order = TopOrder::kRate;
  bool reverse = false;
  std::string filter;                       // as TopNameMatches
  std::optional<std::string> editing = {};  // the filter that is being typed
  bool paused = false;
  bool help = false;
  bool quit = false;

  // Press does what a key stands for; one without a meaning does nothing.
  void Press(char key);
};

// TopGroupingName and TopOrderName return the names that --by and --sort take; static storage.
std::string_view TopGroupingName(TopGrouping by);
std::string_view TopOrderName(TopOrder order);

// KeyDecoder makes keys of what a terminal sends. Escape sequences (cursor and function keys) stand for no key: they may
// come in pieces, and begin like the escape key, which is told from them by the silence after it.
class KeyDecoder {
 public:
  // Take takes what came since the last call, nothing included, and returns the keys that it makes.
  std::string Take(std::string_view bytes);

 private:
  enum class State { kPlain, kEscape, kSequence, kOneMore };
  State state_ = State::kPlain;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_TOP_CONTROLS_H_
