// FragmentBuffer: IP datagrams out of their fragments (RFC 791, section 3.2; RFC 8200, section 4.5).
//
// Fragments come in any order, twice, overlapping: of each byte the first version that was seen counts. Memory is bounded by
// kMaxDatagrams of 64 KiB; what waits too long, or is in the way of a newer one, is given up and counted. One thread.
#ifndef TLSMETER_SRC_CAPTURE_FRAGMENT_BUFFER_H_
#define TLSMETER_SRC_CAPTURE_FRAGMENT_BUFFER_H_

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <vector>

namespace tlsmeter::agent {

// Datagrams waiting for fragments at one time, 16 MiB at most. TCP hardly ever comes in fragments.
inline constexpr size_t kMaxDatagrams = 256;

// How long a datagram waits for its fragments, in packet time: what RFC 791 lets a host wait at least, doubled.
inline constexpr uint64_t kFragmentPatienceNs = 30'000'000'000;

inline constexpr size_t kFragmentUnit = 8;  // offsets count units of eight bytes
inline constexpr size_t kMaxDatagramUnits = 8192;

// Fragment is one piece of a datagram. `bytes` must be whole: a piece cut by the snapshot length completes nothing.
struct Fragment {
  std::array<uint8_t, 16> source = {}, destination = {};
  uint32_t id = 0;
  uint8_t protocol = 0;  // of what the datagram holds; of IPv6 it counts in the piece at offset 0 only
  bool ipv6 = false;
  bool more = false;         // another piece follows this one
  uint16_t offset_unit = 0;  // where it lies, in units
  std::span<const uint8_t> bytes;
};

struct Datagram {
  uint8_t protocol = 0;
  std::vector<uint8_t> bytes;
};

class FragmentBuffer {
 public:
  enum class Outcome : uint8_t { kWaiting, kComplete, kRefused };

  // Add takes one fragment. kComplete sets *whole, kRefused means that the fragment contradicts itself or earlier ones: a
  // piece in the middle whose length is no multiple of eight, one past the end, a second end.
  Outcome Add(uint64_t time_ns, const Fragment& fragment, Datagram* whole);

  // given_up counts the datagrams that never became whole; those that still wait are not among them.
  uint64_t given_up() const { return given_up_; }
  size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiting {
    std::array<uint8_t, 16> source, destination;
    uint32_t id;
    uint8_t protocol;
    bool ipv6;
    uint64_t first_ns;
    std::bitset<kMaxDatagramUnits> units;  // that were seen
    std::optional<size_t> length;          // known once the last piece was seen
    std::vector<uint8_t> bytes;
  };

  Waiting* Find(uint64_t time_ns, const Fragment& fragment);
  bool Complete(const Waiting& datagram) const;

  std::list<Waiting> waiting_;  // the oldest first
  uint64_t given_up_ = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_FRAGMENT_BUFFER_H_
