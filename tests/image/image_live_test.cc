// The manager with a real program in the kernel: a private copy of libssl, used by openssl in a cgroup of our own. Probes
// are by inode, so no other process of the machine can hit them. Needs root.
#include <bpf/bpf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
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

namespace tlsmeter::agent {
namespace {

using ::testing::Optional;

const std::filesystem::path kLibraries = "/usr/lib/x86_64-linux-gnu";
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

class ImageLiveTest : public ::testing::TestWithParam<UprobeAttach> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (!std::filesystem::exists(kLibraries / "libssl.so.3")) GTEST_SKIP() << "there is no libssl.so.3";
    program_.emplace(GetParam());
    if (program_->fd() < 0) GTEST_SKIP() << "this kernel cannot load such a program";
    const std::string name = "tlsmeter-image-test-" + std::to_string(getpid());
    directory_ = std::filesystem::path(testing::TempDir()) / name;
    std::filesystem::create_directories(directory_);
    for (const char* file : {"libssl.so.3", "libcrypto.so.3"})
      std::filesystem::copy_file(kLibraries / file, directory_ / file);
    for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
      if (std::filesystem::exists(std::filesystem::path(mount) / "cgroup.procs"))
        cgroup_ = std::filesystem::path(mount) / name;
    }
    if (cgroup_.empty() || mkdir(cgroup_.c_str(), 0755) != 0) GTEST_SKIP() << "needs a mounted cgroup v2";
    ASSERT_EQ(Run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                   "/CN=test", "-keyout", directory_ / "key.pem", "-out", directory_ / "cert.pem"}),
              0);
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
    StopServer();
    if (!cgroup_.empty()) rmdir(cgroup_.c_str());
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }

  std::optional<StackView> StackOf(pid_t pid) const {
    const std::string directory = "/proc/" + std::to_string(pid);
    const auto stat = ParseProcessStat(ReadFileAt(-1, directory + "/stat", kMaxProcessStat).value_or(""));
    return manager_->StackOf(pid, stat.value_or(ProcessStat()).start_ticks * kNsPerTick);
  }

  // Starts a program in the cgroup, with the private libraries.
  pid_t Start(const std::vector<std::string>& command) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::ofstream(cgroup_ / "cgroup.procs") << 0 << std::flush;
    setenv("LD_LIBRARY_PATH", directory_.c_str(), 1);
    const int null = open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) dup2(null, fd);
    std::vector<char*> arguments;
    for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }

  int Run(const std::vector<std::string>& command) {
    int status = -1;
    waitpid(Start(command), &status, 0);
    return status;
  }

  void StartServer() {
    port_ = 20000 + getpid() % 20000;
    server_ = Start({"openssl", "s_server", "-accept", "127.0.0.1:" + std::to_string(port_), "-cert",
                     directory_ / "cert.pem", "-key", directory_ / "key.pem", "-quiet"});
    // Serving when a handshake works; that one is not counted.
    for (int i = 0; i < 200 && Handshake() != 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }

  void StopServer() {
    if (server_ <= 0) return;
    kill(server_, SIGKILL);
    waitpid(server_, nullptr, 0);
    server_ = 0;
  }

  int Handshake() { return Run({"openssl", "s_client", "-connect", "127.0.0.1:" + std::to_string(port_)}); }

  std::filesystem::path directory_;
  std::filesystem::path cgroup_;
  std::optional<CountingProgram> program_;
  absl::Duration ahead_;
  std::optional<ImageManager> manager_;
  pid_t server_ = 0;
  int port_ = 0;
};

TEST_P(ImageLiveTest, ProbesAreHitInProcessesOfBeforeAndAfterAndNotOnceTheyAreGone) {
  StartServer();
  manager_->PollAll();
  ASSERT_THAT(StackOf(server_), Optional(OpenSslIs(StackState::kInstrumented)))
      << (manager_->Images().empty() ? "no image" : manager_->Images()[0].message);
  ASSERT_EQ(Handshake(), 0);  // the server was there before, the client comes after
  const auto hits = [&](ProbeKind kind) { return program_->Hits(kind); };
  EXPECT_GE(hits(ProbeKind::kConnectEntry), 1u);
  EXPECT_GE(hits(ProbeKind::kAcceptEntry), 1u);
  EXPECT_EQ(hits(ProbeKind::kStateReturn), hits(ProbeKind::kConnectEntry) + hits(ProbeKind::kAcceptEntry));
  EXPECT_EQ(hits(ProbeKind::kPeerCertificate), 1u);
  EXPECT_EQ(hits(ProbeKind::kOwnCertificateEntry), 2u);  // its length, then itself
  EXPECT_EQ(hits(ProbeKind::kOwnCertificateReturn), 2u);
  EXPECT_GE(hits(ProbeKind::kFree), 1u);
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
    const uint64_t before = program_->Hits(ProbeKind::kAcceptEntry);
    EXPECT_EQ(Handshake(), 0);
    return program_->Hits(ProbeKind::kAcceptEntry) == before;
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
  EXPECT_GE(program_->Hits(ProbeKind::kAcceptEntry), 1u);
  EXPECT_EQ(program_->Hits(ProbeKind::kConnectEntry), 0u);
}

INSTANTIATE_TEST_SUITE_P(Attach, ImageLiveTest, ::testing::Values(UprobeAttach::kMulti, UprobeAttach::kPerf),
                         [](const auto& info) { return info.param == UprobeAttach::kMulti ? "Multi" : "Perf"; });

}  // namespace
}  // namespace tlsmeter::agent
