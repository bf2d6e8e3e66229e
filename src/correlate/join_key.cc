#include "src/correlate/join_key.h"

#include <algorithm>

namespace tlsmeter::agent {
namespace {

std::array<uint8_t, 36> AddressBytes(const SocketAddress& local, const SocketAddress& remote) {
  std::array<uint8_t, 36> bytes;
  auto out = bytes.begin();
  for (const SocketAddress* end : {&local, &remote}) {
    out = std::copy(end->ip.begin(), end->ip.end(), out);
    *out++ = static_cast<uint8_t>(end->port >> 8);
    *out++ = static_cast<uint8_t>(end->port);
  }
  return bytes;
}

std::array<uint8_t, 36> RandomBytes(const std::array<uint8_t, 32>& random) {
  std::array<uint8_t, 36> bytes = {};
  std::copy(random.begin(), random.end(), bytes.begin());
  return bytes;
}

}  // namespace

HandshakeIdentity IdentityOf(const HandshakeRecord& record) {
  const bool client = record.role == Role::kClient;
  HandshakeIdentity identity{.role = record.role,
                             .pid = record.owner.pid,
                             .local = client ? record.client : record.server,
                             .remote = client ? record.server : record.client};
  if (record.tls.client_hello) identity.client_random = record.tls.client_hello->random;
  if (record.tls.server_hello) identity.server_random = record.tls.server_hello->random;
  return identity;
}

std::vector<JoinKey> KeysOf(const HandshakeIdentity& identity) {
  std::vector<JoinKey> keys;
  keys.reserve(3);
  const auto add = [&](JoinedBy by, uint32_t pid, const std::array<uint8_t, 36>& bytes) {
    keys.push_back(JoinKey{.by = by, .role = identity.role, .pid = pid, .bytes = bytes});
  };
  if (identity.client_random) add(JoinedBy::kClientRandom, 0, RandomBytes(*identity.client_random));
  if (identity.server_random) add(JoinedBy::kServerRandom, 0, RandomBytes(*identity.server_random));
  if (identity.local && identity.remote) {
    add(JoinedBy::kAddress, identity.pid, AddressBytes(*identity.local, *identity.remote));
  }
  return keys;
}

}  // namespace tlsmeter::agent
