// Any file that a process may map: the reader and the decoders of both libraries find what is there and crash at nothing,
// and a plan keeps within the file.

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "src/image/elf_file.h"
#include "src/image/gnutls_image.h"
#include "src/image/openssl_image.h"
#include "tests/fuzz/fuzz_check.h"

namespace tlsmeter::agent {
namespace {

void CheckRange(ElfFile* file, const CodeRange& range, size_t size) {
  FUZZ_CHECK(range.begin <= range.end);
  FUZZ_CHECK(file->ReadRange(range).size() <= size);
}

void CheckPlan(const absl::StatusOr<ImagePlan>& plan, size_t size) {
  if (!plan.ok()) return;
  FUZZ_CHECK(!plan->probes.empty() && plan->probes.size() <= kMaxProbes);
  for (const Probe& probe : plan->probes) FUZZ_CHECK(probe.file_offset < size);
  for (const FieldPath& field : plan->fields) FUZZ_CHECK(field.hops <= kMaxHops && field.size <= 32);
}

void Look(ElfFile* file, size_t size) {
  static constexpr std::array<std::string_view, 3> kNames = {"SSL_set_accept_state", "gnutls_handshake",
                                                             "tls_process_server_certificate"};
  for (const auto& [name, range] : file->FindSymbols(kNames, ElfFile::Symbols::kAll)) {
    if (const auto function = file->FunctionAt(range.begin)) {
      FUZZ_CHECK(function->Contains(range.begin));
      CheckRange(file, *function, size);
    }
    if (const auto offset = file->FileOffset(range.begin)) FUZZ_CHECK(*offset < size);
    file->ReadPointer(range.begin);
    FUZZ_CHECK(file->ImportAt(range.begin).size() <= ElfFile::kMaxSymbolName);
  }
  for (const CodeRange& code : file->Code()) CheckRange(file, code, size);
  for (const CodeRange& stubs : file->LinkageStubs()) CheckRange(file, stubs, size);
}

}  // namespace
}  // namespace tlsmeter::agent

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tlsmeter::agent;
  static const int memory = memfd_create("elf", MFD_CLOEXEC);
  FUZZ_CHECK(ftruncate(memory, 0) == 0 && pwrite(memory, data, size, 0) == static_cast<ssize_t>(size));
  absl::StatusOr<ElfFile> file = ElfFile::Open("/proc/self/fd/" + std::to_string(memory));
  if (!file.ok()) return 0;
  Look(&*file, size);
  CheckPlan(PlanOpenSsl(&*file, &*file), size);
  CheckPlan(PlanGnuTls(&*file), size);
  return 0;
}
