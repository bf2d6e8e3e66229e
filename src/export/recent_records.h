// RecentRecords: the handshakes of the last moments, for the JSON API.
//
// Two threads, one lock: the event thread adds, the HTTP thread reads. Records are shared, never copied, and the lock is
// held only while pointers move.
#ifndef TLSMETER_SRC_EXPORT_RECENT_RECORDS_H_
#define TLSMETER_SRC_EXPORT_RECENT_RECORDS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "src/base/mutex.h"
#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

class RecentRecords {
 public:
  // kMaxRecords is some minutes of a quiet node and a second of a busy one: enough to see what an alert is about.
  static constexpr size_t kMaxRecords = 1000;

  // kMaxHandshakeBytes bounds the handshake messages that the records were read from, all together. What a peer can put
  // into a record it has to send; usually 1,000 records stand for 5 MiB.
  static constexpr uint64_t kMaxHandshakeBytes = 16 << 20;

  // Add takes a record over; the oldest make room. Event thread.
  void Add(std::unique_ptr<HandshakeRecord> record) ABSL_LOCKS_EXCLUDED(mutex_);

  // All returns what there is, the oldest first. Any thread.
  std::vector<std::shared_ptr<const HandshakeRecord>> All() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable Mutex mutex_;
  std::deque<std::shared_ptr<const HandshakeRecord>> records_ ABSL_GUARDED_BY(mutex_);
  uint64_t handshake_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_RECENT_RECORDS_H_
