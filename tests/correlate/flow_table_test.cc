#include "src/correlate/flow_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/correlate/harvested.h"
#include "tests/tls/message_builder.h"

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

// One watched connection, as the live source tells it.
class Connection {
 public:
  Connection(FlowTable* table, uint64_t cookie, End client = End::kLocal) : table_(table), client_(client) {
    key_.cookie = cookie;
  }

  Connection& Open() {
    OpenChunk open;
    open.local = Address(1, 40000);
    open.remote = Address(2, 443);
    open.hello_sender = client_;
    open.initiator = client_;
    open.syn_ns = kStart - 2 * kMs;
    open.established_ns = kStart - kMs;
    return Take(open);
  }
  Connection& OwnedBy(uint32_t pid, std::string_view comm = "curl") { return Take(OwnerChunk{pid, 1, 2, 0, comm}); }
  Connection& Client(const Bytes& bytes) { return Send(client_, bytes); }
  Connection& Server(const Bytes& bytes) { return Send(Other(client_), bytes); }
  Connection& ClientSealed(uint16_t length) { return SendRecord(client_, length); }
  Connection& ServerSealed(uint16_t length) { return SendRecord(Other(client_), length); }
  Connection& SkipServer(uint32_t bytes) {
    offset_[static_cast<size_t>(Other(client_))] += bytes;
    return *this;
  }
  Connection& Stop(StopChunk stop) { return Take(stop); }
  Connection& TcpEnd(StopChunk::TcpEnd end) {
    return Take(StopChunk{.why = StopChunk::Why::kTcpEnd, .sender = End::kLocal, .tcp_end = end});
  }
  Connection& After(uint64_t ns) {
    now_ += ns;
    return *this;
  }
  // Hello to the client's Finished of TLS 1.3.
  Connection& Handshake13() {
    Client(Hello::Client13().Record()).After(kMs);
    Server(Hello::Server13().Record(0x0303)).ServerSealed(23).ServerSealed(900).ServerSealed(96).ServerSealed(53).After(kMs);
    return ClientSealed(53);
  }
  uint64_t now() const { return now_; }

  template <typename T>
  Connection& Take(const T& what) {
    Chunk chunk;
    chunk.key = key_;
    chunk.time_ns = now_;
    chunk.what = what;
    table_->Take(chunk);
    return *this;
  }

 private:
  static SocketAddress Address(uint8_t last, uint16_t port) {
    SocketAddress address;
    address.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, last};
    address.port = port;
    return address;
  }
  Connection& Send(End sender, const Bytes& bytes) {
    uint32_t& offset = offset_[static_cast<size_t>(sender)];
    Take(DataChunk{sender, offset, true, bytes});
    offset += static_cast<uint32_t>(bytes.size());
    return *this;
  }
  Connection& SendRecord(End sender, uint16_t length) {
    uint32_t& offset = offset_[static_cast<size_t>(sender)];
    Take(RecordChunk{sender, offset, 23, length});
    offset += 5u + length;
    return *this;
  }

  FlowTable* table_;
  ConnectionKey key_;
  End client_;
  uint64_t now_ = kStart;
  uint32_t offset_[2] = {0, 0};
};

TEST(FlowTable, GivesOneRecordWithEverythingOfAHandshake) {
  FlowTable table;
  Connection(&table, 1).Open().OwnedBy(7).Handshake13().After(kMs).ClientSealed(100).ServerSealed(250);
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(1));
  const HandshakeRecord& record = records[0];
  EXPECT_EQ(record.role, Role::kClient);
  EXPECT_EQ(record.result, Result::kSuccess);
  EXPECT_EQ(record.owner.pid, 7u);
  EXPECT_EQ(record.owner.comm, "curl");
  EXPECT_EQ(record.client->port, 40000);
  EXPECT_EQ(record.server->port, 443);
  EXPECT_EQ(record.tls.client_hello->server_name, "www.example.com");
  EXPECT_DOUBLE_EQ(*TcpSeconds(record), 0.001);
  EXPECT_DOUBLE_EQ(*ServerFlightSeconds(record), 0.001);
  EXPECT_DOUBLE_EQ(*ClientFlightSeconds(record), 0.002);
  EXPECT_DOUBLE_EQ(*HandshakeSeconds(record), 0.002);
  EXPECT_DOUBLE_EQ(*FirstAppByteSeconds(record), 0.004);
  EXPECT_THAT(table.Harvest(), IsEmpty());
}

TEST(FlowTable, SaysWhenNoMoreBytesAreWanted) {
  FlowTable table;
  Chunk chunk;
  chunk.key.cookie = 1;
  chunk.time_ns = kStart;
  chunk.what = OwnerChunk{7, 1, 2, 0, "curl"};
  EXPECT_TRUE(table.Take(chunk));
  Connection connection(&table, 1);
  connection.Open().Handshake13();
  EXPECT_TRUE(table.Take(chunk));  // the first application data can still come
  connection.ClientSealed(100).ServerSealed(250);
  EXPECT_FALSE(table.Take(chunk));
}

TEST(FlowTable, BothSidesOfOneHostAreTwoRecords) {
  FlowTable table;
  for (const auto& [cookie, client] : {std::pair{1, End::kLocal}, {2, End::kRemote}}) {
    Connection(&table, cookie, client).Open().OwnedBy(7).Handshake13().ClientSealed(100).ServerSealed(250);
  }
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].role, Role::kClient);
  EXPECT_EQ(records[1].role, Role::kServer);
  EXPECT_EQ(records[0].tls.client_hello->random, records[1].tls.client_hello->random);
  EXPECT_EQ(records[1].client->port, 443);  // the remote end sent the hello
}

TEST(FlowTable, TellsWhichHandshakesItStillFollows) {
  FlowTable table;
  EXPECT_THAT(table.Followed(), IsEmpty());
  const Bytes hello = Hello::Client13().Record();
  Connection begun(&table, 1, End::kRemote);
  begun.Open().Client(Bytes(hello.begin(), hello.begin() + 20));
  Connection complete(&table, 2);
  complete.Open().OwnedBy(7).Client(hello).Server(Hello::Server13().Record(0x0303));
  std::vector<HandshakeIdentity> followed = table.Followed();
  ASSERT_THAT(followed, SizeIs(2));
  EXPECT_EQ(followed[0].role, Role::kServer);
  EXPECT_EQ(followed[0].pid, 0u);
  EXPECT_EQ(followed[0].local->port, 40000);
  EXPECT_EQ(followed[0].remote->port, 443);
  EXPECT_FALSE(followed[0].client_random || followed[0].server_random);
  EXPECT_EQ(followed[1].role, Role::kClient);
  EXPECT_EQ(followed[1].pid, 7u);
  begun.TcpEnd({.remote_fin = true});
  complete.TcpEnd({.remote_fin = true});
  EXPECT_THAT(table.Followed(), IsEmpty());
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(followed[1].client_random, records[0].tls.client_hello->random);
  EXPECT_EQ(followed[1].server_random, records[0].tls.server_hello->random);
}

TEST(FlowTable, WaitsForTheOwnerAndThenNoLonger) {
  FlowTable table;
  Connection late(&table, 1, End::kRemote);
  late.Open().Handshake13().ClientSealed(100).ServerSealed(250);
  EXPECT_THAT(table.Harvest(), IsEmpty());
  late.OwnedBy(9, "nginx");
  ASSERT_THAT(table.Harvest(), SizeIs(1));

  Connection never(&table, 2, End::kRemote);
  never.Open().Handshake13().ClientSealed(100).ServerSealed(250);
  table.Advance(never.now() + kSettleNs);
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].owner.pid, 0u);
  EXPECT_EQ(table.stats().owner_unknown, 1u);
}

TEST(FlowTable, TakesTheOpeningAfterTheData) {
  FlowTable table;
  Connection connection(&table, 1);
  connection.OwnedBy(7).Handshake13().ClientSealed(100).ServerSealed(250);
  EXPECT_THAT(table.Harvest(), IsEmpty());
  connection.Open();
  ASSERT_THAT(table.Harvest(), SizeIs(1));
}

TEST(FlowTable, HoldsASuccessUntilTheServerCouldHaveRefusedTheClient) {
  FlowTable table;
  Connection(&table, 1).Open().OwnedBy(7).Handshake13().After(kMs).ClientSealed(100).After(kMs).ServerSealed(19);
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].result, Result::kFailure);
  EXPECT_EQ(records[0].reason, FailureReason::kClientCertificateRejected);
  EXPECT_TRUE(records[0].inferred);
}

TEST(FlowTable, ReportsAnEstablishedHandshakeThatStaysSilent) {
  FlowTable table;
  Connection connection(&table, 1);
  connection.Open().OwnedBy(7).Handshake13();
  table.Advance(connection.now() + kSettleNs - 1);
  EXPECT_THAT(table.Harvest(), IsEmpty());
  table.Advance(connection.now() + kSettleNs);
  ASSERT_THAT(table.Harvest(), SizeIs(1));
  connection.After(2 * kSecond).ClientSealed(100).ServerSealed(250);  // stragglers begin nothing new
  table.Advance(connection.now() + 2 * kSettleNs);
  EXPECT_THAT(table.Harvest(), IsEmpty());
  EXPECT_EQ(table.stats().tracked, 1u);
  table.Advance(connection.now() + kForgetNs);
  EXPECT_EQ(table.stats().tracked, 0u);
}

TEST(FlowTable, AnAlertIsTheCauseAndNotTheEndOfTcpAfterIt) {
  FlowTable table;
  Connection(&table, 1)
      .Open()
      .OwnedBy(7)
      .Client(Hello::Client13().Record())
      .Server(Record(21, {2, 70}))
      .TcpEnd({.remote_fin = true});
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].reason, FailureReason::kProtocolVersion);
  EXPECT_EQ(table.stats().tracked, 0u);
}

TEST(FlowTable, TheEndOfTcpAbortsAHandshake) {
  FlowTable table;
  Connection(&table, 1).Open().OwnedBy(7).Client(Hello::Client13().Record()).TcpEnd({.remote_reset = true});
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].result, Result::kAborted);
  EXPECT_EQ(records[0].reason, FailureReason::kPeerReset);
}

TEST(FlowTable, AHandshakeInWhichNothingMovesTimesOut) {
  FlowTable table;
  Connection connection(&table, 1);
  connection.Open().OwnedBy(7).Client(Hello::Client13().Record());
  table.Advance(connection.now() + kHandshakeTimeoutNs - 1);
  EXPECT_THAT(table.Harvest(), IsEmpty());
  table.Advance(connection.now() + kHandshakeTimeoutNs);
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].result, Result::kAborted);
  EXPECT_EQ(records[0].reason, FailureReason::kTimeout);
}

TEST(FlowTable, AHandshakeThatDripsForEverIsDecidedToo) {
  FlowTable table;
  Connection connection(&table, 1);
  connection.Open().OwnedBy(7);
  const Bytes hello = Hello::Client13().Record();
  for (size_t i = 0; i < 40 && table.stats().handshakes + table.stats().no_hello == 0; ++i) {
    connection.Client({hello[i]}).After(30 * kSecond);
    table.Advance(connection.now());
  }
  EXPECT_EQ(table.stats().handshakes + table.stats().no_hello, 1u);
}

TEST(FlowTable, AServerThatSpeaksAnotherProtocolIsAFailure) {
  FlowTable table;
  Connection(&table, 1)
      .Open()
      .OwnedBy(7)
      .Client(Hello::Client13().Record())
      .Stop({.why = StopChunk::Why::kNotTls, .sender = End::kRemote, .tcp_end = {}});
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].reason, FailureReason::kNotTls);
}

TEST(FlowTable, BytesThatOnlyBeganLikeAHelloAreNoHandshake) {
  FlowTable table;
  Connection(&table, 1).Open().OwnedBy(7).Client({0x16, 3, 1}).TcpEnd({.local_fin = true});
  Connection(&table, 2).Open().OwnedBy(7).Client({0x16, 3, 1, 0, 0, 1});
  table.Finish(kStart);
  EXPECT_THAT(table.Harvest(), IsEmpty());
  EXPECT_EQ(table.stats().no_hello, 2u);
}

TEST(FlowTable, MissingBytesMakeTheResultUnknownAndAreCounted) {
  FlowTable table;
  Connection(&table, 1)
      .Open()
      .OwnedBy(7)
      .Client(Hello::Client13().Record())
      .SkipServer(100)
      .ServerSealed(900)
      .Stop({.why = StopChunk::Why::kLimit, .sender = End::kLocal, .tcp_end = {}});
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].result, Result::kUnknown);
  EXPECT_TRUE(records[0].tls.incomplete);
  EXPECT_EQ(table.stats().incomplete, 1u);
  EXPECT_EQ(table.stats().buffered_bytes, 0u);
}

TEST(FlowTable, AGapIsGivenUpWhenTheStreamGoesOn) {
  FlowTable table;
  Connection connection(&table, 1);
  connection.Open().OwnedBy(7).Client(Hello::Client13().Record()).Server(Hello::Server13().Record(0x0303));
  connection.SkipServer(5000).ServerSealed(96).After(2 * kSecond).ServerSealed(53).ClientSealed(53).After(kMs);
  connection.ClientSealed(100).ServerSealed(250);
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].result, Result::kSuccess);
  EXPECT_TRUE(records[0].tls.incomplete);
}

TEST(FlowTable, ANewSynWithAnotherNumberIsANewConnection) {
  FlowTable table;
  const Bytes hello = Hello::Client13().Record();
  ConnectionKey key;  // of a capture file: the two ends, no cookie
  key.low.port = 40000;
  key.high.port = 443;
  const auto take = [&](auto what) {
    Chunk chunk;
    chunk.key = key;
    chunk.time_ns = kStart;
    chunk.what = what;
    table.Take(chunk);
  };
  OpenChunk open;
  open.watched = false;
  open.local = key.low;
  open.remote = key.high;
  open.initiator = End::kLocal;
  for (const uint32_t syn : {1000u, 1000u, 5000u}) {  // the second is a retransmission
    open.syn_seq = syn;
    take(open);
    take(DataChunk{End::kLocal, 0, false, hello});
  }
  table.Finish(kStart);
  const std::vector<HandshakeRecord> records = Harvested(&table);
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].role, Role::kObserver);
  EXPECT_EQ(records[0].tls.client_hello_count, 1);
}

TEST(FlowTable, AMillionConnectionsThatNeverFinishStayWithinTheCeiling) {
  FlowTable table;
  const Bytes hello = Hello::Client13().Record();
  uint64_t records = 0;
  for (uint64_t i = 1; i <= 1'000'000; ++i) {
    Connection(&table, i).Open().OwnedBy(7).Client(hello);
    ASSERT_LE(table.stats().tracked, kMaxFlows);
    if (i % 1000 == 0) records += table.Harvest().size();
  }
  table.Finish(kStart);
  records += table.Harvest().size();
  EXPECT_EQ(records, 1'000'000u);  // each is told, as unknown
  EXPECT_EQ(table.stats().evicted[static_cast<size_t>(Eviction::kTableFull)], 1'000'000u - kMaxFlows);
  EXPECT_EQ(table.stats().tracked, 0u);
  EXPECT_EQ(table.stats().buffered_bytes, 0u);
}

TEST(FlowTable, BytesOutOfOrderStayWithinTheCeiling) {
  FlowTable table;
  const Bytes block(60000, 0);
  for (uint64_t i = 1; i <= 1000; ++i) {
    Connection connection(&table, i);
    connection.Open().OwnedBy(7).Client(Hello::Client13().Record()).SkipServer(10).Server(block).Server({1, 2, 3});
    ASSERT_LE(table.stats().buffered_bytes, kMaxBufferedBytes + block.size());
  }
  EXPECT_GT(table.stats().dropped_pieces, 0u);
  table.Finish(kStart);
  EXPECT_EQ(table.stats().buffered_bytes, 0u);
}

TEST(FlowTable, NeitherCrashesNorLeaksOnAnyOrderOfChunks) {
  std::mt19937 random(7);
  FlowTable table;
  const Bytes hello = Hello::Client13().Record();
  uint64_t now = kStart;
  for (int i = 0; i < 200'000; ++i) {
    Connection connection(&table, 1 + random() % 50, random() % 2 == 0 ? End::kLocal : End::kRemote);
    connection.After(now - kStart);
    switch (random() % 8) {
      case 0:
        connection.Open();
        break;
      case 1:
        connection.OwnedBy(1 + random() % 3);
        break;
      case 2:
        connection.Client(hello);
        break;
      case 3:
        connection.SkipServer(random() % 100).Server(Hello::Server13().Record(0x0303));
        break;
      case 4:
        connection.SkipServer(random() % 1000).ServerSealed(random() % 100);
        break;
      case 5:
        connection.ClientSealed(random() % 100);
        break;
      case 6:
        connection.Stop({.why = static_cast<StopChunk::Why>(random() % 4), .sender = End::kLocal, .tcp_end = {}});
        break;
      default:
        table.Advance(now += random() % kSecond);
    }
    table.Harvest();
  }
  table.Finish(now);
  EXPECT_EQ(table.stats().tracked, 0u);
  EXPECT_EQ(table.stats().buffered_bytes, 0u);
}

}  // namespace
}  // namespace tlsmeter::agent
