// What the tests of LibraryJoin put into it: events of a library and records of the wire that may be of the same handshake.
#ifndef TLSMETER_TESTS_CORRELATE_LIBRARY_EVENTS_H_
#define TLSMETER_TESTS_CORRELATE_LIBRARY_EVENTS_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "src/correlate/library_join.h"

namespace tlsmeter::agent {

inline constexpr uint64_t kMs = 1'000'000;
inline constexpr uint64_t kStart = 1'800'000'000'000 * kMs;

inline std::array<uint8_t, 32> Random(uint8_t first) {
  std::array<uint8_t, 32> random = {};
  random[0] = first;
  random[31] = 1;
  return random;
}

inline SocketAddress Address(uint8_t last, uint16_t port) {
  return {.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, last}, .port = port};
}

// What the wire shows of a TLS 1.3 handshake.
inline std::unique_ptr<HandshakeRecord> Wire(uint8_t random = 7, Role role = Role::kClient) {
  auto record = std::make_unique<HandshakeRecord>();
  record->role = role;
  record->owner.pid = 42;
  record->client = Address(1, 40000);
  record->server = Address(2, 443);
  record->tls.progress = Progress::kEstablished;
  record->tls.client_hello.emplace().random = Random(random);
  record->tls.server_hello.emplace().random = Random(static_cast<uint8_t>(random + 100));
  record->tls.version = ProtocolVersion::kTls13;
  record->result = Result::kSuccess;
  return record;
}

inline LibraryEnd End(uint8_t random = 7) {
  LibraryEnd end;
  end.client_random = Random(random);
  end.server_random = Random(static_cast<uint8_t>(random + 100));
  end.version = 0x0304;
  end.cipher = 0x1301;
  end.group = 0x001d;
  end.alpn = "h2";
  end.owner.pid = 42;
  end.owner.comm = "curl";
  return end;
}

template <typename What>
LibraryEvent Event(const What& what, uint64_t object = 1, uint64_t time_ns = kStart) {
  LibraryEvent event;
  event.id = {.pid = 42, .object = object, .start = 5};
  event.start_ns = time_ns - 3 * kMs;
  event.time_ns = time_ns;
  event.stack = "OpenSSL 3.0.19";
  event.what = what;
  return event;
}

// A turn, in which the wire still follows these.
inline void Advance(LibraryJoin* join, uint64_t now_ns, const std::vector<HandshakeIdentity>& followed = {}) {
  join->Advance(now_ns, [&followed] { return followed; });
}

inline CertificateDer Der(uint8_t byte) { return std::make_shared<const std::vector<uint8_t>>(std::vector<uint8_t>{byte}); }

}  // namespace tlsmeter::agent

#endif  // TLSMETER_TESTS_CORRELATE_LIBRARY_EVENTS_H_
