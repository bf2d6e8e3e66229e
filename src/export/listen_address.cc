#include "src/export/listen_address.h"

#include <arpa/inet.h>

#include <charconv>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

// Longer than any numeric address; keeps what a message repeats short.
constexpr size_t kMaxAddressText = 64;

bool IsNumeric(int family, std::string_view host) {
  unsigned char address[sizeof(in6_addr)];
  return host.find('\0') == std::string_view::npos && inet_pton(family, std::string(host).c_str(), address) == 1;
}

}  // namespace

absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  const absl::Status malformed = absl::InvalidArgumentError(absl::StrFormat(
      "cannot listen on \"%s\": not an address; write a numeric one with a port, as 127.0.0.1:9743, [::1]:9743, or "
      ":9743 for all addresses",
      PrintableUtf8(text, kMaxAddressText)));
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);

  ListenAddress address;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size()) return malformed;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (!IsNumeric(AF_INET6, host)) return malformed;
  } else if (!host.empty() && !IsNumeric(AF_INET, host)) {
    return malformed;
  }
  address.host = std::string(host);
  return address;
}

}  // namespace tlsmeter::agent
