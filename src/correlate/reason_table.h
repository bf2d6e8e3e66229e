// ReasonRow: one error of a TLS library in its own words and ours, and looking it up. Each library has its table.
//
// Passive values of static storage; any thread.
#ifndef TLSMETER_SRC_CORRELATE_REASON_TABLE_H_
#define TLSMETER_SRC_CORRELATE_REASON_TABLE_H_

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

#include "src/correlate/handshake_record.h"
#include "tlsmeter/handshake.h"

namespace tlsmeter::agent {

struct ReasonRow {
  uint32_t number;
  std::string_view text;
  FailureReason at_client;  // what it means when the client meets it; kNone: an alert, or what the wire saw, says more
  FailureReason at_server;

  FailureReason At(Sender side) const { return side == Sender::kServer ? at_server : at_client; }
};

// InOrder: rows stand by number, each once, as FindRow needs them.
template <typename Row>
constexpr bool InOrder(std::span<const Row> rows) {
  const auto not_below = [](const Row& a, const Row& b) { return a.number >= b.number; };
  return std::adjacent_find(rows.begin(), rows.end(), not_below) == rows.end();
}

// FindRow returns the row of `number`, or null.
template <typename Row>
const Row* FindRow(std::span<const Row> rows, uint32_t number) {
  const auto row = std::lower_bound(rows.begin(), rows.end(), number, [](const Row& r, uint32_t n) { return r.number < n; });
  return row != rows.end() && row->number == number ? &*row : nullptr;
}

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_REASON_TABLE_H_
