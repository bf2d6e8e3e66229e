// Gzip: a body made smaller (RFC 1952). Pure function, any thread.
#ifndef TLSMETER_SRC_EXPORT_GZIP_H_
#define TLSMETER_SRC_EXPORT_GZIP_H_

#include <string>
#include <string_view>

namespace tlsmeter::agent {

// Gzip returns `text` as one gzip member; empty when zlib has no memory for its 256 KiB of state.
std::string Gzip(std::string_view text);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_GZIP_H_
