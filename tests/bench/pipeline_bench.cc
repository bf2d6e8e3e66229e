// What one handshake costs in user space, on one core: chunks as the live source gives them, through the flow table, the
// tracker and the aggregator.

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "src/aggregate/aggregator.h"
#include "src/attribution/attributor.h"
#include "src/correlate/flow_table.h"
#include "src/export/json_lines.h"
#include "src/export/recent_records.h"
#include "tests/tls/message_builder.h"

namespace tlsmeter::agent {
namespace {

using testing::Bytes;
using testing::Hello;

constexpr uint64_t kStart = 1'800'000'000'000'000'000;

// A ClientHello of the size and variety that OpenSSL 3 sends.
Bytes ClientHelloRecord() {
  Hello hello = Hello::Client13();
  return hello.Record();
}

void Take(FlowTable* table, uint64_t cookie, uint64_t time_ns, const auto& what) {
  Chunk chunk;
  chunk.key.cookie = cookie;
  chunk.time_ns = time_ns;
  chunk.what = what;
  table->Take(chunk);
}

// A full TLS 1.3 handshake as the server sees it.
void OneHandshake(FlowTable* table, uint64_t cookie, const Bytes& client_hello, const Bytes& server_hello) {
  const uint64_t now = kStart + cookie * 1000;
  OpenChunk open;
  open.hello_sender = End::kRemote;
  open.initiator = End::kRemote;
  open.syn_ns = now;
  open.established_ns = now;
  Take(table, cookie, now, open);
  Take(table, cookie, now, DataChunk{End::kRemote, 0, true, client_hello});
  Take(table, cookie, now, OwnerChunk{77, 1, 2, 0, "nginx"});
  uint32_t offset = static_cast<uint32_t>(server_hello.size());
  Take(table, cookie, now + 100, DataChunk{End::kLocal, 0, true, server_hello});
  for (const uint16_t length : {23, 900, 96, 69}) {
    Take(table, cookie, now + 100, RecordChunk{End::kLocal, offset, 23, length});
    offset += 5u + length;
  }
  const auto finished = static_cast<uint32_t>(client_hello.size());
  Take(table, cookie, now + 200, RecordChunk{End::kRemote, finished, 23, 69});
  Take(table, cookie, now + 300, StopChunk{.why = StopChunk::Why::kTcpEnd, .sender = End::kLocal, .tcp_end = {}});
}

void BM_FlowTable(benchmark::State& state) {
  FlowTable table;
  const Bytes client_hello = ClientHelloRecord();
  const Bytes server_hello = Hello::Server13(0x1302).Record(0x0303);
  uint64_t cookie = 0;
  for (auto _ : state) {
    OneHandshake(&table, ++cookie, client_hello, server_hello);
    benchmark::DoNotOptimize(table.Harvest());
  }
  state.SetItemsProcessed(static_cast<int64_t>(cookie));
}
BENCHMARK(BM_FlowTable);

// All that `serve` does with one handshake.
void BM_Serve(benchmark::State& state) {
  FlowTable table;
  Attributor attributor({.proc_root = "/nonexistent",
                         .bundle_root = "/nonexistent",
                         .cgroup_path = [](uint64_t) { return std::string("/system.slice/nginx.service"); },
                         .pods = nullptr});
  Aggregator aggregator;
  RecentRecords recent;
  const Bytes client_hello = ClientHelloRecord();
  const Bytes server_hello = Hello::Server13(0x1302).Record(0x0303);
  uint64_t cookie = 0;
  for (auto _ : state) {
    OneHandshake(&table, ++cookie, client_hello, server_hello);
    for (std::unique_ptr<HandshakeRecord>& record : table.Harvest()) {
      record->attribution = attributor.Attribute(record->owner, kStart);
      aggregator.Add(*record);
      recent.Add(std::move(record));
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(cookie));
}
BENCHMARK(BM_Serve);

HandshakeRecord OneRecord() {
  FlowTable table;
  OneHandshake(&table, 1, ClientHelloRecord(), Hello::Server13(0x1302).Record(0x0303));
  return std::move(*table.Harvest().at(0));
}

void BM_Aggregator(benchmark::State& state) {
  Aggregator aggregator;
  const HandshakeRecord record = OneRecord();
  for (auto _ : state) aggregator.Add(record);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Aggregator);

void BM_JsonLine(benchmark::State& state) {
  const HandshakeRecord record = OneRecord();
  for (auto _ : state) benchmark::DoNotOptimize(JsonLine(record));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_JsonLine);

}  // namespace
}  // namespace tlsmeter::agent

BENCHMARK_MAIN();
