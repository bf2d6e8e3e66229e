// FlowStats counts what became of connections and their bytes. A plain value.
#ifndef TLSMETER_SRC_CORRELATE_FLOW_STATS_H_
#define TLSMETER_SRC_CORRELATE_FLOW_STATS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "src/correlate/plain_protocol.h"

namespace tlsmeter::agent {

enum class Eviction : uint8_t { kTableFull, kCount };
std::string_view EvictionName(Eviction eviction);

// All only grow except the first two.
struct FlowStats {
  size_t tracked = 0;           // connections in the table
  size_t buffered_bytes = 0;    // bytes waiting for order
  uint64_t handshakes = 0;      // records made
  uint64_t incomplete = 0;      // of them: bytes were missing
  uint64_t owner_unknown = 0;   // of them: no process was named
  uint64_t no_hello = 0;        // connections that began like a ClientHello and were none
  uint64_t dropped_pieces = 0;  // pieces over the ceilings of StreamBuffer or kMaxBufferedBytes
  std::array<uint64_t, static_cast<size_t>(Eviction::kCount)> evicted = {};
  std::array<uint64_t, 16> parse_errors = {};  // by ParseStatus
  std::array<uint64_t, kPlainProtocolCount> without_tls =
      {};  // by PlainProtocol: connections of capture files, no hello seen
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_FLOW_STATS_H_
