// LibrarySensor: the user space half of the program that serves the probes in TLS libraries. Tells the program how each
// image lays out its fields, and turns its records into events. Who attaches the probes is no business of it.
//
// Does not own its descriptors. One thread.
#ifndef TLSMETER_SRC_CAPTURE_LIBRARY_SENSOR_H_
#define TLSMETER_SRC_CAPTURE_LIBRARY_SENSOR_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "src/capture/library_decoder.h"
#include "src/capture/library_event.h"
#include "src/image/image_plan.h"

namespace tlsmeter::agent {

class LibrarySensor {
 public:
  // Descriptors of the program and of its maps; they must stay open as long as the sensor lives.
  struct Descriptors {
    int program = -1;
    int images = -1;        // tm_images
    int certificates = -1;  // tm_certificates
  };
  explicit LibrarySensor(const Descriptors& descriptors) : descriptors_(descriptors) {}

  // program_fd is what probes are attached with, with the cookie of ProbeCookie.
  int program_fd() const { return descriptors_.program; }

  // Configure makes the program read the fields of image `slot` as `plan` says. To be called before its probes are
  // attached. InvalidArgument for a slot that the program does not have.
  absl::Status Configure(uint32_t slot, const ImagePlan& plan);

  // Take decodes one record of the ring and hands the event on, if it makes one.
  void Take(std::span<const uint8_t> record, absl::FunctionRef<void(const LibraryEvent&)> take);

  void set_epoch_offset_ns(int64_t epoch_offset_ns) { decoder_.set_epoch_offset_ns(epoch_offset_ns); }

  uint64_t refused() const { return refused_; }  // records that the decoder refused
  uint64_t certificates_lost() const { return decoder_.certificates_lost(); }

 private:
  Descriptors descriptors_;
  LibraryDecoder decoder_;
  std::vector<std::string> stacks_;  // by slot
  uint64_t refused_ = 0;
};

// ProbeCookie is the cookie of a probe: which image, and what it means that it was reached.
uint64_t ProbeCookie(uint32_t slot, ProbeKind kind);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_LIBRARY_SENSOR_H_
