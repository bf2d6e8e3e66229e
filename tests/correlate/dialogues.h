// What two ends say before TLS, as real programs say it, cut down to what matters.
#ifndef TLSMETER_TESTS_CORRELATE_DIALOGUES_H_
#define TLSMETER_TESTS_CORRELATE_DIALOGUES_H_

#include <string>
#include <vector>

#include "src/correlate/plain_protocol.h"
#include "tests/tls/message_builder.h"

namespace tlsmeter::agent {

// Turn is what one end sends in one segment.
struct Turn {
  bool by_client;
  testing::Bytes bytes;
};

// Dialogue ends with the segment that holds the ClientHello.
struct Dialogue {
  std::string name;
  PlainProtocol before;
  std::vector<Turn> turns;
};

// Dialogues returns one for each way into TLS that is known. `hello` is the record that opens TLS.
std::vector<Dialogue> Dialogues(const testing::Bytes& hello);

// Text makes bytes of characters, NUL included.
testing::Bytes Text(std::string_view text);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_TESTS_CORRELATE_DIALOGUES_H_
