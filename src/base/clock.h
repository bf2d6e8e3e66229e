// The two clocks, in nanoseconds. Any thread.
#ifndef TLSMETER_SRC_BASE_CLOCK_H_
#define TLSMETER_SRC_BASE_CLOCK_H_

#include <cstdint>
#include <ctime>

namespace tlsmeter::agent {

inline uint64_t ClockNs(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

// WallNs returns the nanoseconds since 1970, as the wall clock says now: it may be set, also back.
inline uint64_t WallNs() { return ClockNs(CLOCK_REALTIME); }

// MonotonicNs returns the time of a clock that no one sets, and that the kernel's events are stamped with.
inline uint64_t MonotonicNs() { return ClockNs(CLOCK_MONOTONIC); }

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_BASE_CLOCK_H_
