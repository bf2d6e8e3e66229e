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

// FindName returns the name of `value` in a sorted `table`, or an empty view. Halves without a jump that depends on the
// data: which way it would go cannot be foreseen.
constexpr std::string_view FindName(std::span<const NamedNumber> table, uint16_t value) {
  const NamedNumber* row = table.data();
  for (size_t rows = table.size(); rows > 1;) {
    const size_t half = rows / 2;
    row += row[half].value <= value ? half : 0;
    rows -= half;
  }
  return !table.empty() && row->value == value ? row->name : std::string_view();
}

}  // namespace tlsmeter

#endif  // TLSMETER_SRC_TLS_NAMED_NUMBER_H_
