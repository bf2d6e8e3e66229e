// MemoryFile: an anonymous file with contents of the test's own, for as long as it lives.
#ifndef TLSMETER_TESTS_IMAGE_MEMORY_FILE_H_
#define TLSMETER_TESTS_IMAGE_MEMORY_FILE_H_

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "src/base/unique_fd.h"

namespace tlsmeter::agent {

class MemoryFile {
 public:
  explicit MemoryFile(std::string_view contents) : fd_(memfd_create("memory_file", MFD_CLOEXEC)) {
    EXPECT_EQ(write(fd(), contents.data(), contents.size()), static_cast<ssize_t>(contents.size()));
  }

  int fd() const { return fd_.get(); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd()); }

 private:
  UniqueFd fd_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_TESTS_IMAGE_MEMORY_FILE_H_
