#include "src/capture/source_counters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string_view>

#include "bpf/events.h"

namespace tlsmeter::agent {
namespace {

using ::testing::SizeIs;

TEST(SourceCountersTest, AddsUpWhatEachCpuHasCounted) {
  std::vector<tm_counters> per_cpu(3);
  per_cpu[0].value[TM_LOST_OPEN] = 2;
  per_cpu[2].value[TM_LOST_OPEN] = 40;
  per_cpu[1].value[TM_COUNTERS - 1] = 7;
  const std::vector<SourceCounter> sums = SumCounters(per_cpu);
  ASSERT_THAT(sums, SizeIs(TM_COUNTERS));
  EXPECT_EQ(sums[TM_LOST_OPEN].value, 42u);
  EXPECT_EQ(sums[TM_LOST_OPEN].name, "ring_full_open");
  EXPECT_EQ(sums[TM_LOST_OPEN].group, CounterGroup::kLost);
  EXPECT_EQ(sums[TM_COUNTERS - 1].value, 7u);
}

// A name that was forgotten would put every one behind it on the wrong counter.
TEST(SourceCountersTest, EachCounterHasItsOwnName) {
  std::set<std::string_view> names;
  for (const SourceCounter& counter : SumCounters({})) names.insert(counter.name);
  EXPECT_THAT(names, SizeIs(TM_COUNTERS));
  const std::vector<SourceCounter> sums = SumCounters({});
  EXPECT_EQ(sums[TM_PLAIN_HTTP].name, "plain_http");
  EXPECT_EQ(sums[TM_LOST_MAPPING].name, "mapping_untold");
}

}  // namespace
}  // namespace tlsmeter::agent
