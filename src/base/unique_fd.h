// UniqueFd: a file descriptor with one owner. Any thread, one at a time.
#ifndef TLSMETER_SRC_BASE_UNIQUE_FD_H_
#define TLSMETER_SRC_BASE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace tlsmeter::agent {

class UniqueFd {
 public:
  // UniqueFd takes `fd` over; a negative one is none.
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&&) = delete;
  ~UniqueFd() {
    if (fd_ >= 0) close(fd_);
  }

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_BASE_UNIQUE_FD_H_
