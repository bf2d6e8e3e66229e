// LibraryDecoder: records of the library sensor's ring become LibraryEvents.
//
// No clock, no I/O. One thread. It trusts no length that the ring hands over, and no field that was read from a process: a
// program may hold anything where its library keeps one.
#ifndef TLSMETER_SRC_CAPTURE_LIBRARY_DECODER_H_
#define TLSMETER_SRC_CAPTURE_LIBRARY_DECODER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "src/capture/certificate_assembler.h"
#include "src/capture/library_event.h"

namespace tlsmeter::agent {

class LibraryDecoder {
 public:
  enum class Outcome : uint8_t {
    kEvent,        // `*out` holds one
    kKept,         // a certificate that is not complete, or cannot be named; counted in certificates_lost()
    kImplausible,  // a success without a version or a client random: the plan of the image `*slot` is wrong
    kRefused,      // shorter than its kind, of another version or of an unknown kind, or a value that cannot be
  };

  // `epoch_offset_ns` is what must be added to CLOCK_MONOTONIC to get nanoseconds since the Unix epoch.
  void set_epoch_offset_ns(int64_t epoch_offset_ns) { epoch_offset_ns_ = epoch_offset_ns; }

  // Decode reads one ring buffer record. Views of `*out` point into `record`; `stack` is left to who knows the images, by
  // `*slot`.
  [[nodiscard]] Outcome Decode(std::span<const uint8_t> record, LibraryEvent* out, uint32_t* slot);

  std::vector<uint64_t> TakeForgotten() { return assembler_.TakeForgotten(); }
  uint64_t certificates_lost() const { return assembler_.lost(); }

 private:
  uint64_t ToEpoch(uint64_t ns) const { return ns == 0 ? 0 : ns + static_cast<uint64_t>(epoch_offset_ns_); }
  Outcome DecodeEnd(std::span<const uint8_t> record, LibraryEvent* out) const;
  Outcome DecodeLate(std::span<const uint8_t> record, LibraryEvent* out) const;
  Outcome DecodeCertificate(std::span<const uint8_t> record, LibraryEvent* out);

  int64_t epoch_offset_ns_ = 0;
  CertificateAssembler assembler_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_LIBRARY_DECODER_H_
