// Gunzip: undoes gzip, for tests.
#ifndef TLSMETER_TESTS_EXPORT_GUNZIP_H_
#define TLSMETER_TESTS_EXPORT_GUNZIP_H_

#include <zlib.h>

#include <string>

namespace tlsmeter::agent {

// Gunzip returns what one whole gzip member holds, or "not gzip".
inline std::string Gunzip(std::string bytes) {
  z_stream stream = {};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return "not gzip";
  stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string text;
  char piece[65536];
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(piece);
    stream.avail_out = sizeof(piece);
    status = inflate(&stream, Z_NO_FLUSH);
    text.append(piece, sizeof(piece) - stream.avail_out);
  }
  const bool whole = status == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  return whole ? text : "not gzip";
}

}  // namespace tlsmeter::agent

#endif  // TLSMETER_TESTS_EXPORT_GUNZIP_H_
