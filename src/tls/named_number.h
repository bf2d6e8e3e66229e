// NamedNumber: one row of a registry's table, and the search in one. Any thread.
#ifndef TLSMETER_SRC_TLS_NAMED_NUMBER_H_
#define TLSMETER_SRC_TLS_NAMED_NUMBER_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace tlsmeter {

struct NamedNumber {
  uint16_t value;
  std::string_view name;  // static storage
};

// IsSortedAndUnique returns true when each row's number is greater than that of the row before it.
constexpr bool IsSortedAndUnique(std::span<const NamedNumber> table) {
  for (size_t i = 1; i < table.size(); ++i) {
    if (table[i - 1].value >= table[i].value) return false;
  }
  return true;
}

// FindName returns the name of `value` in a sorted `table`, or an empty view.
constexpr std::string_view FindName(std::span<const NamedNumber> table, uint16_t value) {
  size_t low = 0;
  size_t high = table.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (table[middle].value < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < table.size() && table[low].value == value ? table[low].name : std::string_view();
}

}  // namespace tlsmeter

#endif  // TLSMETER_SRC_TLS_NAMED_NUMBER_H_
