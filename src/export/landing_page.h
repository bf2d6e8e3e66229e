// LandingPage: what the meter says at "/", for people. Pure function, any thread.
#ifndef TLSMETER_SRC_EXPORT_LANDING_PAGE_H_
#define TLSMETER_SRC_EXPORT_LANDING_PAGE_H_

#include <string>

#include "absl/status/status.h"
#include "src/aggregate/aggregator.h"

namespace tlsmeter::agent {

// LandingPage returns HTML without scripts: is it working, what was seen, what was lost, and where to look further.
std::string LandingPage(const AggregateSnapshot& snapshot, const absl::Status& ready);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_LANDING_PAGE_H_
