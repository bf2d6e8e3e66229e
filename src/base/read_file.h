// Reading small files whole, with a ceiling. Any thread.
#ifndef TLSMETER_SRC_BASE_READ_FILE_H_
#define TLSMETER_SRC_BASE_READ_FILE_H_

#include <cstddef>
#include <optional>
#include <string>

namespace tlsmeter::agent {

// ReadFileAt returns what `path`, relative to the directory `dir` unless absolute (openat(2)), holds; nullopt when it cannot
// be read, is no regular file - opening never waits - or is longer than `max_bytes`.
std::optional<std::string> ReadFileAt(int dir, const std::string& path, size_t max_bytes);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_BASE_READ_FILE_H_
