// What the decoders of ring buffer records share. Any thread.
#ifndef TLSMETER_SRC_CAPTURE_RING_RECORD_H_
#define TLSMETER_SRC_CAPTURE_RING_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "src/capture/chunk.h"

namespace tlsmeter::agent {

// ReadStruct reads a T off the front of `record`; false when it is shorter. The ring aligns records to 8 bytes, a test or a
// fuzzer need not.
template <typename T>
[[nodiscard]] bool ReadStruct(std::span<const uint8_t> record, T* out) {
  if (record.size() < sizeof(T)) return false;
  std::memcpy(out, record.data(), sizeof(T));
  return true;
}

// TextAt is the text of at most `room` bytes at `offset`, up to its first zero. A view of the record itself, so that it
// outlives the caller's copy of the struct; the caller has read the struct, which reaches past it.
inline std::string_view TextAt(std::span<const uint8_t> record, size_t offset, size_t room) {
  const char* text = reinterpret_cast<const char*>(record.data()) + offset;
  return {text, strnlen(text, room)};
}

inline SocketAddress ToSocketAddress(const uint8_t (&ip)[16], uint16_t port) {
  SocketAddress address;
  std::memcpy(address.ip.data(), ip, sizeof(ip));
  address.port = port;
  return address;
}

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_RING_RECORD_H_
