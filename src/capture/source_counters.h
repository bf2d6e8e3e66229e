// What the BPF programs count, and what each counter says of the data. Plain values, any thread.
#ifndef TLSMETER_SRC_CAPTURE_SOURCE_COUNTERS_H_
#define TLSMETER_SRC_CAPTURE_SOURCE_COUNTERS_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

struct tm_counters;

namespace tlsmeter::agent {

// CounterGroup is what a counter of the programs says of the data.
enum class CounterGroup : uint8_t {
  kEvent,        // happened; nothing is missing
  kLost,         // data of a watched connection is missing
  kNoHandshake,  // a connection that never opened a handshake
};

struct SourceCounter {
  CounterGroup group;
  std::string_view name;  // static storage; a metric label value
  uint64_t value;
};

// SumCounters adds up what each CPU has counted, and returns one entry for each counter of enum tm_counter, in its order.
std::vector<SourceCounter> SumCounters(std::span<const tm_counters> per_cpu);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_SOURCE_COUNTERS_H_
