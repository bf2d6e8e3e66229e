#include "src/agent/top_controls.h"

namespace tlsmeter::agent {
namespace {

template <typename Enum>
Enum Next(Enum value, size_t count) {
  return static_cast<Enum>((static_cast<size_t>(value) + 1) % count);
}

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

void Type(char key, std::string* text) {
  if (key == kKeyBackspace || key == '\b') {
    while (!text->empty() && IsContinuation(text->back())) text->pop_back();
    if (!text->empty()) text->pop_back();
  } else if (static_cast<unsigned char>(key) >= ' ' && text->size() < kMaxTopFilter) {
    *text += key;
  }
}

}  // namespace

void TopControls::Press(char key) {
  if (editing.has_value()) {
    if (key == kKeyEscape) {
      editing.reset();
    } else if (key == kKeyEnter) {
      filter = *std::move(editing);
      editing.reset();
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
      break;
    case 'b':
      by = Next(by, kTopGroupings);
      break;
    case 'r':
      reverse = !reverse;
      break;
    case 'f':
    case '/':
      editing = filter;
      break;
    case kKeyEscape:
      filter.clear();
      break;
    case 'p':
    case ' ':
      paused = !paused;
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
        if (c >= '@' && c <= '~') state_ = State::kPlain;
        continue;
      case State::kOneMore:
        state_ = State::kPlain;
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
