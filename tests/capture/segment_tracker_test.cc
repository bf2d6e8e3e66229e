#include "src/capture/segment_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tlsmeter::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kStart = 1'800'000'000 * kSecond;
constexpr uint8_t kSyn = tcp_flag::kSyn, kAck = tcp_flag::kAck, kFin = tcp_flag::kFin, kRst = tcp_flag::kRst;

SocketAddress Address(uint8_t last, uint16_t port) {
  const uint8_t ip[4] = {10, 0, 0, last};
  return {MappedIpv4(ip), port};
}

// Segments of one connection, and what the tracker says to each as text: "open", "data SENDER@OFFSET:BYTES", "stop".
class SegmentTrackerTest : public ::testing::Test {
 protected:
  using Said = std::vector<std::string>;

  Said Client(uint8_t flags, uint32_t seq, std::string_view text = "", uint32_t ack = 0) {
    return Send(client_, server_, flags, seq, text, ack);
  }
  Said Server(uint8_t flags, uint32_t seq, std::string_view text = "", uint32_t ack = 0) {
    return Send(server_, client_, flags, seq, text, ack);
  }
  Said Send(const SocketAddress& from, const SocketAddress& to, uint8_t flags, uint32_t seq, std::string_view text,
            uint32_t ack, size_t cut = 0) {
    TcpSegment segment{
        .source = from, .destination = to, .seq = seq, .ack = ack, .flags = flags, .length = text.size(), .payload = {}};
    segment.payload = {reinterpret_cast<const uint8_t*>(text.data()), text.size() - cut};
    Said said;
    for (const Chunk& chunk : tracker_.Take(now_, segment)) {
      EXPECT_EQ(chunk.time_ns, now_);
      EXPECT_EQ(chunk.key.cookie, 0u);
      EXPECT_LT(chunk.key.low, chunk.key.high);
      said.push_back(Describe(chunk));
    }
    return said;
  }
  std::string Describe(const Chunk& chunk) {
    if (const auto* open = std::get_if<OpenChunk>(&chunk.what)) {
      open_ = *open;
      EXPECT_FALSE(open->watched);
      EXPECT_EQ(open->local, chunk.key.low);
      EXPECT_EQ(open->remote, chunk.key.high);
      return "open";
    }
    if (const auto* data = std::get_if<DataChunk>(&chunk.what)) {
      data_ = *data;
      const SocketAddress& sender = data->sender == End::kLocal ? chunk.key.low : chunk.key.high;
      return std::string("data ") + (sender == client_ ? "client" : "server") + "@" + std::to_string(data->offset) + ":" +
             std::string(data->bytes.begin(), data->bytes.end());
    }
    stop_ = std::get<StopChunk>(chunk.what);
    return stop_.why == StopChunk::Why::kTcpEnd ? "stop" : "limit";
  }
  // SYN, SYN-ACK, ACK, a millisecond apart.
  void Handshake(uint32_t client_isn, uint32_t server_isn) {
    EXPECT_THAT(Client(kSyn, client_isn), IsEmpty());
    now_ += kMs;
    EXPECT_THAT(Server(kSyn | kAck, server_isn, "", client_isn + 1), IsEmpty());
    now_ += kMs;
    EXPECT_THAT(Client(kAck, client_isn + 1, "", server_isn + 1), IsEmpty());
    now_ += kMs;
  }

  SegmentTracker tracker_;
  SocketAddress client_ = Address(1, 40000);
  SocketAddress server_ = Address(2, 443);
  uint64_t now_ = kStart;
  OpenChunk open_;
  DataChunk data_;
  StopChunk stop_;
};

TEST_F(SegmentTrackerTest, TellsWhoOpenedWhenAndWithWhichNumber) {
  for (const bool client_is_low : {true, false}) {
    if (!client_is_low) client_ = Address(3, 40000);
    const uint64_t begin = now_;
    Handshake(1000, 5000);
    EXPECT_THAT(Client(kAck, 1001, "hello", 5001), ElementsAre("open", "data client@0:hello"));
    EXPECT_EQ(open_.initiator, client_is_low ? End::kLocal : End::kRemote);
    EXPECT_EQ(open_.syn_seq, 1000u);
    EXPECT_EQ(open_.syn_ns, begin);
    EXPECT_EQ(open_.established_ns, begin + 2 * kMs);
    EXPECT_THAT(Server(kAck, 5001, "world", 1006), ElementsAre("data server@0:world"));
    EXPECT_THAT(Client(kAck, 1006, "!", 5006), ElementsAre("data client@5:!"));
  }
}

TEST_F(SegmentTrackerTest, AConnectionWithoutDataIsNotTold) {
  Handshake(1000, 5000);
  EXPECT_THAT(Client(kFin | kAck, 1001, "", 5001), IsEmpty());
  EXPECT_THAT(Server(kFin | kAck, 5001, "", 1002), IsEmpty());
  EXPECT_THAT(Server(kRst, 5001), IsEmpty());
}

TEST_F(SegmentTrackerTest, AcksAloneMakeNoConnection) {
  EXPECT_THAT(Client(kAck, 1001, "", 5001), IsEmpty());
  EXPECT_THAT(Server(kFin | kAck, 5001), IsEmpty());
  EXPECT_EQ(tracker_.stats().connections, 0u);
}

TEST_F(SegmentTrackerTest, ConnectionsThatAreMetInMidStreamCountFromTheFirstByteAndTheAck) {
  EXPECT_THAT(Client(kAck, 7000, "abc", 9000), ElementsAre("open", "data client@0:abc"));
  EXPECT_FALSE(open_.initiator);
  EXPECT_FALSE(open_.syn_seq);
  EXPECT_EQ(open_.syn_ns, 0u);
  EXPECT_THAT(Server(kAck, 9003, "late", 7003), ElementsAre("data server@3:late"));
  EXPECT_THAT(Server(kAck, 9000, "new", 7003), ElementsAre("data server@0:new"));
}

TEST_F(SegmentTrackerTest, BytesBeforeTheBeginningAreLeftOut) {
  EXPECT_THAT(Client(kAck, 7000, "abc", 9000), ElementsAre("open", "data client@0:abc"));
  EXPECT_THAT(Client(kAck, 6998, "xyabcd", 9000), ElementsAre("data client@0:abcd"));
  EXPECT_THAT(Client(kAck, 6990, "old", 9000), IsEmpty());
}

TEST_F(SegmentTrackerTest, TheSynAckAloneTellsTheInitiator) {
  EXPECT_THAT(Server(kSyn | kAck, 5000, "", 1001), IsEmpty());
  EXPECT_THAT(Client(kAck, 1004, "lo", 5001), ElementsAre("open", "data client@3:lo"));
  EXPECT_EQ(open_.initiator, End::kLocal);
  EXPECT_EQ(open_.syn_seq, 1000u);
  EXPECT_EQ(open_.syn_ns, 0u);
  EXPECT_EQ(open_.established_ns, 0u);
}

TEST_F(SegmentTrackerTest, WithoutTheSynAckNothingSaysThatTcpWasEstablished) {
  EXPECT_THAT(Client(kSyn, 1000), IsEmpty());
  EXPECT_THAT(Client(kAck, 1001, "", 5001), IsEmpty());
  EXPECT_THAT(Client(kAck, 1001, "hello", 5001), ElementsAre("open", "data client@0:hello"));
  EXPECT_EQ(open_.syn_ns, kStart);
  EXPECT_EQ(open_.established_ns, 0u);
}

TEST_F(SegmentTrackerTest, ASynThatComesAfterItsDataCompletesTheOpening) {
  EXPECT_THAT(Client(kAck, 1001, "hello", 5001), ElementsAre("open", "data client@0:hello"));
  EXPECT_FALSE(open_.initiator);
  EXPECT_THAT(Client(kSyn, 1000), ElementsAre("open"));
  EXPECT_EQ(open_.initiator, End::kLocal);
  EXPECT_THAT(Client(kSyn, 1000), IsEmpty());
}

TEST_F(SegmentTrackerTest, DataInTheSynCountsFromZero) {
  EXPECT_THAT(Client(kSyn, 1000, "fast"), ElementsAre("open", "data client@0:fast"));
  EXPECT_THAT(Client(kAck, 1005, "er", 5001), ElementsAre("data client@4:er"));
}

TEST_F(SegmentTrackerTest, KeepAliveProbesMakeNoData) {
  Handshake(1000, 5000);
  EXPECT_THAT(Client(kAck, 1000, "", 5001), IsEmpty());
  EXPECT_THAT(Client(kAck, 1000, std::string_view("\0", 1), 5001), IsEmpty());
  EXPECT_THAT(Client(kAck, 1001, "hello", 5001), ElementsAre("open", "data client@0:hello"));
}

TEST_F(SegmentTrackerTest, SequenceNumbersWrap) {
  Handshake(0xffffffff, 0xfffffffd);
  EXPECT_THAT(Client(kAck, 0, "hello", 0xfffffffe), ElementsAre("open", "data client@0:hello"));
  EXPECT_THAT(Server(kAck, 0xfffffffe, "ab", 5), ElementsAre("data server@0:ab"));
  EXPECT_THAT(Server(kAck, 0, "cd", 5), ElementsAre("data server@2:cd"));
}

TEST_F(SegmentTrackerTest, PassesOnWhatIsOutOfOrderOrSentAgain) {
  Handshake(1000, 5000);
  EXPECT_THAT(Client(kAck, 1004, "def", 5001), ElementsAre("open", "data client@3:def"));
  EXPECT_THAT(Client(kAck, 1001, "abc", 5001), ElementsAre("data client@0:abc"));
  EXPECT_THAT(Client(kAck, 1001, "abc", 5001), ElementsAre("data client@0:abc"));
}

TEST_F(SegmentTrackerTest, MarksSegmentsThatBeginLikeARecord) {
  Handshake(1000, 5000);
  Client(kAck, 1001, std::string_view("\x16\x03\x01\x01\x00\x01", 6), 5001);
  EXPECT_TRUE(data_.record_boundary);
  Client(kAck, 1007, std::string_view("\x16\x16\x03\x01\x01\x00", 6), 5001);
  EXPECT_FALSE(data_.record_boundary);
}

TEST_F(SegmentTrackerTest, TellsHowTcpEnded) {
  Handshake(1000, 5000);
  Client(kAck, 1001, "hello", 5001);
  EXPECT_THAT(Server(kFin | kAck, 5001, "bye", 1006), ElementsAre("data server@0:bye"));
  EXPECT_THAT(Client(kFin | kAck, 1006, "", 5005), ElementsAre("stop"));
  EXPECT_TRUE(stop_.tcp_end.remote_fin);
  EXPECT_FALSE(stop_.tcp_end.local_fin);
  EXPECT_FALSE(stop_.tcp_end.local_reset || stop_.tcp_end.remote_reset);
  // Stragglers make no new connection.
  EXPECT_THAT(Client(kAck, 1001, "hello", 5001), IsEmpty());
  EXPECT_THAT(Server(kRst, 5005), IsEmpty());
  EXPECT_EQ(tracker_.stats().connections, 1u);
}

TEST_F(SegmentTrackerTest, AResetEndsAtOnce) {
  Handshake(1000, 5000);
  Client(kAck, 1001, "hello", 5001);
  EXPECT_THAT(Server(kRst, 5001), ElementsAre("stop"));
  EXPECT_TRUE(stop_.tcp_end.remote_reset);
  EXPECT_FALSE(stop_.tcp_end.remote_fin || stop_.tcp_end.local_reset);
}

TEST_F(SegmentTrackerTest, AnotherSynIsAnotherConnection) {
  Handshake(1000, 5000);
  Client(kAck, 1001, "hello", 5001);
  EXPECT_THAT(Client(kSyn, 1000), IsEmpty());            // sent again
  EXPECT_THAT(Client(kSyn, 2000), ElementsAre("stop"));  // of a connection whose end was not seen
  EXPECT_FALSE(stop_.tcp_end.local_fin || stop_.tcp_end.remote_fin || stop_.tcp_end.local_reset ||
               stop_.tcp_end.remote_reset);
  EXPECT_THAT(Server(kSyn | kAck, 8000, "", 2001), IsEmpty());
  EXPECT_THAT(Client(kAck, 2001, "again", 8001), ElementsAre("open", "data client@0:again"));
  EXPECT_EQ(open_.syn_seq, 2000u);
  EXPECT_THAT(Client(kRst, 2006), ElementsAre("stop"));
  EXPECT_THAT(Server(kSyn, 3000), IsEmpty());  // the ports once more, the other way round
  EXPECT_THAT(Server(kAck, 3001, "hi", 1), ElementsAre("open", "data server@0:hi"));
  EXPECT_EQ(open_.initiator, End::kRemote);
  EXPECT_EQ(tracker_.stats().connections, 3u);
}

TEST_F(SegmentTrackerTest, AMutedConnectionTellsItsEndOnly) {
  Handshake(1000, 5000);
  Client(kAck, 1001, "hello", 5001);
  tracker_.Mute();
  EXPECT_THAT(Client(kAck, 1006, "more", 5001), IsEmpty());
  EXPECT_THAT(Client(kRst, 1010), ElementsAre("stop"));
  Handshake(3000, 9000);
  EXPECT_THAT(Client(kAck, 3001, "new", 9001), ElementsAre("open", "data client@0:new"));
}

TEST_F(SegmentTrackerTest, StopsFarIntoTheStream) {
  Handshake(1000, 5000);
  Client(kAck, 1001, "hello", 5001);
  EXPECT_THAT(Client(kAck, 1001 + kMaxStreamBytes, "x", 5001), ElementsAre("data client@1048576:x"));
  EXPECT_THAT(Client(kAck, 1002 + kMaxStreamBytes, "x", 5001), ElementsAre("limit"));
  EXPECT_THAT(Server(kAck, 5001, "x", 1), IsEmpty());
  EXPECT_THAT(Server(kRst, 5001), ElementsAre("stop"));
}

TEST_F(SegmentTrackerTest, CountsPayloadsThatWereCut) {
  Handshake(1000, 5000);
  EXPECT_THAT(Send(client_, server_, kAck, 1001, "hello", 5001, 3), ElementsAre("open", "data client@0:he"));
  EXPECT_THAT(Send(client_, server_, kAck, 1006, "hello", 5001, 5), IsEmpty());
  EXPECT_EQ(tracker_.stats().cut_segments, 2u);
}

TEST_F(SegmentTrackerTest, KnowsAConnectionForAMinuteOfSilence) {
  Handshake(1000, 5000);
  now_ += kConnectionIdleNs;
  EXPECT_THAT(Client(kAck, 1001, "hello", 5001), ElementsAre("open", "data client@0:hello"));
  EXPECT_EQ(open_.initiator, End::kLocal);
  EXPECT_EQ(tracker_.stats().forgotten, 0u);
}

TEST_F(SegmentTrackerTest, ForgetsWhatIsIdle) {
  Handshake(1000, 5000);
  for (int i = 0; i < 2; ++i) {
    now_ += kConnectionIdleNs + 1;
    Send(Address(9, 9), server_, kSyn, 1, "", 0);
  }
  EXPECT_THAT(Client(kAck, 1001, "hello", 5001), ElementsAre("open", "data client@0:hello"));
  EXPECT_FALSE(open_.initiator);  // met anew
}

TEST_F(SegmentTrackerTest, ClearForgetsAll) {
  Handshake(1000, 5000);
  tracker_.Clear();
  tracker_.Mute();  // of no connection
  EXPECT_THAT(Client(kAck, 1001, "hello", 5001), ElementsAre("open", "data client@0:hello"));
  EXPECT_FALSE(open_.initiator);
}

TEST_F(SegmentTrackerTest, AFloodOfSynsIsBoundedAndCounted) {
  Handshake(1000, 5000);
  const auto flood = [this](uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      Send(Address(static_cast<uint8_t>(3 + i / 60000), static_cast<uint16_t>(1 + i % 60000)), server_, kSyn, i, "", 0);
    }
  };
  flood(kMaxConnections / 2);
  EXPECT_EQ(tracker_.stats().forgotten, 0u);
  EXPECT_THAT(Client(kAck, 1001, "hello", 5001), ElementsAre("open", "data client@0:hello"));
  EXPECT_TRUE(open_.initiator);  // what is in use stays
  flood(kMaxConnections);
  EXPECT_GE(tracker_.stats().forgotten, kMaxConnections / 2 - 1);
}

}  // namespace
}  // namespace tlsmeter::agent
