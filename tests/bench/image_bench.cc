// What it costs to plan one file with TLS code, from its path to where its probes go: each build at hand, installed or got
// by scripts/fetch_tls_builds.sh. The file's pages are in the page cache.

#include <benchmark/benchmark.h>

#include <filesystem>
#include <string>

#include "src/image/elf_file.h"
#include "src/image/gnutls_image.h"
#include "src/image/openssl_image.h"

namespace tlsmeter::agent {
namespace {

const std::string kInstalled = "/usr/lib/x86_64-linux-gnu/";
const std::string kFetched = TLSMETER_TLS_BUILDS "/";

struct Build {
  std::string name;
  std::string file;
  std::string crypto;  // empty: in the same file
};

absl::StatusOr<ImagePlan> PlanOf(const Build& build) {
  absl::StatusOr<ElfFile> file = ElfFile::Open(build.file);
  if (!file.ok()) return file.status();
  if (build.name.starts_with("GnuTLS")) return PlanGnuTls(&*file);
  if (build.crypto.empty()) return PlanOpenSsl(&*file, &*file);
  absl::StatusOr<ElfFile> crypto = ElfFile::Open(build.crypto);
  if (!crypto.ok()) return crypto.status();
  return PlanOpenSsl(&*file, &*crypto);
}

void Plan(benchmark::State& state, const Build& build) {
  for (auto _ : state) {
    const absl::StatusOr<ImagePlan> plan = PlanOf(build);
    if (!plan.ok()) return state.SkipWithError(std::string(plan.status().message()).c_str());
    state.counters["probes"] = static_cast<double>(plan->probes.size());
  }
}

}  // namespace
}  // namespace tlsmeter::agent

int main(int argc, char** argv) {
  using tlsmeter::agent::Build;
  using tlsmeter::agent::kFetched;
  using tlsmeter::agent::kInstalled;
  benchmark::Initialize(&argc, argv);
  const Build builds[] = {
      {"OpenSSL/installed", kInstalled + "libssl.so.3", kInstalled + "libcrypto.so.3"},
      {"OpenSSL/1.1.1", kFetched + "libssl.so.1.1", kFetched + "libcrypto.so.1.1"},
      {"OpenSSL/3.5", kFetched + "libssl.so.3", kFetched + "libcrypto.so.3"},
      {"GnuTLS/installed", kInstalled + "libgnutls.so.30", ""},
      {"Node.js/installed", "/usr/bin/node", ""},
      {"Node.js/16", kFetched + "node-16", ""},
      {"Node.js/24", kFetched + "node-24", ""},
  };
  for (const Build& build : builds) {
    if (!std::filesystem::exists(build.file)) continue;
    benchmark::RegisterBenchmark(build.name.c_str(), tlsmeter::agent::Plan, build)->Unit(benchmark::kMillisecond);
  }
  benchmark::RunSpecifiedBenchmarks();
}
