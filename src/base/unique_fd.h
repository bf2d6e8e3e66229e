// UniqueFd: a file descriptor that is closed when its owner goes.
#ifndef TLSMETER_SRC_BASE_UNIQUE_FD_H_
#define TLSMETER_SRC_BASE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace tlsmeter::agent {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}  // negative: none
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() {
    if (fd_ >= 0) close(fd_);
  }

  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_BASE_UNIQUE_FD_H_
