// TopScreen: the table of `top` as text, for a screen of any size or for a pipe. Pure functions, any thread.
//
//   tlsmeter top  12:01:03  by workload, sorted by rate; 2 of 2 rows
//   last 60 s: 2052 handshakes, 34.2/s, 1.2% failed, p50 1.66 ms, p95 12.3 ms
//   seen 120400 handshakes, lost 0 events, blind 0
//   WORKLOAD           RATE/S  FAIL%  P50 MS  P95 MS VERSIONS         EXPIRES
//   shop/checkout        33.1    0.4    1.65    12.1 1.3:92%,1.2:8%       89d
//   nginx.service        1.10   25.0    2.04    15.9 1.3:100%               -
//   q quit  s sort  r reverse  b by  f filter  p pause  h help
//
// No cell holds a blank; what was not seen is "-". Of the columns those are left out, the least important first, for which
// the screen is too narrow.
#ifndef TLSMETER_SRC_AGENT_TOP_SCREEN_H_
#define TLSMETER_SRC_AGENT_TOP_SCREEN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "src/agent/terminal.h"
#include "src/agent/top_controls.h"
#include "src/agent/top_table.h"

namespace tlsmeter::agent {

// TopPage is all that a page shows.
struct TopPage {
  TopView view;         // rows as they are to be shown, in their order
  size_t all_rows = 0;  // before the filter
  TopControls controls;
  std::string clock;                 // the time of the view, as it is shown
  int64_t unix_seconds = 0;          // the same, for how long certificates still last
  std::string status;                // what was seen, lost and not seen since the start
  std::vector<std::string> notices;  // what is invisible, and why; a sentence each
};

// TopRoom returns how many rows a screen has room for; none while it shows the help.
size_t TopRoom(const TopPage& page, const TerminalSize& size);

// TopScreen returns the lines of a screen, at most size.height and each at most size.width cells wide, without line feeds.
// With `color` the heading is reversed, and what is wrong red or yellow.
std::vector<std::string> TopScreen(const TopPage& page, const TerminalSize& size, bool color);

// TopBlock returns the page as lines of text, with all columns and rows, and an empty line at its end.
std::string TopBlock(const TopPage& page);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_TOP_SCREEN_H_
