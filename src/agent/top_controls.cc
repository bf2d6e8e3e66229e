#include "src/agent/top_controls.h"

#include <algorithm>
#include <limits>

namespace tlsmeter::agent {
namespace {

template <typename Enum>
Enum Next(Enum value, size_t count) {
  return static_cast<Enum>((static_cast<size_t>(value) + 1) % count);
}

// kMaxParameters is as much of a sequence as tells keys apart.
constexpr size_t kMaxParameters = 16;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

void Type(char key, std::string* text) {
  if (key == kKeyBackspace || key == '\b') {
    while (!text->empty() && IsContinuation(text->back())) text->pop_back();
    if (!text->empty()) text->pop_back();
  } else if (static_cast<unsigned char>(key) >= ' ' && text->size() < kMaxTopFilter) {
    *text += key;
  }
}

// The key of a sequence, 0 for none: those of xterm, and those of the VT220, which end in ~. A second parameter says which
// of Shift, Alt and Ctrl were held.
char KeyOf(std::string_view parameters, char final) {
  switch (final) {
    case 'A':
      return kKeyUp;
    case 'B':
      return kKeyDown;
    case 'H':
      return kKeyHome;
    case 'F':
      return kKeyEnd;
    case '~':
      break;
    default:
      return 0;
  }
  const std::string_view number = parameters.substr(0, parameters.find(';'));
  if (number == "1" || number == "7") return kKeyHome;
  if (number == "4" || number == "8") return kKeyEnd;
  if (number == "5") return kKeyPageUp;
  if (number == "6") return kKeyPageDown;
  return 0;
}

}  // namespace

void TopControls::Clamp(size_t rows, size_t room) { first = std::min(first, rows - std::min(rows, room)); }

void TopControls::Press(char key, size_t room) {
  if (editing.has_value()) {
    if (key == kKeyEscape) {
      editing.reset();
    } else if (key == kKeyEnter) {
      filter = *std::move(editing);
      editing.reset();
      first = 0;
    } else {
      Type(key, &*editing);
    }
    return;
  }
  if (help) {
    help = false;
    return;
  }
  switch (key) {
    case 'q':
      quit = true;
      break;
    case 's':
      order = Next(order, kTopOrders);
      first = 0;
      break;
    case 'b':
      by = Next(by, kTopGroupings);
      first = 0;
      break;
    case 'r':
      reverse = !reverse;
      first = 0;
      break;
    case 'f':
    case '/':
      editing = filter;
      break;
    case kKeyEscape:
      filter.clear();
      first = 0;
      break;
    case 'p':
    case ' ':
      paused = !paused;
      break;
    case kKeyUp:
    case 'k':
      first -= std::min<size_t>(first, 1);
      break;
    case kKeyDown:
    case 'j':
      ++first;
      break;
    case kKeyPageUp:
      first -= std::min(first, room);
      break;
    case kKeyPageDown:
      first += room;
      break;
    case kKeyHome:
      first = 0;
      break;
    case kKeyEnd:
      first = std::numeric_limits<size_t>::max();  // Clamp knows better
      break;
    case 'h':
    case '?':
      help = true;
      break;
    default:
      break;
  }
}

std::string_view TopGroupingName(TopGrouping by) {
  switch (by) {
    case TopGrouping::kWorkload:
      return "workload";
    case TopGrouping::kServerName:
      return "sni";
    case TopGrouping::kProcess:
      return "process";
  }
  return "";
}

std::string_view TopOrderName(TopOrder order) {
  switch (order) {
    case TopOrder::kRate:
      return "rate";
    case TopOrder::kFailures:
      return "failures";
    case TopOrder::kP95:
      return "p95";
    case TopOrder::kP50:
      return "p50";
    case TopOrder::kExpiry:
      return "expiry";
    case TopOrder::kName:
      return "name";
  }
  return "";
}

std::string KeyDecoder::Take(std::string_view bytes) {
  std::string keys;
  if (bytes.empty() && state_ == State::kEscape) {
    keys += kKeyEscape;
    state_ = State::kPlain;
  }
  for (const char c : bytes) {
    switch (state_) {
      case State::kEscape:
        if (c == '[') {
          state_ = State::kSequence;  // CSI: parameters, and a final byte from @ to ~ (ECMA-48, section 5.4)
          parameters_.clear();
          continue;
        }
        if (c == 'O') {
          state_ = State::kOneMore;  // SS3: one character
          continue;
        }
        keys += kKeyEscape;  // pressed, and another key so soon that both came at once
        state_ = State::kPlain;
        break;
      case State::kSequence:
        if (c < '@' || c > '~') {
          if (parameters_.size() < kMaxParameters) parameters_ += c;
          continue;
        }
        state_ = State::kPlain;
        if (const char key = KeyOf(parameters_, c); key != 0) keys += key;
        continue;
      case State::kOneMore:
        state_ = State::kPlain;
        if (const char key = KeyOf("", c); key != 0) keys += key;
        continue;
      case State::kPlain:
        break;
    }
    if (c == kKeyEscape) {
      state_ = State::kEscape;
    } else {
      keys += c == '\r' ? kKeyEnter : c;
    }
  }
  return keys;
}

}  // namespace tlsmeter::agent
