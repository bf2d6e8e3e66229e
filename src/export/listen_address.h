// ListenAddress: where a server listens, as people write it. Any thread.
#ifndef TLSMETER_SRC_EXPORT_LISTEN_ADDRESS_H_
#define TLSMETER_SRC_EXPORT_LISTEN_ADDRESS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tlsmeter::agent {

struct ListenAddress {
  std::string host;  // a numeric address without brackets; empty: all addresses of this machine
  uint16_t port = 0;
};

// ParseListenAddress reads "127.0.0.1:9743", "[::1]:9743" or ":9743" (all addresses); port 0 lets the kernel choose. Fails
// with the text and the accepted forms in the message.
absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_LISTEN_ADDRESS_H_
