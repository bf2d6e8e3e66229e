// The manager with a real program in the kernel: a private copy of libssl, used by openssl in a cgroup of our own. Probes
// are by inode, so no other process of the machine can hit them. Needs root.
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "src/base/process_stat.h"
#include "src/base/read_file.h"
#include "src/base/unique_fd.h"
#include "src/image/image_manager.h"
#include "src/image/openssl_image.h"
#include "src/image/uprobe_link.h"
#include "tests/image/private_openssl.h"

namespace tlsmeter::agent {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;
using ::testing::Optional;

constexpr int kKinds = 16;

constexpr StackView OpenSslIs(StackState state) { return {state, StackKind::kOpenSsl}; }

// A program that counts its runs by the probe's kind, which is the low byte of the cookie.
class CountingProgram {
 public:
  explicit CountingProgram(UprobeAttach how)
      : map_(bpf_map_create(BPF_MAP_TYPE_ARRAY, "hits", sizeof(uint32_t), sizeof(uint64_t), kKinds, nullptr)) {
    const bpf_insn code[] = {
        {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_attach_cookie},
        {BPF_ALU64 | BPF_AND | BPF_K, 0, 0, 0, kKinds - 1},
        {BPF_STX | BPF_MEM | BPF_W, 10, 0, -4, 0},
        {BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, map_.get()},
        {0, 0, 0, 0, 0},
        {BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0},
        {BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4},
        {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0},
        {BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 1},
        {BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD},
        {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0},
        {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options);
    if (how == UprobeAttach::kMulti) options.expected_attach_type = static_cast<bpf_attach_type>(kUprobeMulti);
    program_ = UniqueFd(bpf_prog_load(BPF_PROG_TYPE_KPROBE, "count", "GPL", code, std::size(code), &options));
  }

  int fd() const { return program_.get(); }

  uint64_t Hits(ProbeKind kind) const {
    const auto key = static_cast<uint32_t>(kind);
    uint64_t count = 0;
    bpf_map_lookup_elem(map_.get(), &key, &count);
    return count;
  }

 private:
  UniqueFd map_;
  UniqueFd program_;
};

class ImageLiveTest : public ::testing::TestWithParam<UprobeAttach>, protected PrivateOpenSsl {
 protected:
  void SetUp() override {
    if (const std::string missing = Create(); !missing.empty()) GTEST_SKIP() << missing;
    program_.emplace(GetParam());
    if (program_->fd() < 0) GTEST_SKIP() << "this kernel cannot load such a program";
    ImageManager::Options options;
    options.cgroup = cgroup_;
    options.configure = [](uint32_t, const ImagePlan&) { return absl::OkStatus(); };
    options.attach = [this](int fd, uint32_t slot, const std::vector<Probe>& probes) {
      const absl::Time start = absl::Now();
      absl::StatusOr<UprobeLink> link = AttachUprobes(program_->fd(), GetParam(), fd, slot, probes);
      RecordProperty("attach_us", static_cast<int>(absl::ToInt64Microseconds(absl::Now() - start)));
      return link;
    };
    options.now = [this] { return absl::Now() + ahead_; };
    manager_.emplace(std::move(options));
  }

  void TearDown() override {
    manager_.reset();
    Destroy();
  }

  std::optional<StackView> StackOf(pid_t pid) const {
    const std::string directory = "/proc/" + std::to_string(pid);
    const auto stat = ParseProcessStat(ReadFileAt(-1, directory + "/stat", kMaxProcessStat).value_or(""));
    return manager_->StackOf(pid, stat.value_or(ProcessStat()).start_ticks * kNsPerTick);
  }

  std::optional<CountingProgram> program_;
  absl::Duration ahead_;
  std::optional<ImageManager> manager_;
};

TEST_P(ImageLiveTest, ProbesAreHitInProcessesOfBeforeAndAfterAndNotOnceTheyAreGone) {
  StartServer();
  manager_->PollAll();
  ASSERT_THAT(StackOf(server_), Optional(OpenSslIs(StackState::kInstrumented)))
      << (manager_->Images().empty() ? "no image" : manager_->Images()[0].message);
  ASSERT_EQ(Handshake(), 0);  // the server was there before, the client comes after
  const auto hits = [&](ProbeKind kind) { return program_->Hits(kind); };
  // Both sides; and again at the client for each of the two tickets, where it reads them.
  EXPECT_THAT(hits(ProbeKind::kHandshakeStart), AllOf(Ge(2u), Le(4u)));
  EXPECT_EQ(hits(ProbeKind::kWriteBufferFreed), hits(ProbeKind::kHandshakeStart));
  EXPECT_EQ(hits(ProbeKind::kPeerChain), 1u);
  EXPECT_EQ(hits(ProbeKind::kPeerCertificate), 0u);
  EXPECT_EQ(hits(ProbeKind::kOwnCertificate), 1u);
  EXPECT_EQ(hits(ProbeKind::kErrorPut), 0u);

  StopServer();
  ahead_ += ImageManager::kPruneInterval;
  const absl::Time start = absl::Now();
  manager_->PollAll();
  RecordProperty("detach_us", static_cast<int>(absl::ToInt64Microseconds(absl::Now() - start)));
  EXPECT_EQ(manager_->counters().detached, 1u);
}

TEST_P(ImageLiveTest, AFileThatIsWrittenToIsLetGoAndItsProcessesLive) {
  StartServer();
  manager_->PollAll();
  ASSERT_THAT(StackOf(server_), Optional(OpenSslIs(StackState::kInstrumented)));
  std::ofstream(directory_ / "libssl.so.3", std::ios::app) << "x";
  manager_->Poll();
  EXPECT_THAT(StackOf(server_), Optional(OpenSslIs(StackState::kOverwritten)));
  const auto until_detached = [&] {
    const uint64_t before = program_->Hits(ProbeKind::kHandshakeStart);
    EXPECT_EQ(Handshake(), 0);
    return program_->Hits(ProbeKind::kHandshakeStart) == before;
  };
  bool detached = false;  // perf events are closed by a thread
  for (int i = 0; i < 100 && !detached; ++i) detached = until_detached();
  EXPECT_TRUE(detached);
}

TEST_P(ImageLiveTest, AHundredProcessesTakeOneAttachment) {
  constexpr size_t kProcesses = 100;
  std::vector<pid_t> pids;
  for (size_t i = 0; i < kProcesses; ++i) {
    pids.push_back(Start({"env", "LD_PRELOAD=" + (directory_ / "libssl.so.3").string(), "sleep", "60"}));
  }
  const auto instrumented = [&] {
    ahead_ += ImageManager::kListInterval;
    manager_->PollAll();
    return manager_->ProcessCounts()[OpenSslIs(StackState::kInstrumented)];
  };
  for (int i = 0; i < 400 && instrumented() < kProcesses; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(25));
  EXPECT_EQ(instrumented(), kProcesses);
  EXPECT_EQ(manager_->counters().attached, 1u);
  EXPECT_EQ(manager_->counters().planned, 1u);
  ASSERT_EQ(manager_->Images().size(), 1u);
  EXPECT_EQ(manager_->Images()[0].processes, kProcesses);

  ahead_ += ImageManager::kMaxScanInterval;
  const uint64_t scanned = manager_->counters().processes_scanned;
  const absl::Time start = absl::Now();
  manager_->PollAll();
  const absl::Duration scan = absl::Now() - start;
  ASSERT_GE(manager_->counters().processes_scanned, scanned + kProcesses);
  RecordProperty("scan_of_100_us", static_cast<int>(absl::ToInt64Microseconds(scan)));
  ahead_ += ImageManager::kListInterval;
  const absl::Time before_list = absl::Now();
  manager_->PollAll();
  RecordProperty("list_of_100_us", static_cast<int>(absl::ToInt64Microseconds(absl::Now() - before_list)));

  for (const pid_t pid : pids) kill(pid, SIGKILL);
  for (const pid_t pid : pids) waitpid(pid, nullptr, 0);
  ahead_ += ImageManager::kPruneInterval;
  manager_->PollAll();
  EXPECT_EQ(manager_->counters().detached, 1u);
}

// The kernel plants breakpoints in private mappings of an instrumented file; what is decoded must not show them.
TEST_P(ImageLiveTest, AnInstrumentedFileDecodesAsBefore) {
  StartServer();
  const auto plan = [&] {
    absl::StatusOr<ElfFile> ssl = ElfFile::Open(directory_ / "libssl.so.3");
    absl::StatusOr<ElfFile> crypto = ElfFile::Open(directory_ / "libcrypto.so.3");
    return PlanOpenSsl(&*ssl, &*crypto);
  };
  const absl::StatusOr<ImagePlan> before = plan();
  manager_->PollAll();
  ASSERT_THAT(StackOf(server_), Optional(OpenSslIs(StackState::kInstrumented)));
  const absl::StatusOr<ImagePlan> after = plan();
  ASSERT_TRUE(before.ok() && after.ok()) << after.status();
  EXPECT_EQ(before->probes, after->probes);
  EXPECT_EQ(before->fields, after->fields);
}

TEST_P(ImageLiveTest, ADeletedLibraryIsInstrumentedThroughMapFiles) {
  StartServer();
  std::filesystem::rename(directory_ / "libssl.so.3", directory_ / "old");
  std::filesystem::copy_file(directory_ / "old", directory_ / "libssl.so.3");  // as package managers upgrade
  std::filesystem::remove(directory_ / "old");
  manager_->PollAll();
  ASSERT_THAT(StackOf(server_), Optional(OpenSslIs(StackState::kInstrumented)));
  ASSERT_EQ(Handshake(), 0);  // the client uses the new file, which nobody mapped yet
  EXPECT_EQ(program_->Hits(ProbeKind::kHandshakeStart), 1u);
  EXPECT_EQ(program_->Hits(ProbeKind::kOwnCertificate), 1u);
  EXPECT_EQ(program_->Hits(ProbeKind::kPeerChain), 0u);
}

INSTANTIATE_TEST_SUITE_P(Attach, ImageLiveTest, ::testing::Values(UprobeAttach::kMulti, UprobeAttach::kPerf),
                         [](const auto& info) { return info.param == UprobeAttach::kMulti ? "Multi" : "Perf"; });

}  // namespace
}  // namespace tlsmeter::agent
