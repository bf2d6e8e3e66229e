// ReadSummary: what many handshakes come to, for people: counts by version, cipher, server name and result, and percentiles
// of the phases. Memory does not grow with the number of handshakes. One thread.
#ifndef TLSMETER_SRC_AGENT_READ_SUMMARY_H_
#define TLSMETER_SRC_AGENT_READ_SUMMARY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// Different values of one kind that are counted; further ones are counted together, so that the sum stays exact.
inline constexpr size_t kMaxSummaryValues = 10'000;

// Values of one kind that are printed, the most frequent first.
inline constexpr size_t kMaxSummaryLines = 20;

// Durations counts durations in classes a fiftieth wide, from a microsecond to three hours.
class Durations {
 public:
  void Add(double seconds);
  uint64_t count() const { return count_; }

  // Percentile returns the duration in seconds that the share `p` (0 to 1) of all does not exceed, within 1 %; 0 when there
  // is none.
  double Percentile(double p) const;

 private:
  static constexpr size_t kClasses = 1170;  // 1e-6 * 1.02^1170 s
  std::vector<uint64_t> classes_ = std::vector<uint64_t>(kClasses);
  uint64_t count_ = 0;
};

class ReadSummary {
 public:
  ReadSummary();

  void Add(const HandshakeRecord& record);

  // Text returns the summary, lines of text.
  std::string Text() const;

 private:
  struct Counts {
    std::string_view title;
    std::string (*value)(const HandshakeRecord&);
    absl::flat_hash_map<std::string, uint64_t> by_value;
    uint64_t others = 0;
  };
  struct Phase {
    std::string_view title;
    std::optional<double> (*seconds)(const HandshakeRecord&);
    Durations durations;
  };

  uint64_t handshakes_ = 0;
  std::vector<Counts> counts_;
  std::vector<Phase> phases_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_READ_SUMMARY_H_
