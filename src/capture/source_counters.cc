#include "src/capture/source_counters.h"

#include <array>
#include <cstddef>

#include "bpf/events.h"

namespace tlsmeter::agent {
namespace {

struct CounterName {
  CounterGroup group;
  std::string_view name;
};

// In the order of enum tm_counter.
constexpr std::array<CounterName, TM_COUNTERS> kCounterNames = {{
    {CounterGroup::kLost, "ring_full_open"},
    {CounterGroup::kLost, "ring_full_data"},
    {CounterGroup::kLost, "ring_full_owner"},
    {CounterGroup::kLost, "ring_full_stop"},
    {CounterGroup::kLost, "socket_storage"},
    {CounterGroup::kEvent, "segment_gap"},
    {CounterGroup::kLost, "records_limit"},
    {CounterGroup::kEvent, "segment_held"},
    {CounterGroup::kLost, "segment_not_held"},
    {CounterGroup::kLost, "packet_unreadable"},
    {CounterGroup::kEvent, "joined_late"},
    {CounterGroup::kEvent, "listener_data"},
    {CounterGroup::kNoHandshake, "plain_http"},
    {CounterGroup::kNoHandshake, "plain_other"},
    {CounterGroup::kNoHandshake, "plain_closed"},
    {CounterGroup::kNoHandshake, "empty_closed"},
    {CounterGroup::kNoHandshake, "connect_failed"},
    {CounterGroup::kEvent, "opened"},
    {CounterGroup::kEvent, "over"},
    {CounterGroup::kEvent, "filtered"},
    {CounterGroup::kLost, "ring_full_library"},
    {CounterGroup::kLost, "library_state"},
    {CounterGroup::kLost, "library_unreadable"},
    {CounterGroup::kLost, "certificate_limit"},
    {CounterGroup::kEvent, "library_twice"},
    {CounterGroup::kEvent, "certificate_repeated"},
    {CounterGroup::kEvent, "mapping_untold"},
}};

}  // namespace

std::vector<SourceCounter> SumCounters(std::span<const tm_counters> per_cpu) {
  std::vector<SourceCounter> out;
  for (size_t i = 0; i < kCounterNames.size(); ++i) {
    uint64_t sum = 0;
    for (const tm_counters& cpu : per_cpu) sum += cpu.value[i];
    out.push_back({kCounterNames[i].group, kCounterNames[i].name, sum});
  }
  return out;
}

}  // namespace tlsmeter::agent
