// SelfStats: what the meter says of itself. The pipeline fills it in, the exporter prints it.
//
// A plain value. Every vector is a closed list of the program's own names, at most as long as the cap of its row in the
// catalogue and without the same label twice; counters only grow.
#ifndef TLSMETER_SRC_AGGREGATE_SELF_STATS_H_
#define TLSMETER_SRC_AGGREGATE_SELF_STATS_H_

#include <string>
#include <string_view>
#include <vector>

namespace tlsmeter::agent {

// LabelledValue is one series: the value of its only label, and its number. Counts are exact up to 2^53.
struct LabelledValue {
  std::string label;
  double value = 0;
};

// TwiceLabelledValue has two labels, both of static storage.
struct TwiceLabelledValue {
  std::string_view first;
  std::string_view second;
  double value = 0;
};

struct SelfStats {
  std::string version;                                       // build_info
  std::vector<LabelledValue> attached;                       // by hook, 0 or 1
  std::vector<LabelledValue> events;                         // by kind
  std::vector<LabelledValue> events_lost;                    // by reason
  std::vector<LabelledValue> parse_errors;                   // by stage
  std::vector<LabelledValue> blind_handshakes;               // by reason
  std::vector<LabelledValue> connections_without_handshake;  // by reason
  std::vector<LabelledValue> library_joins;                  // by the way, and what stayed alone
  std::vector<TwiceLabelledValue> library_processes;         // by stack and state
  bool config_reload_ok = true;                              // of the last attempt; a start is one
  double config_reload_ok_at = 0;                            // when the last one succeeded, Unix seconds
  double tracked_connections = 0;
  std::vector<LabelledValue> connections_evicted;  // by reason
  std::vector<TwiceLabelledValue> attribution;     // by source and result
  std::vector<LabelledValue> bpf_run_seconds;      // by program
  std::vector<LabelledValue> bpf_runs;             // by program
  std::vector<LabelledValue> bpf_map_entries;      // by map
  std::vector<LabelledValue> bpf_map_max_entries;  // by map
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGGREGATE_SELF_STATS_H_
