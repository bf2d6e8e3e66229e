// HelloFilter: which connections the kernel tells of. A plain value, any thread.
#ifndef TLSMETER_SRC_CAPTURE_HELLO_FILTER_H_
#define TLSMETER_SRC_CAPTURE_HELLO_FILTER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tlsmeter::agent {

// kMaxHelloPorts is how many server ports the kernel compares.
inline constexpr size_t kMaxHelloPorts = 16;

// HelloFilter is asked once, when a ClientHello opens. It only spares work: hellos that come with the first packet of an
// accepted connection pass it by, so who wants no others has to look again.
struct HelloFilter {
  std::optional<bool> ipv6;            // the address family; nullopt: both
  std::vector<uint16_t> server_ports;  // empty: all; at most kMaxHelloPorts
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_HELLO_FILTER_H_
