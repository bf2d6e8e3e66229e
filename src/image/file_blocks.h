// FileBlocks: random reads of a file through a small cache, by pread only.
//
// Never a mapping: the kernel plants breakpoints in every private mapping of an instrumented file, so a private mapping
// shows int3 where there is code; and a shared one raises SIGBUS when the file is cut short under our feet. One thread.
#ifndef TLSMETER_SRC_IMAGE_FILE_BLOCKS_H_
#define TLSMETER_SRC_IMAGE_FILE_BLOCKS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "src/base/unique_fd.h"

namespace tlsmeter::agent {

class FileBlocks {
 public:
  static constexpr size_t kBlockSize = 4096;

  // kMaxBlocks bounds the cache to 2 MiB; decoding the largest image known touches a tenth of that. A full cache starts
  // anew.
  static constexpr size_t kMaxBlocks = 512;

  // `fd` is a regular file open for reading.
  explicit FileBlocks(UniqueFd fd) : fd_(std::move(fd)) {}

  // Read fills `out` from `offset`; false when any of it lies past the end or cannot be read, `out` is then unspecified.
  [[nodiscard]] bool Read(uint64_t offset, std::span<uint8_t> out);

  // ReadUncached does the same beside the cache: for large tables that are passed over once.
  [[nodiscard]] bool ReadUncached(uint64_t offset, std::span<uint8_t> out) const;

  int fd() const { return fd_.get(); }

 private:
  struct Block {
    size_t filled = 0;  // less than kBlockSize at the end of the file
    std::array<uint8_t, kBlockSize> bytes;
  };

  const Block& Get(uint64_t number);

  UniqueFd fd_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Block>> blocks_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_IMAGE_FILE_BLOCKS_H_
