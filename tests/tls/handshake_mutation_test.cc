// Every single byte of whole handshakes changed, one at a time: what comes out stays consistent, does not depend on how the
// bytes are split, and does not change once it is settled.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/tls/certificate_builder.h"
#include "tests/tls/message_builder.h"
#include "tlsmeter/handshake.h"

namespace tlsmeter {
namespace {

using testing::Bytes;
using testing::Hello;
using testing::Message;
using testing::Record;
using testing::Writer;

struct Step {
  Sender sender;
  Bytes bytes;
};
using Steps = std::vector<Step>;

Steps Tls12() {
  const Bytes leaf = testing::MakeCertificate({});
  const Bytes staple = testing::MakeOcspResponse({});
  const Bytes key_exchange = Writer().U8(3).U16(29).Prefixed8(Bytes(32, 4)).U16(0x0804).Prefixed16(Bytes(64, 1));
  return {
      {Sender::kClient, Hello::Client().Ciphers({0xc02f}).Extension(5, {1, 0, 0, 0, 0}).Record()},
      {Sender::kServer, Hello::Server(0xc02f).Extension(5, {}).Record(0x0303)},
      {Sender::kServer, Record(22, Message(11, Writer().Prefixed24(Writer().Prefixed24(leaf))))},
      {Sender::kServer, Record(22, Message(22, Writer().U8(1).Prefixed24(staple)))},
      {Sender::kServer, Record(22, Message(12, key_exchange))},
      {Sender::kServer, Record(22, Message(13, {1, 1, 0, 2, 4, 3, 0, 0}))},
      {Sender::kServer, Record(22, Message(14, {}))},
      {Sender::kClient, Record(22, Message(11, {0, 0, 0}))},
      {Sender::kClient, Record(22, Message(16, Writer().Prefixed8(Bytes(32, 4))))},
      {Sender::kClient, Record(20, {1})},
      {Sender::kClient, Record(22, Bytes(40, 0xee))},
      {Sender::kServer, Record(20, {1})},
      {Sender::kServer, Record(22, Bytes(40, 0xee))},
      {Sender::kClient, Record(23, Bytes(30, 0xee))},
  };
}

Steps Tls13WithRetry() {
  return {
      {Sender::kClient, Hello::Client13().Record()},
      {Sender::kServer, Hello::Retry().Record(0x0303)},
      {Sender::kClient, Hello::Client13().Record(0x0303)},
      {Sender::kServer, Hello::Server13().Record(0x0303)},
      {Sender::kServer, Record(20, {1})},
      {Sender::kServer, Record(23, Bytes(90, 0xee))},
      {Sender::kClient, Record(23, Bytes(53, 0xee))},
      {Sender::kClient, Record(23, Bytes(30, 0xee))},
      {Sender::kServer, Record(23, Bytes(200, 0xee))},
  };
}

Steps Ssl2() {
  const Bytes hello = Writer().U8(1).U16(0x0301).U16(3).U16(0).U16(16).Raw({0, 0, 0x39}).Fill(16, 7);
  return {
      {Sender::kClient, Writer().U16(0x8000 | hello.size()).Raw(hello)},
      {Sender::kServer, Hello::Server(0x0039).Version(0x0301).Record()},
      {Sender::kServer, Record(21, {2, 40})},
  };
}

Handshake Facts(const Steps& steps, size_t piece) {
  HandshakeTracker tracker;
  uint64_t time = 0;
  for (const Step& step : steps) {
    const bool settled = tracker.Settled();
    const Handshake before = settled ? tracker.handshake() : Handshake();
    time += 1000;
    for (std::span<const uint8_t> rest(step.bytes); !rest.empty();) {
      const auto part = rest.first(std::min(piece, rest.size()));
      tracker.OnBytes(step.sender, part, time);
      rest = rest.subspan(part.size());
    }
    if (settled) {
      EXPECT_TRUE(tracker.Settled() && tracker.handshake() == before);
    }
  }
  return tracker.handshake();
}

void ExpectConsistent(const Handshake& facts) {
  const bool broken = facts.progress == Progress::kMalformed || facts.progress == Progress::kNotTls;
  EXPECT_EQ(broken, facts.parse_status != ParseStatus::kOk);
  EXPECT_TRUE(facts.progress != Progress::kRefused || facts.alert.has_value());
  EXPECT_LE(facts.server_certificates.certificates.size(), facts.server_certificates.length);
  EXPECT_LE(facts.client_certificates.certificates.size(), facts.client_certificates.length);
  if (facts.client_hello) {
    EXPECT_LE(facts.client_hello->session_id.size(), 32u);
  }
}

class HandshakeMutationTest : public ::testing::TestWithParam<Steps (*)()> {};

TEST_P(HandshakeMutationTest, EveryChangedByteGivesConsistentFacts) {
  Steps steps = GetParam()();
  for (Step& step : steps) {
    for (uint8_t& byte : step.bytes) {
      const uint8_t good = byte;
      for (const int change : {0x00, 0xff, good ^ 0x01, good ^ 0x80}) {
        byte = static_cast<uint8_t>(change);
        const Handshake whole = Facts(steps, SIZE_MAX);
        ExpectConsistent(whole);
        ASSERT_TRUE(whole == Facts(steps, 1));
      }
      byte = good;
    }
  }
}

TEST_P(HandshakeMutationTest, EveryTruncationGivesConsistentFacts) {
  Steps steps = GetParam()();
  for (Step& step : steps) {
    const Bytes good = step.bytes;
    for (size_t size = 0; size < good.size(); ++size) {
      step.bytes.assign(good.begin(), good.begin() + static_cast<ptrdiff_t>(size));
      const Handshake whole = Facts(steps, SIZE_MAX);
      ExpectConsistent(whole);
      ASSERT_TRUE(whole == Facts(steps, 7));
    }
    step.bytes = good;
  }
}

INSTANTIATE_TEST_SUITE_P(Handshakes, HandshakeMutationTest, ::testing::Values(&Tls12, &Tls13WithRetry, &Ssl2));

}  // namespace
}  // namespace tlsmeter
