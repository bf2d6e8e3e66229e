// The whole chain with the library sensor on, confined, over both ways of attaching; the kernel's own choice is what the
// Python tests run over. Needs root, and touches only a private copy of libssl in a cgroup of our own.
#include "src/agent/pipeline.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "src/base/unique_fd.h"
#include "src/export/json_lines.h"
#include "tests/image/private_openssl.h"

namespace tlsmeter::agent {
namespace {

using Clock = std::chrono::steady_clock;

int64_t Milliseconds(Clock::duration d) { return std::chrono::duration_cast<std::chrono::milliseconds>(d).count(); }

void Say(int fd, const std::string& line) {
  if (write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(3);
}

// How many perf events this process holds.
size_t PerfEvents() {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    count += std::filesystem::read_symlink(entry.path(), gone).native().find("[perf_event]") != std::string::npos;
  }
  return count;
}

std::string Facts(const char* what, int64_t value) { return nlohmann::json({{what, value}}).dump() + "\n"; }

// A process of its own, for what Confine takes is not given back: turns a pipeline until `stop` has an end, and says on
// `out` what comes of it, one object a line.
int TurnPipeline(const std::string& cgroup, UprobeAttach how, int stop, int out) {
  BpfSourceOptions options;
  options.cgroup_path = cgroup;
  options.library = true;
  options.uprobes = how;
  const auto pipeline = Pipeline::Start(options);
  if (!pipeline.ok()) return 1;
  const bool confined = open("/tmp", O_RDWR | O_TMPFILE, 0600) < 0 && errno == EPERM;
  Say(out, Facts("confined", confined) + Facts("perf_events", static_cast<int64_t>(PerfEvents())));
  Clock::duration slowest{};
  for (pollfd end = {.fd = stop, .events = POLLIN, .revents = 0}; poll(&end, 1, 0) == 0;) {
    const Clock::time_point start = Clock::now();
    const absl::Status turned =
        (*pipeline)->Turn(10, [out](std::unique_ptr<HandshakeRecord> record) { Say(out, JsonLine(*record)); });
    slowest = std::max(slowest, Clock::now() - start);
    if (!turned.ok()) return 2;
  }
  Say(out, Facts("slowest_turn_ms", Milliseconds(slowest)) + Facts("perf_events", static_cast<int64_t>(PerfEvents())));
  return 0;
}

class PipelineLiveTest : public ::testing::TestWithParam<UprobeAttach>, protected PrivateOpenSsl {
 protected:
  void SetUp() override {
    if (const std::string missing = Create(); !missing.empty()) GTEST_SKIP() << missing;
    StartServer();
    int stop[2], out[2];
    ASSERT_TRUE(pipe2(stop, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    pipeline_ = fork();
    if (pipeline_ == 0) {
      close(stop[1]);
      _exit(TurnPipeline(cgroup_, GetParam(), stop[0], out[1]));
    }
    close(stop[0]);
    close(out[1]);
    stop_ = UniqueFd(stop[1]);
    out_ = UniqueFd(out[0]);
  }

  void TearDown() override {
    Stop();
    Destroy();
  }

  // The next line of the pipeline's process; null when it has ended, or none comes for ten seconds.
  nlohmann::json Next() {
    pollfd ready = {.fd = out_.get(), .events = POLLIN, .revents = 0};
    char buffer[4096];
    while (text_.find('\n') == std::string::npos) {
      if (poll(&ready, 1, 10'000) <= 0) return nullptr;
      const ssize_t n = read(out_.get(), buffer, sizeof(buffer));
      if (n <= 0) return nullptr;
      text_.append(buffer, static_cast<size_t>(n));
    }
    const std::string line = text_.substr(0, text_.find('\n'));
    text_.erase(0, line.size() + 1);
    return nlohmann::json::parse(line);
  }

  int Stop() {
    if (pipeline_ <= 0) return -1;
    stop_ = UniqueFd();
    int status = -1;
    waitpid(pipeline_, &status, 0);
    pipeline_ = 0;
    return status;
  }

  UniqueFd stop_, out_;
  std::string text_;
  pid_t pipeline_ = 0;
};

TEST_P(PipelineLiveTest, JoinsTheLibrarysFactsAndLetsGoWithoutStandingStill) {
  ASSERT_EQ(Next(), nlohmann::json({{"confined", 1}}));
  const int64_t attached = Next()["perf_events"];
  EXPECT_EQ(attached > 10, GetParam() == UprobeAttach::kPerf) << attached;

  ASSERT_EQ(Handshake(), 0);
  for (int side = 0; side < 2; ++side) {
    const nlohmann::json record = Next();
    ASSERT_TRUE(record.is_object());
    EXPECT_EQ(record["tlsmeter"]["join"], "client_random") << record;
    EXPECT_EQ(record["tlsmeter"]["stack"]["state"], "instrumented") << record;
    EXPECT_EQ(record["tls"]["server"]["subject"], "CN=test") << record;  // under TLS 1.3
  }

  // Nobody maps the file any more: the probes go, one after the other, 120 ms each with perf events.
  StopServer();
  std::this_thread::sleep_for(std::chrono::seconds(10));
  EXPECT_EQ(Stop(), 0);
  const int64_t slowest = Next()["slowest_turn_ms"];
  RecordProperty("slowest_turn_ms", static_cast<int>(slowest));
  EXPECT_LT(slowest, 1000);
  EXPECT_EQ(Next(), nlohmann::json({{"perf_events", 0}}));
}

INSTANTIATE_TEST_SUITE_P(Attach, PipelineLiveTest, ::testing::Values(UprobeAttach::kMulti, UprobeAttach::kPerf),
                         [](const auto& info) { return info.param == UprobeAttach::kMulti ? "Multi" : "Perf"; });

}  // namespace
}  // namespace tlsmeter::agent
