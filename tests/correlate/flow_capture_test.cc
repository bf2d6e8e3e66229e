// Connections of capture files: nobody watched them, and nobody says where TLS begins.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "src/correlate/flow.h"
#include "src/correlate/flow_table.h"
#include "tests/correlate/dialogues.h"
#include "tests/correlate/harvested.h"
#include "tests/tls/message_builder.h"
#include "tlsmeter/record.h"

namespace tlsmeter::agent {
namespace {

using testing::Bytes;
using testing::Hello;
using ::testing::IsEmpty;
using testing::Record;
using ::testing::SizeIs;

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kStart = 1'800'000'000 * kSecond;

SocketAddress Address(uint8_t last, uint16_t port) {
  SocketAddress address;
  address.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, last};
  address.port = port;
  return address;
}

// One connection as a capture file tells it: segments, a millisecond apart. `client` sends the ClientHello.
class Captured {
 public:
  explicit Captured(FlowTable* table, End client = End::kLocal, uint16_t port = 40000) : table_(table), client_(client) {
    key_.low = Address(1, port);
    key_.high = Address(2, 443);
  }

  // From its SYN on, which the server's answer follows.
  Captured& Syn(uint32_t number = 1000) {
    OpenChunk open = Opening();
    open.initiator = client_;
    open.syn_seq = number;
    open.syn_ns = now_;
    open.established_ns = now_ + kMs;
    offset_[0] = offset_[1] = 0;
    return Take(open);
  }
  // From its SYN on, in a file that lacks the server's answer.
  Captured& SynUnanswered() {
    OpenChunk open = Opening();
    open.initiator = client_;
    open.syn_seq = 1000;
    open.syn_ns = now_;
    return Take(open);
  }
  Captured& JoinedLate() { return Take(Opening()); }

  Captured& Client(const Bytes& bytes) { return Send(client_, bytes); }
  Captured& Server(const Bytes& bytes) { return Send(Other(client_), bytes); }
  Captured& SkipClient(uint32_t bytes) { return Skip(client_, bytes); }
  Captured& SkipServer(uint32_t bytes) { return Skip(Other(client_), bytes); }
  Captured& ClientSealed(size_t length) { return Client(Record(23, Bytes(length))); }
  Captured& ServerSealed(size_t length) { return Server(Record(23, Bytes(length))); }
  Captured& After(uint64_t ns) {
    now_ += ns;
    return *this;
  }
  Captured& TcpEnd(StopChunk::TcpEnd end = {.local_fin = true}) {
    return Take(StopChunk{.why = StopChunk::Why::kTcpEnd, .sender = End::kLocal, .tcp_end = end});
  }
  // What follows the ClientHello, to the first application data of both sides.
  Captured& RestOfHandshake13() {
    Server(Hello::Server13().Record(0x0303)).ServerSealed(23).ServerSealed(900).ServerSealed(96).ServerSealed(53);
    return ClientSealed(53).ClientSealed(100).ServerSealed(250);
  }

  bool wants_more() const { return wants_more_; }
  uint64_t now() const { return now_; }

 private:
  OpenChunk Opening() const {
    OpenChunk open;
    open.watched = false;
    open.local = key_.low;
    open.remote = key_.high;
    return open;
  }
  Captured& Send(End sender, const Bytes& bytes) {
    RecordHeader header;
    const bool boundary = ParseRecordHeader(bytes, &header) == ParseStatus::kOk;
    Take(DataChunk{sender, offset_[static_cast<size_t>(sender)], boundary, bytes});
    return Skip(sender, static_cast<uint32_t>(bytes.size()));
  }
  Captured& Skip(End sender, uint32_t bytes) {
    offset_[static_cast<size_t>(sender)] += bytes;
    return *this;
  }
  template <typename T>
  Captured& Take(const T& what) {
    Chunk chunk;
    chunk.key = key_;
    chunk.time_ns = now_ += kMs;
    chunk.what = what;
    wants_more_ = table_->Take(chunk);
    return *this;
  }

  FlowTable* table_;
  End client_;
  ConnectionKey key_;
  uint64_t now_ = kStart;
  uint32_t offset_[2] = {0, 0};
  bool wants_more_ = true;
};

const Bytes kHello = Hello::Client13().Record();

uint64_t WithoutTls(const FlowTable& table, PlainProtocol protocol) {
  return table.stats().without_tls[static_cast<size_t>(protocol)];
}

TEST(CapturedFlow, EachDialogueGivesOneRecordAndSaysWhatCameBefore) {
  for (const Dialogue& dialogue : Dialogues(kHello)) {
    for (const End client : {End::kLocal, End::kRemote}) {
      SCOPED_TRACE(dialogue.name);
      FlowTable table;
      Captured connection(&table, client);
      connection.Syn();
      for (const Turn& turn : dialogue.turns) turn.by_client ? connection.Client(turn.bytes) : connection.Server(turn.bytes);
      EXPECT_TRUE(connection.wants_more());
      connection.RestOfHandshake13();
      EXPECT_FALSE(connection.wants_more());
      const std::vector<HandshakeRecord> records = Harvested(&table);
      ASSERT_THAT(records, SizeIs(1));
      const HandshakeRecord& record = records[0];
      EXPECT_EQ(record.role, Role::kObserver);
      EXPECT_EQ(record.result, Result::kSuccess);
      EXPECT_EQ(record.starttls, dialogue.before);
      EXPECT_EQ(record.client->port, client == End::kLocal ? 40000 : 443);
      EXPECT_EQ(record.tls.client_hello->server_name, "www.example.com");
      EXPECT_FALSE(record.tls.incomplete);
      EXPECT_EQ(record.tcp_start_ns, kStart);
    }
  }
}

TEST(CapturedFlow, TheRecordDoesNotDependOnWhereSegmentsAreSplit) {
  for (const Dialogue& dialogue : Dialogues(kHello)) {
    SCOPED_TRACE(dialogue.name);
    for (const size_t size : {1, 2, 3, 7, 40}) {
      FlowTable table;
      Captured connection(&table);
      connection.Syn();
      for (const Turn& turn : dialogue.turns) {
        // The hello's own segment is split too.
        for (size_t at = 0; at < turn.bytes.size(); at += size) {
          const Bytes piece(turn.bytes.begin() + static_cast<ptrdiff_t>(at),
                            turn.bytes.begin() + static_cast<ptrdiff_t>(std::min(turn.bytes.size(), at + size)));
          turn.by_client ? connection.Client(piece) : connection.Server(piece);
        }
      }
      connection.RestOfHandshake13();
      const std::vector<HandshakeRecord> records = Harvested(&table);
      ASSERT_THAT(records, SizeIs(1)) << size;
      EXPECT_EQ(records[0].starttls, dialogue.before) << size;
      EXPECT_EQ(records[0].result, Result::kSuccess);
      EXPECT_FALSE(records[0].tls.incomplete);
    }
  }
}

TEST(CapturedFlow, ALateGoAheadIsNotTakenForTheServersAnswer) {
  FlowTable table;
  Captured connection(&table);
  connection.Syn().Server(Text("220 ESMTP\r\n")).Client(Text("EHLO x\r\n")).Server(Text("250 STARTTLS\r\n"));
  connection.Client(Text("STARTTLS\r\n")).Client(kHello).Server(Text("220 go\r\n")).RestOfHandshake13();
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].result, Result::kSuccess);
}

TEST(CapturedFlow, AServerThatAnswersAHelloWithHttpIsAFailure) {
  FlowTable table;
  Captured(&table).Syn().Client(kHello).Server(Text("HTTP/1.1 400 Bad Request\r\n"));
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].reason, FailureReason::kNotTls);
}

TEST(CapturedFlow, AServerThatAnswersTheHelloInPlaintextAfterStarttlsIsAFailure) {
  for (const bool late_go_ahead : {false, true}) {
    FlowTable table;
    Captured connection(&table);
    connection.Syn().Server(Text("220 ESMTP\r\n")).Client(Text("EHLO x\r\n")).Server(Text("250 STARTTLS\r\n"));
    connection.Client(Text("STARTTLS\r\n"));
    if (!late_go_ahead) connection.Server(Text("220 go\r\n"));
    connection.Client(kHello);
    if (late_go_ahead) connection.Server(Text("220 go\r\n"));
    connection.Server(Text("454 4.7.0 TLS not available\r\n")).Client(Text("QUIT\r\n")).Server(Text("221 bye\r\n"));
    connection.TcpEnd({.remote_fin = true});
    const std::vector<HandshakeRecord> records = Harvested(&table);
    ASSERT_THAT(records, SizeIs(1)) << late_go_ahead;
    EXPECT_EQ(records[0].starttls, PlainProtocol::kSmtp);
    EXPECT_EQ(records[0].reason, FailureReason::kNotTls);
    EXPECT_EQ(records[0].failure_side, Sender::kServer);
  }
}

TEST(CapturedFlow, PlainConnectionsAreClassedAndCounted) {
  FlowTable table;
  Captured http(&table, End::kLocal, 1);
  http.Syn().Client(Text("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_TRUE(http.wants_more());
  http.Server(Text("HTTP/1.1 200 OK\r\n\r\n"));
  EXPECT_FALSE(http.wants_more());  // bulk that follows need not be handed on
  http.Client(kHello).TcpEnd();
  Captured(&table, End::kRemote, 2).Syn().Server(Text("SSH-2.0-a\r\n")).TcpEnd();
  Captured(&table, End::kLocal, 3).Syn().TcpEnd();
  Captured(&table, End::kLocal, 4).Syn().Client(Text("*1\r\n$4\r\nPING\r\n"));
  Captured(&table, End::kLocal, 5).Syn().Client(Text("what?"));
  table.Finish(kStart);
  EXPECT_THAT(table.Harvest(), IsEmpty());
  EXPECT_EQ(WithoutTls(table, PlainProtocol::kHttp), 1u);
  EXPECT_EQ(WithoutTls(table, PlainProtocol::kSsh), 1u);
  EXPECT_EQ(WithoutTls(table, PlainProtocol::kNone), 1u);
  EXPECT_EQ(WithoutTls(table, PlainProtocol::kRedis), 1u);
  EXPECT_EQ(WithoutTls(table, PlainProtocol::kUnknown), 1u);
  EXPECT_EQ(table.stats().no_hello, 0u);
}

TEST(CapturedFlow, CiphertextAloneGivesNoRecord) {
  FlowTable table;
  Captured connection(&table);
  connection.JoinedLate();
  for (int i = 0; i < 100 && connection.wants_more(); ++i) connection.ClientSealed(1400).ServerSealed(1400);
  EXPECT_FALSE(connection.wants_more());
  table.Finish(kStart);
  EXPECT_THAT(table.Harvest(), IsEmpty());
  EXPECT_EQ(WithoutTls(table, PlainProtocol::kTls), 1u);
}

TEST(CapturedFlow, AConnectionJoinedAtTheServerHelloGivesWhatTheServerSaid) {
  for (const Bytes& before : {Bytes(), Bytes(300, 0xa5)}) {
    FlowTable table;
    Captured connection(&table, End::kRemote);
    connection.JoinedLate().Client(before).RestOfHandshake13();
    table.Finish(connection.now());
    const std::vector<HandshakeRecord> records = Harvested(&table);
    ASSERT_THAT(records, SizeIs(1));
    EXPECT_EQ(records[0].client->port, 443);  // the other end sent the ServerHello
    EXPECT_FALSE(records[0].tls.client_hello);
    EXPECT_EQ(records[0].tls.cipher->value, 0x1301);
    EXPECT_TRUE(records[0].tls.incomplete);
    EXPECT_EQ(records[0].starttls, PlainProtocol::kNone);
    EXPECT_NE(records[0].result, Result::kAborted);
  }
}

TEST(CapturedFlow, OneDirectionAloneIsNeverAnAbortedHandshake) {
  FlowTable table;
  Captured(&table, End::kLocal, 1).Syn().Client(kHello).ClientSealed(53).ClientSealed(100).TcpEnd();
  Captured(&table, End::kLocal, 2).JoinedLate().Client(kHello).TcpEnd();
  Captured(&table, End::kLocal, 3)
      .JoinedLate()
      .Server(Hello::Server(0xc02f).Record())
      .Server(Record(22, {14, 0, 0, 0}))
      .TcpEnd();
  Captured(&table, End::kLocal, 4).SynUnanswered().Client(kHello).TcpEnd();
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(4));
  for (const HandshakeRecord& record : records) {
    EXPECT_EQ(record.result, Result::kUnknown);
    EXPECT_TRUE(record.tls.incomplete);
  }
}

TEST(CapturedFlow, AServerThatClosesWithoutAWordAbortedTheHandshake) {
  FlowTable table;
  Captured(&table).Syn().Client(kHello).TcpEnd({.remote_fin = true});
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].result, Result::kAborted);
}

TEST(CapturedFlow, AtTheEndOfTheFileTheResultIsUnknownUnlessTheWireTells) {
  FlowTable table;
  Captured(&table, End::kLocal, 1).Syn().Client(kHello);
  Captured(&table, End::kLocal, 2).Syn().Client(kHello).Server(Record(21, {2, 40}));
  Captured(&table, End::kLocal, 3)
      .Syn()
      .Client(kHello)
      .Server(Hello::Server13().Record(0x0303))
      .ServerSealed(900)
      .ClientSealed(53);
  table.Finish(kStart);
  std::vector<Result> results;
  for (const HandshakeRecord& record : Harvested(&table)) results.push_back(record.result);
  EXPECT_THAT(results, ::testing::UnorderedElementsAre(Result::kUnknown, Result::kFailure, Result::kSuccess));
}

TEST(CapturedFlow, SegmentsOutOfOrderAreBroughtIntoOrder) {
  FlowTable table;
  Captured connection(&table);
  const Bytes first(kHello.begin(), kHello.begin() + 60);
  const Bytes second(kHello.begin() + 60, kHello.end());
  connection.Syn().SkipClient(60).Client(second).SkipClient(-static_cast<uint32_t>(kHello.size())).Client(first);
  connection.SkipClient(static_cast<uint32_t>(second.size())).RestOfHandshake13();
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_FALSE(records[0].tls.incomplete);
}

TEST(CapturedFlow, AGapIsGivenUpWhenTimeOrManyBytesHavePassed) {
  for (const bool by_time : {true, false}) {
    FlowTable table;
    Captured connection(&table);
    connection.Syn().Client(kHello).Server(Hello::Server13().Record(0x0303)).SkipServer(1400).ServerSealed(96);
    if (by_time) {
      connection.After(2 * kSecond);
    } else {
      for (int i = 0; i < 50; ++i) connection.ServerSealed(1400);
    }
    connection.ServerSealed(53).ClientSealed(53).ClientSealed(100).ServerSealed(250);
    table.Finish(connection.now());
    const std::vector<HandshakeRecord> records = Harvested(&table);
    ASSERT_THAT(records, SizeIs(1));
    EXPECT_EQ(records[0].result, Result::kSuccess);
    EXPECT_TRUE(records[0].tls.incomplete);
  }
}

TEST(CapturedFlow, SilenceBesideAGapIsNoTimeout) {
  FlowTable table;
  Captured flow(&table);
  flow.Syn().Client(Hello::Client().Record()).Server(Hello::Server(0xc02f).Record()).SkipServer(1000);
  flow.Client(Record(20, {1})).Server(Record(20, {1}));
  table.Advance(flow.now() + kHandshakeTimeoutNs);
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_TRUE(records[0].tls.incomplete);
  EXPECT_EQ(records[0].result, Result::kUnknown);
}

TEST(CapturedFlow, AHelloBehindAGapInThePlaintextIsFound) {
  FlowTable table;
  Captured connection(&table);
  connection.Syn().Server(Text("220 ESMTP\r\n")).Client(Text("EHLO x\r\n")).SkipServer(30).Server(Text("220 go\r\n"));
  connection.SkipClient(10).Client(kHello).After(2 * kSecond).RestOfHandshake13().Client(Record(23, Bytes(10))).TcpEnd();
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].starttls, PlainProtocol::kSmtp);
  EXPECT_EQ(records[0].tls.client_hello->server_name, "www.example.com");
}

TEST(CapturedFlow, PortsThatAreUsedAgainAreAnotherConnection) {
  FlowTable table;
  Captured connection(&table);
  connection.JoinedLate().Syn(1).Client(kHello).RestOfHandshake13();
  connection.Syn(1);  // told again
  connection.Syn(2).Client(Text("EHLO x\r\n")).Server(Text("250 STARTTLS\r\n")).Client(kHello).RestOfHandshake13();
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].starttls, PlainProtocol::kNone);
  EXPECT_EQ(records[1].starttls, PlainProtocol::kSmtp);
}

TEST(CapturedFlow, ACertificateIsReadOnceForAllConnections) {
  FlowTable table;
  const Bytes list = testing::Writer().Prefixed24(testing::Writer().Prefixed24(Bytes(600, 0x30)));
  for (const uint16_t port : {1, 2}) {
    Captured connection(&table, End::kLocal, port);
    connection.Syn().Client(kHello).Server(Hello::Server(0xc02f).Record()).Server(Record(22, testing::Message(11, list)));
    connection.TcpEnd();
  }
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(2));
  ASSERT_NE(records[0].tls.server_certificates.leaf(), nullptr);
  EXPECT_EQ(records[0].tls.server_certificates.leaf(), records[1].tls.server_certificates.leaf());
}

TEST(CapturedFlow, IsNotFollowedForLongerThanItsCeilingOfBytes) {
  FlowTable table;
  Captured connection(&table);
  connection.Syn().Client(kHello);
  size_t records = 0;
  while (connection.wants_more()) {
    connection.ClientSealed(16000);  // early data without an end
    ASSERT_LE(++records, kMaxFollowedBytes / 16000 + 1);
  }
  EXPECT_THAT(table.Harvest(), SizeIs(1));
}

TEST(CapturedFlow, MemoryIsFlatInTheNumberOfHandshakesAtOneTime) {
  FlowTable table;
  size_t records = 0;
  for (int i = 0; i < 200'000; ++i) {
    Captured connection(&table, End::kLocal, static_cast<uint16_t>(i));
    connection.Syn(static_cast<uint32_t>(i)).Client(kHello).Server(Hello::Server13().Record(0x0303)).ServerSealed(900);
    connection.ClientSealed(53);  // established, not settled: the clock of this file stands still
    records += table.Harvest().size();
    ASSERT_LE(table.stats().tracked, kMaxFlows);
  }
  table.Finish(kStart);
  records += table.Harvest().size();
  EXPECT_EQ(records, 200'000u);
}

}  // namespace
}  // namespace tlsmeter::agent
