// CertificateList: what /api/v1/certificates answers, read back: for people, or for programs a line each. One thread at a
// time.
//
// The answer may come from another host: nothing in it is taken for granted.
#ifndef TLSMETER_SRC_AGENT_CERTIFICATE_LIST_H_
#define TLSMETER_SRC_AGENT_CERTIFICATE_LIST_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace tlsmeter::agent {

// kMaxCertificateListBytes bounds an answer: 200 certificates with the longest lists of names take some 6 MiB.
inline constexpr size_t kMaxCertificateListBytes = 16 << 20;

class CertificateList {
 public:
  // Add adds the certificates of `answer`. InvalidArgument where it is none, and nothing is added then.
  absl::Status Add(std::string_view answer);

  // KeepEndingBefore leaves out what is valid at `time` still, and what says no end.
  void KeepEndingBefore(absl::Time time);

  bool empty() const { return entries_.empty(); }

  // evicted returns how many certificates the answers say they had no room for any more.
  uint64_t evicted() const { return evicted_; }

  // Text returns a line for each certificate, below one of column names; what ends first is in front. Columns hold no blanks
  // but the last one.
  std::string Text(absl::Time now) const;

  // JsonLines returns each certificate as an object in a line of its own, in the same order.
  std::string JsonLines() const;

 private:
  struct Entry {
    absl::Time not_after = absl::InfiniteFuture();  // where it says none
    nlohmann::ordered_json json;                    // an object
  };
  std::vector<Entry> entries_;  // what ends first in front
  uint64_t evicted_ = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_CERTIFICATE_LIST_H_
