// LibrarySensor: the user space half of the program that serves the probes in TLS libraries. Tells the program how each
// image lays out its fields, attaches it, and turns its records into events. Which images there are is no business of it.
//
// Does not own its descriptors. One thread.
#ifndef TLSMETER_SRC_CAPTURE_LIBRARY_SENSOR_H_
#define TLSMETER_SRC_CAPTURE_LIBRARY_SENSOR_H_

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/capture/library_decoder.h"
#include "src/capture/library_event.h"
#include "src/image/image_plan.h"
#include "src/image/process_maps.h"
#include "src/image/uprobe_link.h"

namespace tlsmeter::agent {

// kMaxImplausible is how many successes in a row an image may report that cannot be. A wrong plan makes no other; a program
// that overwrites its own memory, or pretends to, makes a few among the good ones of others, and must not blind us to those.
inline constexpr uint32_t kMaxImplausible = 8;

class LibrarySensor {
 public:
  // Descriptors of the program and of its maps; they must stay open as long as the sensor lives.
  struct Descriptors {
    int program = -1;
    int images = -1;        // tm_images
    int certificates = -1;  // tm_certificates
    int files = -1;         // tm_known_files; -1 where the programs that tell of mappings are missing
  };
  LibrarySensor(const Descriptors& descriptors, UprobeAttach how);

  // Configure makes the program read the fields of image `slot` as `plan` says. To be called before its probes are
  // attached. InvalidArgument for a slot that the program does not have.
  absl::Status Configure(uint32_t slot, const ImagePlan& plan);

  // Attach attaches the program to all probes of image `slot`, the open file `fd`.
  absl::StatusOr<UprobeLink> Attach(int fd, uint32_t slot, std::span<const Probe> probes) const;

  // Know says that `file` is known, or that the first mapping of it is to be told again.
  void Know(const MappedFile::Id& file, bool known) const;

  // Take decodes one record of the ring and hands the event on, if it makes one.
  void Take(std::span<const uint8_t> record, absl::FunctionRef<void(const LibraryEvent&)> take);

  // how returns the way in which Attach attaches.
  UprobeAttach how() const { return how_; }

  void set_epoch_offset_ns(int64_t epoch_offset_ns) { decoder_.set_epoch_offset_ns(epoch_offset_ns); }

  // TakeDistrusted returns the slots of which kMaxImplausible successes in a row were implausible, each once.
  std::vector<uint32_t> TakeDistrusted() { return std::exchange(distrusted_, {}); }

  uint64_t refused() const { return refused_; }  // records that the decoder refused, or found implausible
  uint64_t certificates_lost() const { return decoder_.certificates_lost(); }

 private:
  struct Image {
    std::string version;       // as the library calls itself
    uint32_t implausible = 0;  // successes in a row
  };

  Descriptors descriptors_;
  UprobeAttach how_;
  LibraryDecoder decoder_;
  std::vector<Image> images_;         // by slot, as many as the program has
  std::vector<uint32_t> distrusted_;  // at most one entry an image configured
  uint64_t refused_ = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_LIBRARY_SENSOR_H_
