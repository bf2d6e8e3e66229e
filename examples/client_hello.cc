// Prints what a client offers: client_hello < FILE, where FILE holds the client's first bytes, TLS records as on the wire.
#include <iostream>
#include <iterator>
#include <vector>

#include "tlsmeter/handshake.h"
#include "tlsmeter/ja3.h"
#include "tlsmeter/ja4.h"

int main() {
  const std::vector<char> text(std::istreambuf_iterator<char>(std::cin), {});
  tlsmeter::HandshakeTracker tracker;
  tracker.OnBytes(tlsmeter::Sender::kClient, std::vector<uint8_t>(text.begin(), text.end()), /*time_ns=*/0);
  const tlsmeter::Handshake& seen = tracker.handshake();
  if (!seen.client_hello) {
    std::cerr << "no ClientHello: " << tlsmeter::ParseStatusName(seen.parse_status) << '\n';
    return 1;
  }
  const tlsmeter::ClientHello& hello = *seen.client_hello;
  std::cout << "server name  " << hello.server_name << "\nversions    ";
  for (const tlsmeter::ProtocolVersion version : hello.supported_versions) std::cout << ' ' << version.Name();
  std::cout << "\nJA3          " << tlsmeter::Ja3(hello);
  std::cout << "\nJA4          " << tlsmeter::Ja4(hello, tlsmeter::Ja4Transport::kTcp) << '\n';
}
