// MetricList: the metric catalogue as a table for people. Pure function, any thread.
#ifndef TLSMETER_SRC_AGENT_METRIC_LIST_H_
#define TLSMETER_SRC_AGENT_METRIC_LIST_H_

#include <string>

namespace tlsmeter::agent {

// MetricList returns a heading, and of each metric a line: name, type, most time series, labels separated by commas ("-"
// where it has none).
std::string MetricList();

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_METRIC_LIST_H_
