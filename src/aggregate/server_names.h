// ServerNames: which server names a node's metrics tell apart. The only label that anyone on the network can fill.
//
// One thread at a time.
#ifndef TLSMETER_SRC_AGGREGATE_SERVER_NAMES_H_
#define TLSMETER_SRC_AGGREGATE_SERVER_NAMES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "src/aggregate/heavy_hitters.h"

namespace tlsmeter::agent {

// kMaxServerNames is how many server names a node's metrics tell apart. Busy proxies meet thousands; the budget of
// tlsmeter_handshakes_total holds 100 with every role and result.
inline constexpr size_t kMaxServerNames = 100;

// kMaxServerNameCandidates is how many names are counted to find the busiest: a name that makes up a five-hundredth of the
// traffic is not missed.
inline constexpr size_t kMaxServerNameCandidates = 5 * kMaxServerNames;

// kServerNameIdleNs is how long an admitted name keeps its place without a handshake.
inline constexpr uint64_t kServerNameIdleNs = 3600'000'000'000;

struct ServerNameOptions {
  enum class Mode : uint8_t {
    kExact,      // the busiest names as they are
    kSuffix,     // ... their last `suffix_parts` parts: names of one domain count as one
    kAllowlist,  // the names of `allowlist`, however busy; kMaxServerNames of them at most, the rest is left out
    kOff,        // no names: the label is empty
  };
  Mode mode = Mode::kExact;
  size_t suffix_parts = 2;
  std::vector<std::string> allowlist;

  bool operator==(const ServerNameOptions&) const = default;
};

class ServerNames {
 public:
  explicit ServerNames(const ServerNameOptions& options);

  // LabelOf returns the label of a name as a client sent it, before admission: ServerNameLabel, cut as the mode says; of
  // nullopt, where no ClientHello was seen, kLabelUnknown.
  std::string LabelOf(std::optional<std::string_view> raw) const;

  // Admit counts a label of LabelOf and returns it when it is admitted or reserved; else kLabelOther. Times are nanoseconds
  // of one clock that never goes back.
  std::string_view Admit(std::string_view label, uint64_t now_ns);

  // IsAdmitted returns true when Admit would now return `label` itself.
  bool IsAdmitted(std::string_view label) const;

  // Age lets what is idle go.
  void Age(uint64_t now_ns) { busiest_.Age(now_ns, kServerNameIdleNs); }

 private:
  bool AlwaysAdmitted(std::string_view label) const;

  ServerNameOptions::Mode mode_;
  size_t suffix_parts_;
  absl::flat_hash_set<std::string> allowed_;
  HeavyHitters busiest_{kMaxServerNames, kMaxServerNameCandidates};
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGGREGATE_SERVER_NAMES_H_
