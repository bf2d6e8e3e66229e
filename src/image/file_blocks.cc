#include "src/image/file_blocks.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tlsmeter::agent {
namespace {

// Returns how many bytes were there; less than out.size() at the end of the file or after an error.
size_t ReadSome(int fd, uint64_t offset, std::span<uint8_t> out) {
  size_t filled = 0;
  while (filled < out.size()) {
    const ssize_t n = pread(fd, out.data() + filled, out.size() - filled, static_cast<off_t>(offset + filled));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    filled += static_cast<size_t>(n);
  }
  return filled;
}

}  // namespace

const FileBlocks::Block& FileBlocks::Get(uint64_t number) {
  const auto found = blocks_.find(number);
  if (found != blocks_.end()) return *found->second;
  if (blocks_.size() >= kMaxBlocks) blocks_.clear();
  auto block = std::make_unique<Block>();
  block->filled = ReadSome(fd(), number * kBlockSize, block->bytes);
  return *blocks_.emplace(number, std::move(block)).first->second;
}

bool FileBlocks::Read(uint64_t offset, std::span<uint8_t> out) {
  if (offset > INT64_MAX - out.size()) return false;
  while (!out.empty()) {
    const Block& block = Get(offset / kBlockSize);
    const size_t start = offset % kBlockSize;
    if (start >= block.filled) return false;
    const size_t n = std::min(out.size(), block.filled - start);
    memcpy(out.data(), block.bytes.data() + start, n);
    offset += n;
    out = out.subspan(n);
  }
  return true;
}

bool FileBlocks::ReadUncached(uint64_t offset, std::span<uint8_t> out) const {
  return offset <= INT64_MAX - out.size() && ReadSome(fd(), offset, out) == out.size();
}

}  // namespace tlsmeter::agent
