#include "src/capture/library_sensor.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace tlsmeter::agent {
namespace {

// No descriptor is open: what reaches the kernel fails.
LibrarySensor Detached() { return LibrarySensor(LibrarySensor::Descriptors{}, UprobeAttach::kMulti); }

TEST(LibrarySensor, RefusesASlotThatTheProgramDoesNotHave) {
  EXPECT_EQ(Detached().Configure(256, ImagePlan{}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Detached().Configure(255, ImagePlan{}).code(), absl::StatusCode::kInternal);  // as far as the kernel
}

TEST(LibrarySensor, RefusesAStackWhoseProbesTheProgramDoesNotServe) {
  ImagePlan plan;
  plan.stack = TlsStack::kGnuTls;
  EXPECT_EQ(Detached().Configure(0, plan).code(), absl::StatusCode::kUnimplemented);
}

TEST(LibrarySensor, CountsRecordsThatItCannotRead) {
  LibrarySensor sensor = Detached();
  const std::vector<uint8_t> junk(64, 0xff);
  sensor.Take(junk, [](const LibraryEvent&) { FAIL() << "no event"; });
  EXPECT_EQ(sensor.refused(), 1u);
}

}  // namespace
}  // namespace tlsmeter::agent
