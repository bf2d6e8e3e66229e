// How wide text is on a terminal. Pure functions, any thread.
#ifndef TLSMETER_SRC_BASE_CELLS_H_
#define TLSMETER_SRC_BASE_CELLS_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace tlsmeter::agent {

// kCutMark is what a text that was cut ends with.
inline constexpr char kCutMark = '>';

// CellWidth returns how many cells `text` takes: 2 for each wide character, 0 for one that combines with the one before it,
// 1 for one that the C library does not know. `text` is UTF-8 without control characters (PrintableUtf8).
size_t CellWidth(std::string_view text);

// FitCells returns `text`, of which the same holds, where it is at most `cells` wide; else the start of it that fits, with
// kCutMark at its end.
std::string FitCells(std::string_view text, size_t cells);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_BASE_CELLS_H_
