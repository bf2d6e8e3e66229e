#include "src/export/recent_records.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "tests/export/sample_record.h"

namespace tlsmeter::agent {
namespace {

std::unique_ptr<HandshakeRecord> Numbered(uint32_t pid, uint64_t handshake_bytes = 1000) {
  auto record = std::make_unique<HandshakeRecord>(SampleRecord());
  record->owner.pid = pid;
  record->tls.handshake_bytes = {handshake_bytes, 0};
  return record;
}

TEST(RecentRecordsTest, KeepsTheLatestInTheirOrder) {
  RecentRecords records;
  EXPECT_TRUE(records.All().empty());
  for (uint32_t i = 1; i <= RecentRecords::kMaxRecords + 5; ++i) records.Add(Numbered(i));
  const auto all = records.All();
  ASSERT_EQ(all.size(), RecentRecords::kMaxRecords);
  EXPECT_EQ(all.front()->owner.pid, 6u);
  EXPECT_EQ(all.back()->owner.pid, RecentRecords::kMaxRecords + 5);
}

TEST(RecentRecordsTest, KeepsFewerWhereTheyAreLarge) {
  RecentRecords records;
  for (uint32_t i = 1; i <= 20; ++i) records.Add(Numbered(i, RecentRecords::kMaxHandshakeBytes / 8));
  EXPECT_EQ(records.All().size(), 8u);
  EXPECT_EQ(records.All().back()->owner.pid, 20u);
  records.Add(Numbered(21, RecentRecords::kMaxHandshakeBytes + 1));
  EXPECT_TRUE(records.All().empty());
  records.Add(Numbered(22));
  EXPECT_EQ(records.All().size(), 1u);
}

TEST(RecentRecordsTest, IsReadWhileRecordsArrive) {
  RecentRecords records;
  std::atomic<bool> stop = false;
  std::thread reader([&records, &stop] {
    do {
      uint32_t last = 0;
      for (const auto& record : records.All()) {
        EXPECT_GT(record->owner.pid, last);
        last = record->owner.pid;
      }
    } while (!stop);
  });
  for (uint32_t i = 1; i <= 5000; ++i) records.Add(Numbered(i));
  stop = true;
  reader.join();
}

}  // namespace
}  // namespace tlsmeter::agent
