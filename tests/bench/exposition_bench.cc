// What a scrape costs, beside prometheus-cpp's own Family objects and Exposer: time, bytes and memory, at 10,000 and 100,000
// series, in one run. Run by hand; prints a table.
//
// Each case runs in a process of its own, so that its memory is its own: it builds the series, serves them on loopback and
// scrapes itself. Both sides hold the same counters with the same six labels.

#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "src/export/gzip.h"
#include "src/export/http_server.h"
#include "src/export/openmetrics.h"
#include "src/export/process_stats.h"
#include "src/export/prometheus.h"
#include "tests/export/http_client.h"

namespace tlsmeter::agent {
namespace {

constexpr int kScrapes = 21;

// The labels of series `i` of tlsmeter_handshakes_total.
std::vector<std::string> LabelsOf(size_t i) {
  return {"client",
          "namespace-" + std::to_string(i % 20),
          "workload-" + std::to_string(i % 200),
          "Deployment",
          "host-" + std::to_string(i / 2) + ".example.com",
          i % 2 == 0 ? "success" : "failure"};
}

AggregateSnapshot OurSeries(size_t count) {
  AggregateSnapshot snapshot;
  LabelPool pool;
  FamilySnapshot& family = snapshot.families.emplace_back();
  family.spec = &SpecOf(Metric::kHandshakes);
  for (size_t i = 0; i < count; ++i) {
    std::vector<LabelValue> values;
    for (const std::string& label : LabelsOf(i)) values.push_back(pool.Intern(label));
    family.sets.push_back(std::make_shared<const std::vector<LabelValue>>(std::move(values)));
    family.counts.push_back(i * 1000);
  }
  family.overflow.assign(family.spec->labels().size(), 0);
  return snapshot;
}

// Mebibytes of a line of /proc/self/status, as VmRSS (now) or VmHWM (most ever).
double Memory(const std::string& key) {
  std::ifstream status("/proc/self/status");
  double kib = 0;
  for (std::string word; status >> word;) {
    if (word == key + ":") status >> kib;
  }
  return kib / 1024;
}

void Report(const char* what, size_t series, uint16_t port, const std::string& headers) {
  const double held = Memory("VmRSS");
  std::vector<double> times;
  size_t bytes = 0;
  for (int i = 0; i < kScrapes; ++i) {
    const auto start = std::chrono::steady_clock::now();
    HttpClient client(port);
    client.Send("GET /metrics HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
    bytes = client.ReadAnswer().size();
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  std::printf("%-34s %8zu %9.1f %9.1f %8.2f %9.1f %9.1f\n", what, series, times[0], times[kScrapes / 2],
              static_cast<double>(bytes) / 1e6, held, Memory("VmHWM"));
  std::fflush(stdout);
}

void Ours(const char* what, size_t series, const std::string& headers) {
  const AggregateSnapshot state = OurSeries(series);
  const auto handler = [&state](const HttpRequest& request) {
    const AggregateSnapshot snapshot = state;  // as Aggregator::Snapshot copies
    const auto families = MetricFamilies(snapshot, ReadProcessStats());
    HttpResponse response;
    response.body =
        request.accept.empty() ? prometheus::TextSerializer().Serialize(families) : OpenMetricsText(families, {});
    if (!request.accept_encoding.empty()) response.body = Gzip(response.body);
    return response;
  };
  const auto server = HttpServer::Listen("127.0.0.1:0", handler);
  if (!server.ok()) return;
  (*server)->Serve();
  Report(what, series, (*server)->port(), headers);
}

void Theirs(const char* what, size_t series, const std::string& headers) {
  const auto registry = std::make_shared<prometheus::Registry>();
  auto& family =
      prometheus::BuildCounter().Name("tlsmeter_handshakes_total").Help("Handshakes by result.").Register(*registry);
  const auto names = SpecOf(Metric::kHandshakes).labels();
  for (size_t i = 0; i < series; ++i) {
    std::map<std::string, std::string> labels;
    const std::vector<std::string> values = LabelsOf(i);
    for (size_t label = 0; label < names.size(); ++label) labels.emplace(names[label], values[label]);
    family.Add(labels).Increment(static_cast<double>(i * 1000));
  }
  prometheus::Exposer exposer("127.0.0.1:0");
  exposer.RegisterCollectable(registry);
  Report(what, series, static_cast<uint16_t>(exposer.GetListeningPorts().at(0)), headers);
}

void InAProcessOfItsOwn(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  waitpid(child, nullptr, 0);
}

void Run() {
  std::printf("%-34s %8s %9s %9s %8s %9s %9s\n", "", "series", "min ms", "median ms", "MB sent", "MiB held", "MiB peak");
  std::fflush(stdout);
  for (const size_t series : {10000u, 100000u}) {
    InAProcessOfItsOwn([=] { Theirs("prometheus-cpp Exposer, text", series, ""); });
    InAProcessOfItsOwn([=] { Ours("tlsmeter, text", series, ""); });
    InAProcessOfItsOwn([=] { Ours("tlsmeter, OpenMetrics", series, "Accept: application/openmetrics-text\r\n"); });
    InAProcessOfItsOwn([=] { Theirs("prometheus-cpp Exposer, text, gzip", series, "Accept-Encoding: gzip\r\n"); });
    InAProcessOfItsOwn([=] {
      Ours("tlsmeter, OpenMetrics, gzip", series, "Accept: application/openmetrics-text\r\nAccept-Encoding: gzip\r\n");
    });
  }
}

}  // namespace
}  // namespace tlsmeter::agent

int main() { tlsmeter::agent::Run(); }
