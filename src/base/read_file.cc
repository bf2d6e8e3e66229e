#include "src/base/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "src/base/unique_fd.h"

namespace tlsmeter::agent {

std::optional<std::string> ReadFileAt(int dir, const std::string& path, size_t max_bytes) {
  constexpr size_t kStep = 16 * 1024;
  const UniqueFd file(openat(dir, path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat st;
  if (!file.ok() || fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode)) return std::nullopt;
  // Files of /proc have no size beforehand; one byte above the ceiling tells that there is more.
  std::string text;
  while (true) {
    const size_t have = text.size();
    text.resize(std::min(have + kStep, max_bytes + 1));
    const ssize_t got = read(file.get(), text.data() + have, text.size() - have);
    if (got < 0 && errno != EINTR) return std::nullopt;
    text.resize(have + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (text.size() > max_bytes) return std::nullopt;
    if (got == 0) return text;
  }
}

}  // namespace tlsmeter::agent
