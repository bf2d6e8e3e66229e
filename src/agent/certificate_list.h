// CertificateList: what /api/v1/certificates answers, read back: for people, or for programs a line each. A value.
//
// The answer may come from another host: nothing in it is taken for granted.
#ifndef TLSMETER_SRC_AGENT_CERTIFICATE_LIST_H_
#define TLSMETER_SRC_AGENT_CERTIFICATE_LIST_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace tlsmeter::agent {

// kMaxCertificateListBytes bounds an answer: 200 certificates with the longest lists of names take some 6 MiB.
inline constexpr size_t kMaxCertificateListBytes = 16 << 20;

class CertificateList {
 public:
  // Parse reads an answer. InvalidArgument where it is none.
  static absl::StatusOr<CertificateList> Parse(std::string_view answer);

  // KeepEndingBefore leaves out what is valid at `time` still, and what says no end.
  void KeepEndingBefore(absl::Time time);

  // evicted returns how many certificates there was no room for any more.
  uint64_t evicted() const { return evicted_; }

  // Text returns a line for each certificate, below one of column names, in the order of the answer: what ends first is in
  // front. Columns hold no blanks but the last one.
  std::string Text(absl::Time now) const;

  // JsonLines returns each certificate as an object in a line of its own, in the same order.
  std::string JsonLines() const;

 private:
  struct Entry {
    absl::Time not_after = absl::InfiniteFuture();  // where it says none
    nlohmann::ordered_json json;                    // an object
  };
  std::vector<Entry> entries_;
  uint64_t evicted_ = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_CERTIFICATE_LIST_H_
