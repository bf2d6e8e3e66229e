#include "src/capture/gnutls_numbers.h"

#include <algorithm>
#include <iterator>

namespace tlsmeter::agent {
namespace {

struct Row {
  uint32_t theirs;
  uint16_t wire;
};

constexpr Row kVersions[] = {{1, 0x0300}, {2, 0x0301},   {3, 0x0302},  {4, 0x0303},  // SSL 3.0 to TLS 1.2
                             {5, 0x0304}, {201, 0xfeff}, {202, 0xfefd}};             // TLS 1.3, DTLS 1.0 and 1.2

constexpr Row kGroups[] = {{5, 19},    {1, 21},    {2, 23},    {3, 24}, {4, 25},  // secp192r1 to secp521r1
                           {6, 29},    {20, 30},                                  // x25519, x448
                           {256, 256}, {257, 257}, {258, 258},                    // ffdhe2048 to ffdhe4096
                           {260, 259}, {259, 260}};                               // ffdhe6144, ffdhe8192

template <size_t N>
uint16_t Find(const Row (&rows)[N], uint32_t theirs) {
  const Row* row = std::find_if(std::begin(rows), std::end(rows), [theirs](const Row& r) { return r.theirs == theirs; });
  return row != std::end(rows) ? row->wire : 0;
}

}  // namespace

uint16_t VersionOfGnuTls(uint32_t protocol) { return Find(kVersions, protocol); }

uint16_t GroupOfGnuTls(uint32_t group) { return Find(kGroups, group); }

}  // namespace tlsmeter::agent
