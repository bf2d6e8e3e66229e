#include "src/capture/library_sensor.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "bpf/library.h"

namespace tlsmeter::agent {
namespace {

// No descriptor is open: what reaches the kernel fails.
LibrarySensor Detached() { return LibrarySensor(LibrarySensor::Descriptors{}, UprobeAttach::kMulti); }

TEST(LibrarySensor, RefusesASlotThatTheProgramDoesNotHave) {
  EXPECT_EQ(Detached().Configure(256, ImagePlan{}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Detached().Configure(255, ImagePlan{}).code(), absl::StatusCode::kInternal);  // as far as the kernel
}

TEST(LibrarySensor, CountsRecordsThatItCannotRead) {
  LibrarySensor sensor = Detached();
  const std::vector<uint8_t> junk(64, 0xff);
  sensor.Take(junk, [](const LibraryEvent&) { FAIL() << "no event"; });
  EXPECT_EQ(sensor.refused(), 1u);
}

// An end in image `slot`; with version 0 a success cannot be.
std::vector<uint8_t> End(uint32_t slot, uint16_t version, tm_library_outcome outcome = TM_LIBRARY_SUCCESS) {
  tm_library_end_event e = {};
  e.library.header.version = TM_EVENTS_VERSION;
  e.library.header.kind = TM_EVENT_LIBRARY_END;
  e.library.slot = slot;
  e.outcome = outcome;
  e.version = version;
  e.client_random[0] = 1;
  std::vector<uint8_t> record(sizeof(e));
  std::memcpy(record.data(), &e, sizeof(e));
  return record;
}

void Take(LibrarySensor* sensor, const std::vector<uint8_t>& record, uint32_t times) {
  for (uint32_t i = 0; i < times; ++i) sensor->Take(record, [](const LibraryEvent&) {});
}

TEST(LibrarySensor, DistrustsAnImageWhoseSuccessesCannotBe) {
  LibrarySensor sensor = Detached();
  Take(&sensor, End(3, 0), kMaxImplausible - 1);
  EXPECT_TRUE(sensor.TakeDistrusted().empty());
  Take(&sensor, End(3, 0), 1);
  EXPECT_EQ(sensor.TakeDistrusted(), std::vector<uint32_t>{3});
  Take(&sensor, End(3, 0), 2 * kMaxImplausible);  // still under way
  EXPECT_TRUE(sensor.TakeDistrusted().empty());
  EXPECT_EQ(sensor.refused(), 3u * kMaxImplausible);
}

TEST(LibrarySensor, TrustsAnImageThatReportsGoodSuccessesBetweenBadOnes) {
  LibrarySensor sensor = Detached();
  for (int i = 0; i < 3; ++i) {
    Take(&sensor, End(3, 0), kMaxImplausible - 1);
    Take(&sensor, End(4, 0x0304), 1);  // another image, which vouches for itself only
    Take(&sensor, End(3, 0x0304), 1);
  }
  EXPECT_TRUE(sensor.TakeDistrusted().empty());
  Take(&sensor, End(3, 0), kMaxImplausible - 1);
  Take(&sensor, End(3, 0, TM_LIBRARY_FAILURE), 1);  // a failure may come before there is a version: it vouches for nothing
  Take(&sensor, End(3, 0), 1);
  EXPECT_EQ(sensor.TakeDistrusted(), std::vector<uint32_t>{3});
}

}  // namespace
}  // namespace tlsmeter::agent
