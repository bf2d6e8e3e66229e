// Mutex: a std::mutex that says what it guards (clang's -Wthread-safety, through Abseil's annotations).
//
// In place of absl::Mutex because Debian's Abseil is built without ThreadSanitizer's hooks: under `-fsanitize=thread` its
// locks are invisible, and everything that they guard is reported as a race.
#ifndef TLSMETER_SRC_BASE_MUTEX_H_
#define TLSMETER_SRC_BASE_MUTEX_H_

#include <mutex>

#include "absl/base/thread_annotations.h"

namespace tlsmeter::agent {

class ABSL_LOCKABLE Mutex {
 public:
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

// MutexLock holds `mutex` for as long as it lives.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) { mutex_->Lock(); }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* mutex_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_BASE_MUTEX_H_
