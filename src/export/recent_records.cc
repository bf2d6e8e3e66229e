#include "src/export/recent_records.h"

#include <utility>

namespace tlsmeter::agent {
namespace {

uint64_t HandshakeBytes(const HandshakeRecord& record) {
  return record.tls.handshake_bytes[0] + record.tls.handshake_bytes[1];
}

}  // namespace

void RecentRecords::Add(std::unique_ptr<HandshakeRecord> record) {
  std::shared_ptr<const HandshakeRecord> added = std::move(record);
  std::vector<std::shared_ptr<const HandshakeRecord>> gone;  // freed after the lock
  MutexLock lock(&mutex_);
  handshake_bytes_ += HandshakeBytes(*added);
  records_.push_back(std::move(added));
  while (records_.size() > kMaxRecords || handshake_bytes_ > kMaxHandshakeBytes) {
    handshake_bytes_ -= HandshakeBytes(*records_.front());
    gone.push_back(std::move(records_.front()));
    records_.pop_front();
  }
}

std::vector<std::shared_ptr<const HandshakeRecord>> RecentRecords::All() const {
  MutexLock lock(&mutex_);
  return {records_.begin(), records_.end()};
}

}  // namespace tlsmeter::agent
