// UniqueFd: a file descriptor with one owner, closed when the owner goes. Any thread, one at a time.
#ifndef TLSMETER_SRC_BASE_UNIQUE_FD_H_
#define TLSMETER_SRC_BASE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace tlsmeter::agent {

class UniqueFd {
 public:
  // UniqueFd takes `fd` over; a negative one is none.
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() {
    if (fd_ >= 0) close(fd_);
  }

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }
  // Release gives the descriptor up without closing it.
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_BASE_UNIQUE_FD_H_
