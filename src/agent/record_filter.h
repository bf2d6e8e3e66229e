// RecordFilter: which records a person wants to see. A value: built from the command line, then only asked. Any thread.
#ifndef TLSMETER_SRC_AGENT_RECORD_FILTER_H_
#define TLSMETER_SRC_AGENT_RECORD_FILTER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "src/capture/hello_filter.h"
#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// FilterKey is what a term of the filter looks at.
enum class FilterKey : uint8_t {
  kPid,         // number
  kComm,        // glob
  kServerName,  // glob, of the name in lower case; matches no record without a name
  kRole,        // client, server or observer
  kReason,      // a failure reason
  kVersion,     // "1.3", "1.2"
  kLocalPort,   // number; of the watched side, in capture files of the client
  kServerPort,  // number
  kUser,        // number or name of a user of this machine
  kNamespace,   // glob, of Kubernetes
  kPod,         // glob
  kContainer,   // glob of its name, or the first kMinContainerId digits of its id or more
};
inline constexpr size_t kFilterKeys = static_cast<size_t>(FilterKey::kContainer) + 1;

// kMinContainerId is from how many digits on a value can be meant as a container's id; shorter ones are names only.
inline constexpr size_t kMinContainerId = 6;

class RecordFilter {
 public:
  // Add adds a term: `text` with a leading ! lets through what does not match. Terms of one key stand for each other, those
  // of different keys all have to hold. InvalidArgument says what a value must look like.
  absl::Status Add(FilterKey key, std::string_view text);

  // Only let through: records of one address family, failed or aborted ones, those that took at least so long.
  void OnlyFamily(bool ipv6) { ipv6_ = ipv6; }
  void OnlyFailed() { only_failed_ = true; }
  void AtLeastMilliseconds(double milliseconds) { min_seconds_ = milliseconds * 1e-3; }

  // hello_filter returns what of this the kernel can do by itself: a record that matches is of a connection that passes.
  // Nothing where `library` probes are in use too: they tell of handshakes without regard to the kernel's filter, and would
  // then miss the wire's half.
  HelloFilter hello_filter(bool library) const;

  // Matches returns true for a record that all terms let through.
  bool Matches(const HandshakeRecord& record) const;

 private:
  struct Term {
    bool negated;
    std::string text;
  };

  static bool Holds(FilterKey key, const std::string& value, const HandshakeRecord& record);
  bool KeyMatches(FilterKey key, const HandshakeRecord& record) const;

  std::array<std::vector<Term>, kFilterKeys> terms_;
  std::optional<bool> ipv6_;
  bool only_failed_ = false;
  double min_seconds_ = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_RECORD_FILTER_H_
