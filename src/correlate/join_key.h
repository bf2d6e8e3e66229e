// What a handshake is known by, on the wire and in the TLS library of a process: the keys by which the two are matched.
//
// Passive values and pure functions, any thread.
#ifndef TLSMETER_SRC_CORRELATE_JOIN_KEY_H_
#define TLSMETER_SRC_CORRELATE_JOIN_KEY_H_

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// HandshakeIdentity is one side's handshake; what is not known of it is absent, or 0.
struct HandshakeIdentity {
  Role role = Role::kClient;
  uint32_t pid = 0;                                      // of the process on this side
  std::optional<SocketAddress> local = {}, remote = {};  // as seen from this side
  std::optional<std::array<uint8_t, 32>> client_random = {}, server_random = {};
};

// IdentityOf returns the identity of a record of the wire.
HandshakeIdentity IdentityOf(const HandshakeRecord& record);

// JoinKey is one thing by which two identities may be matched.
struct JoinKey {
  JoinedBy by = JoinedBy::kNone;
  Role role = Role::kClient;
  uint32_t pid = 0;                    // of kAddress
  std::array<uint8_t, 36> bytes = {};  // a random, or both ends' addresses and ports
  bool operator==(const JoinKey&) const = default;

  template <typename H>
  friend H AbslHashValue(H h, const JoinKey& k) {
    return H::combine(std::move(h), k.by, k.role, k.pid, k.bytes);
  }
};

// KeysOf returns the keys of an identity, the surest first: client random, server random, both ends' addresses.
std::vector<JoinKey> KeysOf(const HandshakeIdentity& identity);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_JOIN_KEY_H_
