// A whole TLS connection between two ends of OpenSSL, in memory: real bytes for benchmarks.
#ifndef TLSMETER_TESTS_BENCH_CONVERSATION_H_
#define TLSMETER_TESTS_BENCH_CONVERSATION_H_

#include <cstdint>
#include <vector>

#include "tlsmeter/handshake.h"

namespace tlsmeter::testing {

// Flight is what one side sends before the other speaks.
struct Flight {
  Sender sender;
  std::vector<uint8_t> bytes;
};

// Converse makes a full handshake of `version` (TLS1_2_VERSION, TLS1_3_VERSION) for "www.example.com" with a P-256
// certificate signed by itself, then a request of 100 bytes and an answer of 250. Aborts when OpenSSL fails.
std::vector<Flight> Converse(int version);

}  // namespace tlsmeter::testing

#endif  // TLSMETER_TESTS_BENCH_CONVERSATION_H_
