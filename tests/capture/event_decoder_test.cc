#include "src/capture/event_decoder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "bpf/events.h"

namespace tlsmeter::agent {
namespace {

constexpr int64_t kEpochOffset = 1'000'000;

tm_event_header Header(uint8_t kind, uint8_t direction = TM_IN, uint8_t flags = 0) {
  tm_event_header header = {};
  header.time_ns = 500;
  header.flow = 42;
  header.version = TM_EVENTS_VERSION;
  header.kind = kind;
  header.direction = direction;
  header.flags = flags;
  return header;
}

template <typename T>
std::vector<uint8_t> Bytes(const T& event, std::vector<uint8_t> room = {}) {
  std::vector<uint8_t> out(sizeof(T));
  std::memcpy(out.data(), &event, sizeof(T));
  out.insert(out.end(), room.begin(), room.end());
  return out;
}

tm_open_event OpenEvent() {
  tm_open_event open = {};
  open.header = Header(TM_EVENT_OPEN, TM_OUT, TM_OPEN_CONNECTED);
  const uint8_t local[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};
  std::memcpy(open.address.local_ip, local, 16);
  open.address.local_port = 40000;
  open.address.remote_port = 443;
  open.owner.tgid = 7;
  open.owner.start_time_ns = 99;
  open.owner.cgroup_id = 1234;
  open.owner.uid = 33;
  std::memcpy(open.owner.comm, "curl", 4);
  open.syn_ns = 100;
  open.established_ns = 200;
  open.from[TM_IN] = 11;
  open.from[TM_OUT] = 22;
  return open;
}

tm_data_event DataEvent(uint32_t length, uint32_t marks) {
  tm_data_event data = {};
  data.header = Header(TM_EVENT_DATA, TM_IN, TM_DATA_RECORD);
  data.offset = 1000;
  data.length = length;
  data.mark_count = marks;
  for (uint32_t i = 0; i < TM_MARKS; ++i) {
    data.marks[i].offset = 2000 + i;
    data.marks[i].length = static_cast<uint16_t>(100 + i);
    data.marks[i].type = 23;
  }
  return data;
}

TEST(EventDecoder, OpensWithAddressesOwnerAndEpochTimes) {
  DecodedEvent out;
  const std::vector<uint8_t> bytes = Bytes(OpenEvent());
  ASSERT_TRUE(EventDecoder(kEpochOffset).Decode(bytes, &out));
  ASSERT_EQ(out.count, 2u);
  EXPECT_EQ(out.chunks[0].key.cookie, 42u);
  EXPECT_EQ(out.chunks[0].time_ns, 1'000'500u);
  const auto& open = std::get<OpenChunk>(out.chunks[0].what);
  EXPECT_EQ(AddressText(open.local), "10.0.0.1");
  EXPECT_EQ(open.local.port, 40000);
  EXPECT_EQ(open.remote.port, 443);
  EXPECT_EQ(open.hello_sender, End::kLocal);
  EXPECT_EQ(open.initiator, End::kLocal);
  EXPECT_EQ(open.syn_ns, 1'000'100u);
  EXPECT_EQ(open.established_ns, 1'000'200u);
  EXPECT_EQ(open.from[static_cast<size_t>(End::kLocal)], 22u);
  EXPECT_EQ(open.from[static_cast<size_t>(End::kRemote)], 11u);
  const auto& owner = std::get<OwnerChunk>(out.chunks[1].what);
  EXPECT_EQ(owner.pid, 7u);
  EXPECT_EQ(owner.start_time_ns, 99u);
  EXPECT_EQ(owner.cgroup_id, 1234u);
  EXPECT_EQ(owner.uid, 33u);
  EXPECT_EQ(owner.comm, "curl");
}

TEST(EventDecoder, LeavesOutWhatTheKernelDidNotKnow) {
  tm_open_event event = OpenEvent();
  event.owner = {};
  event.syn_ns = 0;
  event.header.flags = 0;
  DecodedEvent out;
  const std::vector<uint8_t> bytes = Bytes(event);
  ASSERT_TRUE(EventDecoder(kEpochOffset).Decode(bytes, &out));
  ASSERT_EQ(out.count, 1u);
  EXPECT_EQ(std::get<OpenChunk>(out.chunks[0].what).syn_ns, 0u);
  EXPECT_FALSE(std::get<OpenChunk>(out.chunks[0].what).initiator.has_value());
}

TEST(EventDecoder, TurnsDataAndMarksIntoChunksInOrder) {
  DecodedEvent out;
  const std::vector<uint8_t> bytes = Bytes(DataEvent(3, TM_MARKS), {1, 2, 3, 0, 0});
  ASSERT_TRUE(EventDecoder(kEpochOffset).Decode(bytes, &out));
  ASSERT_EQ(out.count, 1u + TM_MARKS);
  const auto& data = std::get<DataChunk>(out.chunks[0].what);
  EXPECT_EQ(data.sender, End::kRemote);
  EXPECT_EQ(data.offset, 1000u);
  EXPECT_TRUE(data.record_boundary);
  EXPECT_EQ(std::vector<uint8_t>(data.bytes.begin(), data.bytes.end()), (std::vector<uint8_t>{1, 2, 3}));
  const auto& last = std::get<RecordChunk>(out.chunks[TM_MARKS].what);
  EXPECT_EQ(last.offset, 2000u + TM_MARKS - 1);
  EXPECT_EQ(last.length, 100 + TM_MARKS - 1);
  EXPECT_EQ(last.type, 23);
}

TEST(EventDecoder, SaysHowTcpEnded) {
  tm_stop_event event = {};
  event.header = Header(TM_EVENT_STOP, TM_IN, TM_STOP_REMOTE_FIN | TM_STOP_REMOTE_RESET);
  event.reason = TM_STOP_TCP_END;
  DecodedEvent out;
  const std::vector<uint8_t> bytes = Bytes(event);
  ASSERT_TRUE(EventDecoder(kEpochOffset).Decode(bytes, &out));
  const auto& stop = std::get<StopChunk>(out.chunks[0].what);
  EXPECT_EQ(stop.why, StopChunk::Why::kTcpEnd);
  EXPECT_TRUE(stop.tcp_end.remote_fin);
  EXPECT_TRUE(stop.tcp_end.remote_reset);
  EXPECT_FALSE(stop.tcp_end.local_fin);
  EXPECT_FALSE(stop.tcp_end.timed_out);
}

TEST(EventDecoder, RefusesEveryTruncationOfEveryKind) {
  tm_owner_event owner = {};
  owner.header = Header(TM_EVENT_OWNER);
  tm_stop_event stop = {};
  stop.header = Header(TM_EVENT_STOP);
  stop.reason = TM_STOP_LIMIT;
  for (const std::vector<uint8_t>& whole :
       {Bytes(OpenEvent()), Bytes(DataEvent(4, 2), {1, 2, 3, 4}), Bytes(owner), Bytes(stop)}) {
    DecodedEvent out;
    ASSERT_TRUE(EventDecoder(0).Decode(whole, &out));
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(EventDecoder(0).Decode(std::span(whole).first(size), &out)) << size;
      EXPECT_EQ(out.count, 0u);
    }
  }
}

TEST(EventDecoder, RefusesLengthsPastTheEnd) {
  DecodedEvent out;
  EXPECT_FALSE(EventDecoder(0).Decode(Bytes(DataEvent(5, 0), {1, 2, 3, 4}), &out));
  EXPECT_FALSE(EventDecoder(0).Decode(Bytes(DataEvent(0xffffffff, 0), {1, 2, 3, 4}), &out));
  EXPECT_FALSE(EventDecoder(0).Decode(Bytes(DataEvent(4, TM_MARKS + 1), {1, 2, 3, 4}), &out));
}

TEST(EventDecoder, RefusesForeignVersionsKindsDirectionsAndReasons) {
  DecodedEvent out;
  tm_stop_event stop = {};
  stop.header = Header(TM_EVENT_STOP);
  stop.reason = 99;
  EXPECT_FALSE(EventDecoder(0).Decode(Bytes(stop), &out));
  stop.reason = TM_STOP_LIMIT;
  stop.header.version = TM_EVENTS_VERSION + 1;
  EXPECT_FALSE(EventDecoder(0).Decode(Bytes(stop), &out));
  stop.header = Header(TM_EVENT_STOP, 2);
  EXPECT_FALSE(EventDecoder(0).Decode(Bytes(stop), &out));
  stop.header = Header(200);
  EXPECT_FALSE(EventDecoder(0).Decode(Bytes(stop), &out));
}

TEST(EventDecoder, CommMayFillAllItsBytes) {
  tm_owner_event event = {};
  event.header = Header(TM_EVENT_OWNER);
  std::memset(event.owner.comm, 'x', TM_COMM_BYTES);
  DecodedEvent out;
  const std::vector<uint8_t> bytes = Bytes(event);
  ASSERT_TRUE(EventDecoder(0).Decode(bytes, &out));
  EXPECT_EQ(std::get<OwnerChunk>(out.chunks[0].what).comm.size(), size_t{TM_COMM_BYTES});
}

}  // namespace
}  // namespace tlsmeter::agent
