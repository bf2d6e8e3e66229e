// What one handshake costs, on one core: the library's parsers alone, and a captured connection through the flow table. The
// bytes are those of OpenSSL.

#include <benchmark/benchmark.h>
#include <openssl/ssl.h>

#include <array>
#include <vector>

#include "src/correlate/flow_table.h"
#include "tests/bench/conversation.h"
#include "tlsmeter/certificate.h"
#include "tlsmeter/client_hello.h"
#include "tlsmeter/handshake.h"
#include "tlsmeter/record.h"

namespace tlsmeter::agent {
namespace {

using testing::Converse;
using testing::Flight;

constexpr uint64_t kStart = 1'800'000'000'000'000'000;

size_t Bytes(const std::vector<Flight>& flights) {
  size_t bytes = 0;
  for (const Flight& flight : flights) bytes += flight.bytes.size();
  return bytes;
}

void BM_ParseClientHello(benchmark::State& state) {
  const std::vector<Flight> flights = Converse(TLS1_3_VERSION);
  constexpr size_t kHeads = kRecordHeaderSize + 4;
  const std::span<const uint8_t> body = std::span(flights[0].bytes).subspan(kHeads);
  for (auto _ : state) {
    ClientHello hello;
    if (ParseClientHello(body, &hello) != ParseStatus::kOk) state.SkipWithError("not a ClientHello");
    benchmark::DoNotOptimize(hello);
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * body.size()));
}
BENCHMARK(BM_ParseClientHello);

void TrackHandshake(benchmark::State& state, int version) {
  const std::vector<Flight> flights = Converse(version);
  CertificateCache certificates;
  for (auto _ : state) {
    HandshakeTracker tracker(&certificates);
    for (const Flight& flight : flights) tracker.OnBytes(flight.sender, flight.bytes, kStart);
    if (!tracker.Settled()) state.SkipWithError("not settled");
    benchmark::DoNotOptimize(std::move(tracker).TakeHandshake());
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * Bytes(flights)));
}
BENCHMARK_CAPTURE(TrackHandshake, Tls13, TLS1_3_VERSION)->Name("BM_HandshakeTracker/tls1.3");
BENCHMARK_CAPTURE(TrackHandshake, Tls12, TLS1_2_VERSION)->Name("BM_HandshakeTracker/tls1.2");

// One connection of a capture file, each flight in one segment.
class Captured {
 public:
  explicit Captured(FlowTable* table) : table_(table) {}

  // Plays `flights` as the connection of number `n`.
  void Play(uint32_t n, const std::vector<Flight>& flights) {
    Chunk chunk;
    chunk.key.low.port = static_cast<uint16_t>(n);
    chunk.key.high.port = 443;
    chunk.time_ns = kStart + n;
    OpenChunk open;
    open.watched = false;
    open.initiator = End::kLocal;
    open.syn_seq = n;
    open.syn_ns = open.established_ns = chunk.time_ns;
    chunk.what = open;
    table_->Take(chunk);
    std::array<uint32_t, 2> offsets = {};
    for (const Flight& flight : flights) {
      const End sender = flight.sender == Sender::kClient ? End::kLocal : End::kRemote;
      uint32_t& offset = offsets[static_cast<size_t>(flight.sender)];
      chunk.what = DataChunk{sender, offset, false, flight.bytes};
      offset += static_cast<uint32_t>(flight.bytes.size());
      table_->Take(chunk);
    }
    chunk.what = StopChunk{.why = StopChunk::Why::kTcpEnd, .sender = End::kLocal, .tcp_end = {}};
    table_->Take(chunk);
  }

 private:
  FlowTable* table_;
};

void PlayCaptured(benchmark::State& state, const std::vector<Flight>& flights, size_t records) {
  FlowTable table;
  Captured captured(&table);
  uint32_t n = 0;
  for (auto _ : state) {
    captured.Play(++n, flights);
    if (table.Harvest().size() != records) state.SkipWithError("another number of records");
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * Bytes(flights)));
}

void BM_CapturedTls13(benchmark::State& state) { PlayCaptured(state, Converse(TLS1_3_VERSION), 1); }
BENCHMARK(BM_CapturedTls13);

void BM_CapturedTls12(benchmark::State& state) { PlayCaptured(state, Converse(TLS1_2_VERSION), 1); }
BENCHMARK(BM_CapturedTls12);

void BM_CapturedHttp(benchmark::State& state) {
  constexpr char kRequest[] = "GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n";
  const std::vector<Flight> flights = {{Sender::kClient, std::vector<uint8_t>(std::begin(kRequest), std::end(kRequest) - 1)},
                                       {Sender::kServer, std::vector<uint8_t>(1000, 'x')}};
  PlayCaptured(state, flights, 0);
}
BENCHMARK(BM_CapturedHttp);

}  // namespace
}  // namespace tlsmeter::agent

BENCHMARK_MAIN();
