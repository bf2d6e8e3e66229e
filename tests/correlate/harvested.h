// Harvested: the records of a stage as plain values, for tests to look at.
#ifndef TLSMETER_TESTS_CORRELATE_HARVESTED_H_
#define TLSMETER_TESTS_CORRELATE_HARVESTED_H_

#include <memory>
#include <utility>
#include <vector>

#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// Harvested returns what stage->Harvest() hands over, of FlowTable or LibraryJoin.
template <typename Stage>
std::vector<HandshakeRecord> Harvested(Stage* stage) {
  std::vector<HandshakeRecord> records;
  for (const std::unique_ptr<HandshakeRecord>& record : stage->Harvest()) records.push_back(std::move(*record));
  return records;
}

}  // namespace tlsmeter::agent

#endif  // TLSMETER_TESTS_CORRELATE_HARVESTED_H_
