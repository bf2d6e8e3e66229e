// In its steady state the tracker takes nothing from the heap: records cost no allocation, however many come.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "tests/tls/message_builder.h"
#include "tlsmeter/handshake.h"

namespace {

thread_local size_t allocations = 0;

void* Allocate(size_t size) {
  ++allocations;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(size_t size) { return Allocate(size); }
void* operator new[](size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace tlsmeter {
namespace {

using testing::Bytes;
using testing::Feed;
using testing::Flow;
using testing::Hello;
using testing::Message;
using testing::Record;
using testing::Writer;

// Allocations of feeding `record` to `tracker` a thousand times, in one piece, in two, and as an opaque record.
size_t AllocationsOf(HandshakeTracker* tracker, Sender sender, const Bytes& record) {
  const std::span<const uint8_t> bytes(record);
  const size_t before = allocations;
  for (uint64_t i = 0; i < 1000; ++i) {
    tracker->OnBytes(sender, bytes, i);
    tracker->OnBytes(sender, bytes.first(3), i);
    tracker->OnBytes(sender, bytes.subspan(3), i);
    tracker->OnOpaqueRecord(sender, ContentType{bytes[0]}, static_cast<uint16_t>(bytes.size() - kRecordHeaderSize), i);
  }
  return allocations - before;
}

TEST(AllocationTest, TheCounterCounts) {
  const size_t before = allocations;
  HandshakeTracker tracker;
  EXPECT_GT(allocations, before);
}

TEST(AllocationTest, EncryptedFlightsOfTls13CostNone) {
  HandshakeTracker tracker =
      Flow().Client(Hello::Client13().Record()).Server(Hello::Server13().Record()).Track(Feed::kWhole);
  EXPECT_EQ(AllocationsOf(&tracker, Sender::kServer, Record(23, Bytes(900, 1))), 0u);
  EXPECT_EQ(AllocationsOf(&tracker, Sender::kClient, Record(23, Bytes(900, 1))), 0u);
  EXPECT_FALSE(tracker.Settled());
}

TEST(AllocationTest, RecordsAfterTheHandshakeCostNone) {
  Flow flow;
  flow.Client(Hello::Client13().Record()).Server(Hello::Server13().Record()).ServerSealed(900).ClientSealed(53);
  flow.ClientSealed(80).ServerSealed(300);
  HandshakeTracker tracker = flow.Track(Feed::kWhole);
  ASSERT_TRUE(tracker.Settled());
  EXPECT_EQ(AllocationsOf(&tracker, Sender::kClient, Record(23, Bytes(900, 1))), 0u);
  EXPECT_EQ(AllocationsOf(&tracker, Sender::kServer, Record(22, Bytes(900, 1))), 0u);
}

TEST(AllocationTest, CiphertextAndWholeMessagesOfTls12CostNone) {
  Flow flow;
  flow.Client(Hello::Client().Record()).Server(Hello::Server(0xc02f).Record());
  HandshakeTracker tracker = flow.Track(Feed::kWhole);
  const Bytes done = Record(22, Message(14, {}));
  const Bytes key = Record(22, Message(16, Writer().Prefixed8(Bytes(32, 4))));
  const size_t before = allocations;
  for (int i = 0; i < 50; ++i) {
    tracker.OnBytes(Sender::kServer, done, 1);
    tracker.OnBytes(Sender::kClient, key, 1);
  }
  EXPECT_EQ(allocations, before);
  tracker.OnBytes(Sender::kClient, Record(20, {1}), 1);
  EXPECT_EQ(AllocationsOf(&tracker, Sender::kClient, Record(22, Bytes(40, 1))), 0u);
  EXPECT_EQ(AllocationsOf(&tracker, Sender::kClient, Record(23, Bytes(900, 1))), 0u);
  EXPECT_FALSE(tracker.Settled());
}

}  // namespace
}  // namespace tlsmeter
