// What aggregation costs on one core, of records already built, and what a full budget of series takes in memory.

#include <benchmark/benchmark.h>
#include <malloc.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/aggregate/aggregator.h"

namespace tlsmeter::agent {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kHello = 1'800'000'000'000'000'000;

// A full handshake of one of `workloads` processes with one of `names` servers.
HandshakeRecord Record(std::mt19937* random, uint32_t workloads, uint32_t names) {
  HandshakeRecord record;
  record.role = (*random)() % 2 == 0 ? Role::kClient : Role::kServer;
  record.owner = {.pid = static_cast<uint32_t>((*random)() % 30000),
                  .comm = absl::StrCat("workload-", (*random)() % workloads)};
  record.tcp_start_ns = kHello - kMs;
  record.tcp_established_ns = kHello - kMs / 2;
  record.result = Result::kSuccess;
  Handshake& tls = record.tls;
  tls.client_hello.emplace();
  tls.client_hello->server_name = absl::StrCat("host-", (*random)() % names, ".example.com");
  tls.client_hello->alpn = {"h2", "http/1.1"};
  tls.client_hello->cipher_suites = {CipherSuite{0x1301}, CipherSuite{0x1302}, CipherSuite{0x1303}};
  tls.client_hello->supported_versions = {ProtocolVersion::kTls13, ProtocolVersion::kTls12};
  tls.server_hello.emplace();
  tls.version = ProtocolVersion::kTls13;
  tls.cipher = CipherSuite{static_cast<uint16_t>(0x1301 + (*random)() % 3)};
  tls.group = NamedGroup{0x11ec};
  tls.resumption = static_cast<Resumption>((*random)() % 4);
  tls.client_hello_ns = kHello;
  tls.server_hello_ns = kHello + kMs;
  tls.client_finished_ns = kHello + 2 * kMs;
  tls.established_ns = kHello + 2 * kMs + (*random)() % (500 * kMs);
  tls.first_application_data_ns = tls.established_ns + kMs;
  return record;
}

// Failed is the same handshake with one of all ends that there are.
HandshakeRecord Failed(std::mt19937* random, uint32_t workloads, uint32_t names) {
  HandshakeRecord record = Record(random, workloads, names);
  record.result = Result::kFailure;
  record.reason = static_cast<FailureReason>((*random)() % kFailureReasonCount);
  record.tls.alert = Alert{.sender = static_cast<Sender>((*random)() % 2), .description = static_cast<uint8_t>((*random)())};
  record.tls.mutual_tls = MutualTls::kPresented;
  record.tls.cipher = CipherSuite{static_cast<uint16_t>(0xc000 + (*random)() % 256)};
  record.tls.alpn = (*random)() % 2 == 0 ? "h2" : "http/1.1";
  return record;
}

void Fill(Aggregator* aggregator) {
  std::mt19937 random(1);
  for (int i = 0; i < 100000; ++i) {
    aggregator->Add(Record(&random, 300, 300));
    aggregator->Add(Failed(&random, 300, 300));
  }
}

// Series returns how many time series the families of the aggregator have.
size_t Series(const AggregateSnapshot& snapshot) {
  size_t series = 0;
  for (const FamilySnapshot& family : snapshot.families) {
    series += family.sets.size() * (family.spec->type == MetricType::kHistogram ? kHistogramSeries : 1);
  }
  return series;
}

// Arguments: workloads, server names.
void BM_Add(benchmark::State& state) {
  std::mt19937 random(1);
  std::vector<HandshakeRecord> records;
  for (int i = 0; i < 4096; ++i) {
    records.push_back(Record(&random, static_cast<uint32_t>(state.range(0)), static_cast<uint32_t>(state.range(1))));
  }
  Aggregator aggregator;
  size_t next = 0;
  for (auto _ : state) aggregator.Add(records[next++ % records.size()]);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Add)->Args({1, 1})->Args({20, 50})->Args({300, 1000});

// TLS 1.2: the server's chain of two certificates is noted too, one of 50.
void BM_AddWithCertificates(benchmark::State& state) {
  std::mt19937 random(1);
  std::vector<HandshakeRecord> records;
  for (int i = 0; i < 4096; ++i) {
    records.push_back(Record(&random, 20, 50));
    CertificateChain& chain = records.back().tls.server_certificates;
    for (uint8_t position = 0; position < 2; ++position) {
      auto facts = std::make_shared<CertificateFacts>();
      facts->sha256 = {static_cast<uint8_t>(random() % 25), position};
      facts->readable = true;
      facts->subject = absl::StrCat("CN=", position);
      facts->issuer = absl::StrCat("CN=", position + 1);
      facts->subject_alt_names = {"*.example.com"};
      facts->subject_alt_name_count = 1;
      facts->not_after = 1'900'000'000;
      facts->signature_algorithm = "sha256WithRSAEncryption";
      chain.certificates.push_back(facts);
    }
    chain.length = chain.certificates.size();
  }
  Aggregator aggregator;
  size_t next = 0;
  for (auto _ : state) aggregator.Add(records[next++ % records.size()]);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_AddWithCertificates);

// No name comes twice.
void BM_AddUniqueNames(benchmark::State& state) {
  std::mt19937 random(1);
  HandshakeRecord record = Record(&random, 1, 1);
  Aggregator aggregator;
  uint64_t next = 0;
  for (auto _ : state) {
    record.tls.client_hello->server_name = absl::StrCat("host-", next++, ".example.com");
    aggregator.Add(record);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_AddUniqueNames);

// Nearly all of it under the lock.
void BM_SnapshotOfAFullBudget(benchmark::State& state) {
  Aggregator aggregator;
  Fill(&aggregator);
  for (auto _ : state) benchmark::DoNotOptimize(aggregator.Snapshot());
  state.counters["series"] = static_cast<double>(Series(aggregator.Snapshot()));
}
BENCHMARK(BM_SnapshotOfAFullBudget)->Unit(benchmark::kMicrosecond);

// The sweep over all series that runs every ten seconds, when nothing is idle.
void BM_SweepOfAFullBudget(benchmark::State& state) {
  Aggregator aggregator;
  Fill(&aggregator);
  uint64_t now_ns = 0;
  for (auto _ : state) aggregator.Advance(now_ns += kSweepEveryNs);
}
BENCHMARK(BM_SweepOfAFullBudget)->Unit(benchmark::kMicrosecond)->Iterations(300);  // fifty minutes

void BM_MemoryOfAFullBudget(benchmark::State& state) {
  size_t bytes = 0;
  size_t series = 0;
  for (auto _ : state) {
    const size_t before = mallinfo2().uordblks;
    Aggregator aggregator;
    Fill(&aggregator);
    bytes = mallinfo2().uordblks - before;
    series = Series(aggregator.Snapshot());
  }
  state.counters["bytes"] = static_cast<double>(bytes);
  state.counters["series"] = static_cast<double>(series);
}
BENCHMARK(BM_MemoryOfAFullBudget)->Iterations(1);

}  // namespace
}  // namespace tlsmeter::agent

BENCHMARK_MAIN();
