// HandshakeTracker against broken, torn and endless streams.
#include <gtest/gtest.h>

#include <string_view>
#include <utility>

#include "tests/tls/message_builder.h"
#include "tlsmeter/handshake.h"

namespace tlsmeter {
namespace {

using testing::Bytes;
using testing::Feed;
using testing::Flow;
using testing::Hello;
using testing::Message;
using testing::Record;
using testing::Writer;

Bytes Text(std::string_view text) { return Writer().Text(text); }

TEST(HandshakeLimitsTest, ANewTrackerKnowsNothing) {
  const HandshakeTracker tracker;
  EXPECT_TRUE(tracker.handshake() == Handshake());
  EXPECT_FALSE(tracker.Settled());
}

TEST(HandshakeLimitsTest, AServerThatSpeaksAnotherProtocolIsNotTls) {
  Flow flow;
  flow.Client(Hello::Client13().Record()).Server(Text("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const Handshake facts = flow.Facts();
  EXPECT_EQ(facts.progress, Progress::kNotTls);
  EXPECT_EQ(facts.parse_status, ParseStatus::kNotTls);
  EXPECT_EQ(facts.parse_sender, Sender::kServer);
  EXPECT_TRUE(facts.client_hello.has_value());
  EXPECT_TRUE(flow.Settled());
}

TEST(HandshakeLimitsTest, OneByteIsEnoughToKnow) {
  EXPECT_EQ(Flow().Client(Hello::Client13().Record()).Server(Text("-")).Facts().progress, Progress::kNotTls);
}

TEST(HandshakeLimitsTest, AClientThatSpeaksAnotherProtocolIsNotTls) {
  const Handshake facts = Flow().Client(Text("GET / HTTP/1.1\r\n")).Facts();
  EXPECT_EQ(facts.progress, Progress::kNotTls);
  EXPECT_EQ(facts.parse_sender, Sender::kClient);
}

TEST(HandshakeLimitsTest, TheSourceMaySayThatASideIsNotTls) {
  HandshakeTracker tracker = Flow().Client(Hello::Client13().Record()).Track(Feed::kWhole);
  tracker.OnNotTls(Sender::kServer, 5);
  EXPECT_EQ(tracker.handshake().progress, Progress::kNotTls);
  EXPECT_EQ(tracker.handshake().parse_sender, Sender::kServer);
  EXPECT_TRUE(tracker.Settled());
}

TEST(HandshakeLimitsTest, OnceEstablishedNothingIsMalformed) {
  Flow flow;
  flow.Client(Hello::Client13().Record()).Server(Hello::Server13().Record()).ServerSealed(900).ClientSealed(53);
  flow.Server(Text("garbage")).Client(Text("garbage"));
  EXPECT_EQ(flow.Facts().progress, Progress::kEstablished);
  HandshakeTracker tracker = flow.Track(Feed::kWhole);
  tracker.OnNotTls(Sender::kServer, 5);
  EXPECT_EQ(tracker.handshake().progress, Progress::kEstablished);
}

TEST(HandshakeLimitsTest, GarbageAfterARecordIsMalformed) {
  Flow flow;
  flow.Client(Hello::Client13().Record()).Server(Writer().Raw(Hello::Server13().Record()).Text("garbage"));
  EXPECT_EQ(flow.Facts().progress, Progress::kMalformed);
  EXPECT_EQ(flow.Facts().parse_status, ParseStatus::kNotTls);
  EXPECT_TRUE(flow.Facts().server_hello.has_value());
}

TEST(HandshakeLimitsTest, ARecordOverTheLimitIsMalformed) {
  const Handshake facts = Flow().Client(Hello::Client13().Record()).Server({22, 3, 3, 0xff, 0xff}).Facts();
  EXPECT_EQ(facts.progress, Progress::kMalformed);
  EXPECT_EQ(facts.parse_status, ParseStatus::kTooLarge);
}

TEST(HandshakeLimitsTest, AnEmptyHandshakeRecordIsMalformed) {
  EXPECT_EQ(Flow().Client(Record(22, {})).Facts().parse_status, ParseStatus::kBadLength);
}

TEST(HandshakeLimitsTest, AFloodOfEmptyRecordsIsMalformed) {
  Flow flow;
  flow.Client(Hello::Client13().Record());
  for (int i = 0; i <= kMaxEmptyRecords; ++i) flow.ClientSealed(0);
  EXPECT_EQ(flow.Facts().progress, Progress::kMalformed);
  EXPECT_EQ(flow.Facts().parse_status, ParseStatus::kBadLength);
}

TEST(HandshakeLimitsTest, AMalformedClientHelloIsNotKept) {
  const Handshake facts = Flow().Client(Hello::Client().Extension(23, {}).Extension(23, {}).Record()).Facts();
  EXPECT_EQ(facts.progress, Progress::kMalformed);
  EXPECT_EQ(facts.parse_status, ParseStatus::kDuplicate);
  EXPECT_EQ(facts.parse_sender, Sender::kClient);
  EXPECT_FALSE(facts.client_hello.has_value());
  EXPECT_EQ(facts.client_hello_ns, 1000u);
}

TEST(HandshakeLimitsTest, AMalformedServerHelloIsNotKept) {
  const Handshake facts = Flow().Client(Hello::Client13().Record()).Server(Record(22, Message(2, {3, 3}))).Facts();
  EXPECT_EQ(facts.progress, Progress::kMalformed);
  EXPECT_EQ(facts.parse_status, ParseStatus::kTruncated);
  EXPECT_EQ(facts.parse_sender, Sender::kServer);
  EXPECT_FALSE(facts.server_hello.has_value());
}

TEST(HandshakeLimitsTest, AMalformedAlertIsMalformed) {
  EXPECT_EQ(Flow().Client(Hello::Client13().Record()).Server(Record(21, {2})).Facts().parse_status, ParseStatus::kTruncated);
  EXPECT_EQ(Flow().Client(Hello::Client13().Record()).Server(Record(21, {7, 7})).Facts().parse_status,
            ParseStatus::kBadValue);
  EXPECT_EQ(Flow().Client(Hello::Client13().Record()).Server(Record(21, Bytes(300, 2))).Facts().parse_status,
            ParseStatus::kTrailingData);
}

TEST(HandshakeLimitsTest, AMalformedKeyExchangeIsMalformed) {
  const Handshake facts = Flow()
                              .Client(Hello::Client().Record())
                              .Server(Hello::Server(0xc02f).Record())
                              .Server(Record(22, Message(12, {3, 0})))
                              .Facts();
  EXPECT_EQ(facts.progress, Progress::kMalformed);
}

TEST(HandshakeLimitsTest, AMessageOverTheCeilingIsPassedOver) {
  Flow flow;
  flow.Client(Hello::Client().Record()).Server(Hello::Server(0xc02f).Record());
  const Bytes huge = Message(11, Bytes(kMaxHandshakeMessage + 1000, 1));
  for (size_t i = 0; i < huge.size(); i += 16000) {
    flow.Server(Record(22, Bytes(huge.begin() + static_cast<ptrdiff_t>(i),
                                 huge.begin() + static_cast<ptrdiff_t>(std::min(i + 16000, huge.size())))));
  }
  flow.Server(Record(22, Message(12, Writer().U8(3).U16(24).Prefixed8({4}))));
  const Handshake facts = flow.Facts();
  EXPECT_EQ(facts.progress, Progress::kInProgress);
  EXPECT_TRUE(facts.incomplete);
  EXPECT_EQ(facts.group, NamedGroup{24});
}

TEST(HandshakeLimitsTest, AHelloOverACeilingOfOursIsMissedNotMalformed) {
  Writer suites;
  for (size_t i = 0; i <= kMaxListEntries; ++i) suites.U16(0x1301);
  const Bytes many = Message(1, Writer().U16(0x303).Fill(32, 1).U8(0).Prefixed16(suites).Prefixed8({0}));
  for (const Bytes& message : {many, Message(1, Bytes(kMaxHandshakeMessage + 1, 1))}) {
    Flow flow;
    for (size_t i = 0; i < message.size(); i += 16000) {
      flow.Client(Record(22, Bytes(message.begin() + static_cast<ptrdiff_t>(i),
                                   message.begin() + static_cast<ptrdiff_t>(std::min(i + 16000, message.size())))));
    }
    flow.Server(Hello::Server13().Record());
    const Handshake facts = flow.Facts();
    EXPECT_EQ(facts.progress, Progress::kInProgress);
    EXPECT_TRUE(facts.incomplete);
    EXPECT_FALSE(facts.client_hello.has_value());
    EXPECT_EQ(facts.client_hello_count, 1);
    EXPECT_EQ(facts.client_hello_ns, 1000u);
    EXPECT_EQ(facts.version, ProtocolVersion::kTls13);
  }
}

TEST(HandshakeLimitsTest, EndlessMessagesAreMalformed) {
  Writer requests;
  for (int i = 0; i < kMaxHandshakeMessages - 1; ++i) requests.Raw(Message(0, {}));
  Flow flow;
  flow.Client(Hello::Client().Record()).Server(Hello::Server(0xc02f).Record()).Server(Record(22, requests));
  EXPECT_EQ(flow.Facts().progress, Progress::kInProgress);
  flow.Server(Record(22, Message(0, {})));
  EXPECT_EQ(flow.Facts().progress, Progress::kMalformed);
  EXPECT_EQ(flow.Facts().parse_status, ParseStatus::kTooLarge);
}

TEST(HandshakeLimitsTest, AMessageThatNeverEndsHoldsNoMoreThanTheCeiling) {
  HandshakeTracker tracker;
  const Bytes start = Record(22, {11, 0xff, 0xff, 0xff, 1, 2, 3});
  tracker.OnBytes(Sender::kServer, start, 1);
  const Bytes more = Record(22, Bytes(16000, 9));
  for (int i = 0; i < 2000; ++i) tracker.OnBytes(Sender::kServer, more, 1);
  EXPECT_EQ(tracker.handshake().records[1], 2001u);
}

TEST(HandshakeLimitsTest, AServerSeenAloneKeepsItsFacts) {
  Flow flow;
  flow.Server(Hello::Server13().Record())
      .ServerCcs()
      .ServerSealed(900)
      .ServerSealed(53)
      .ServerSealed(250)
      .ServerSealed(4000);
  const Handshake facts = flow.Facts();
  EXPECT_EQ(facts.progress, Progress::kNoHello);
  EXPECT_EQ(facts.version, ProtocolVersion::kTls13);
  EXPECT_EQ(facts.cipher, CipherSuite{0x1301});
  Flow legacy;
  legacy.Server(Hello::Server(0xc02f).SessionId(Bytes(32, 1)).Record()).ServerCcs().ServerSealed(40, 22).ServerSealed(500);
  EXPECT_EQ(legacy.Facts().progress, Progress::kNoHello);
  EXPECT_EQ(legacy.Facts().resumption, Resumption::kNone);
}

TEST(HandshakeLimitsTest, AClientSeenAloneStaysInProgress) {
  Flow flow;
  flow.Client(Hello::Client13().Record()).ClientCcs().ClientSealed(53).ClientSealed(100);
  EXPECT_EQ(flow.Facts().progress, Progress::kInProgress);
  EXPECT_EQ(flow.Facts().established_ns, 0u);
}

TEST(HandshakeLimitsTest, AfterAGapNothingIsHeldAgainstThePeer) {
  Flow flow;
  flow.Client(Hello::Client().Record()).ServerGap().Server(Record(22, Message(2, {3, 3}))).Server(Record(21, {9}));
  EXPECT_EQ(flow.Facts().progress, Progress::kInProgress);
  EXPECT_TRUE(flow.Facts().incomplete);
  flow.Server(Text("not a record"));
  EXPECT_EQ(flow.Facts().progress, Progress::kInProgress);
  flow.Server(Hello::Server13().Record());  // framing is lost until the next gap
  EXPECT_FALSE(flow.Facts().server_hello.has_value());
  flow.ServerGap().Server(Hello::Server13().Record());
  EXPECT_TRUE(flow.Facts().server_hello.has_value());
}

TEST(HandshakeLimitsTest, AGapInsideARecordIsResumedAtABoundary) {
  HandshakeTracker tracker;
  const Bytes hello = Hello::Client13().Record();
  tracker.OnBytes(Sender::kClient, std::span(hello).first(60), 1);
  tracker.OnGap(Sender::kClient);
  tracker.OnBytes(Sender::kClient, hello, 2);
  EXPECT_TRUE(tracker.handshake().client_hello.has_value());
  EXPECT_EQ(tracker.handshake().client_hello_ns, 2u);
  EXPECT_TRUE(tracker.handshake().incomplete);
}

TEST(HandshakeLimitsTest, HeartbeatsAreIgnored) {
  const Handshake facts =
      Flow().Client(Hello::Client().Record()).Server(Hello::Server(0xc02f).Record()).Client(Record(24, {1, 0, 9})).Facts();
  EXPECT_EQ(facts.progress, Progress::kInProgress);
  EXPECT_EQ(facts.records[0], 2u);
}

TEST(HandshakeLimitsTest, OpaqueRecordsAreCheckedLikeAnyOther) {
  EXPECT_EQ(Flow().Client(Hello::Client13().Record()).Opaque(Sender::kServer, 99, 5).Facts().progress, Progress::kNotTls);
  EXPECT_EQ(Flow().Client(Hello::Client13().Record()).Opaque(Sender::kServer, 22, 0).Facts().parse_status,
            ParseStatus::kBadLength);
}

TEST(HandshakeLimitsTest, TimeOfTheHelloIsThatOfItsFirstByte) {
  HandshakeTracker tracker;
  const Bytes hello = Hello::Client13().Record();
  tracker.OnBytes(Sender::kClient, std::span(hello).first(3), 10);
  tracker.OnBytes(Sender::kClient, std::span(hello).subspan(3, 50), 20);
  tracker.OnBytes(Sender::kClient, std::span(hello).subspan(53), 30);
  EXPECT_EQ(tracker.handshake().client_hello_ns, 10u);
  const Bytes answer = Hello::Server13().Record();
  tracker.OnBytes(Sender::kServer, std::span(answer).first(10), 40);
  tracker.OnBytes(Sender::kServer, std::span(answer).subspan(10), 50);
  EXPECT_EQ(tracker.handshake().server_hello_ns, 50u);
}

TEST(HandshakeLimitsTest, ASettledTrackerChangesNoMore) {
  Flow flow;
  flow.Client(Hello::Client13().Record()).ServerAlert(2, 40);
  HandshakeTracker tracker = flow.Track(Feed::kWhole);
  const Handshake before = tracker.handshake();
  const Bytes hello = Hello::Server13().Record();
  tracker.OnBytes(Sender::kServer, hello, 9000);
  tracker.OnOpaqueRecord(Sender::kServer, ContentType::kHandshake, 100, 9000);
  tracker.OnGap(Sender::kClient);
  tracker.OnNotTls(Sender::kClient, 9000);
  EXPECT_TRUE(tracker.handshake() == before);
}

TEST(HandshakeLimitsTest, ATrackerMovesWithItsFacts) {
  HandshakeTracker tracker = Flow().Client(Hello::Client13().Record()).Track(Feed::kWhole);
  HandshakeTracker moved = std::move(tracker);
  EXPECT_EQ(moved.handshake().progress, Progress::kInProgress);
  moved = HandshakeTracker();
  EXPECT_EQ(moved.handshake().progress, Progress::kNoHello);
}

// Each byte of a whole flow is changed in turn: whatever it becomes, the facts stay consistent.
TEST(HandshakeLimitsTest, NoMutationOfAByteBreaksTheInvariants) {
  const Bytes client = Writer().Raw(Hello::Client13().Record()).Raw(Record(20, {1})).Raw(Record(23, Bytes(53, 7)));
  const Bytes server = Writer().Raw(Hello::Server13().Record()).Raw(Record(23, Bytes(300, 7)));
  for (size_t i = 0; i < client.size() + server.size(); ++i) {
    for (const int change : {0x00, 0xff, 0x01, 0x80}) {
      Bytes c = client;
      Bytes s = server;
      uint8_t& byte = i < c.size() ? c[i] : s[i - c.size()];
      byte = static_cast<uint8_t>(change == 0x00 || change == 0xff ? change : byte ^ change);
      HandshakeTracker tracker;
      const size_t hello_size = Hello::Client13().Record().size();
      tracker.OnBytes(Sender::kClient, std::span(c).first(hello_size), 1);
      tracker.OnBytes(Sender::kServer, s, 2);
      tracker.OnBytes(Sender::kClient, std::span(c).subspan(hello_size), 3);
      const Handshake& facts = tracker.handshake();
      EXPECT_EQ(facts.progress == Progress::kEstablished, facts.established_ns != 0);
      if (facts.progress == Progress::kMalformed || facts.progress == Progress::kNotTls) {
        EXPECT_NE(facts.parse_status, ParseStatus::kOk);
        EXPECT_TRUE(tracker.Settled());
      }
      EXPECT_EQ(facts.version.has_value(), facts.server_hello.has_value());
    }
  }
}

}  // namespace
}  // namespace tlsmeter
