#include "src/attribution/kubelet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/attribution/pod_lists.h"
#include "tests/base/fake_tree.h"
#include "tests/base/tls_server.h"

namespace tlsmeter::agent {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

bool WaitFor(const std::function<bool()>& condition) {
  const auto deadline = Clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return true;
}

TEST(KubeletTest, KeepsTheNewestListAndReadsTheTokenAnew) {
  const FakeTree tree;
  tree.Write("/token", "first\n");
  std::atomic<bool> refuse = false;
  const TlsServer server([&refuse](const std::string& head) {
    const bool known = head.find("Bearer first\r\n") != std::string::npos;
    return refuse || !known ? std::string("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") : OkAnswer(kPodList);
  });
  tree.Write("/ca.pem", server.certificate());
  const auto kubelet = Kubelet::Start({.url = absl::StrCat("https://127.0.0.1:", server.port()),
                                       .token_file = tree.root() + "/token",
                                       .ca_file = tree.root() + "/ca.pem",
                                       .timeout = milliseconds(10000),
                                       .refresh = milliseconds(5)});
  ASSERT_TRUE(kubelet.ok()) << kubelet.status();
  ASSERT_TRUE(WaitFor([&kubelet] { return (*kubelet)->pods() != nullptr; })) << (*kubelet)->status();
  EXPECT_EQ((*kubelet)->pods()->size(), 4u);
  EXPECT_TRUE((*kubelet)->status().ok());

  refuse = true;
  ASSERT_TRUE(WaitFor([&kubelet] { return (*kubelet)->status().code() == absl::StatusCode::kPermissionDenied; }));
  EXPECT_NE((*kubelet)->pods(), nullptr);
  refuse = false;
  ASSERT_TRUE(WaitFor([&kubelet] { return (*kubelet)->status().ok(); }));
  tree.Write("/token", "second");
  ASSERT_TRUE(WaitFor([&kubelet] { return (*kubelet)->status().code() == absl::StatusCode::kPermissionDenied; }));
  tree.Write("/token", "with\nnewline");
  ASSERT_TRUE(WaitFor([&kubelet] { return (*kubelet)->status().code() == absl::StatusCode::kInvalidArgument; }));
}

TEST(KubeletTest, EndsAtOnceThoughTheKubeletHangs) {
  const TlsServer server(nullptr);
  const auto start = Clock::now();
  {
    const auto kubelet = Kubelet::Start({.url = absl::StrCat("https://127.0.0.1:", server.port()),
                                         .token_file = "",
                                         .ca_file = "",
                                         .timeout = std::chrono::minutes(10),
                                         .refresh = std::chrono::minutes(10)});
    ASSERT_TRUE(kubelet.ok()) << kubelet.status();
    EXPECT_EQ((*kubelet)->pods(), nullptr);
  }
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));
  EXPECT_FALSE(Kubelet::Start({.url = "node1", .token_file = "", .ca_file = ""}).ok());
}

TEST(KubeletTest, TurnsToAnotherAtOnceThoughTheFirstHangs) {
  const TlsServer hangs(nullptr);
  const TlsServer answers([](const std::string&) { return OkAnswer(kPodList); });
  const FakeTree tree;
  tree.Write("/ca.pem", answers.certificate());
  KubeletOptions options = {.url = absl::StrCat("https://127.0.0.1:", hangs.port()),
                            .token_file = "",
                            .ca_file = tree.root() + "/ca.pem",
                            .timeout = std::chrono::minutes(10),
                            .refresh = std::chrono::minutes(10)};
  const auto kubelet = Kubelet::Start(options);
  ASSERT_TRUE(kubelet.ok()) << kubelet.status();
  options.url = "node1";
  EXPECT_EQ((*kubelet)->Configure(options).code(), absl::StatusCode::kInvalidArgument);
  options.url = absl::StrCat("https://127.0.0.1:", answers.port());
  ASSERT_TRUE((*kubelet)->Configure(options).ok());
  ASSERT_TRUE(WaitFor([&kubelet] { return (*kubelet)->pods() != nullptr; })) << (*kubelet)->status();

  options.url = "";
  ASSERT_TRUE((*kubelet)->Configure(options).ok());
  EXPECT_EQ((*kubelet)->pods(), nullptr);
  options.url = absl::StrCat("https://127.0.0.1:", answers.port());
  ASSERT_TRUE((*kubelet)->Configure(options).ok());
  ASSERT_TRUE(WaitFor([&kubelet] { return (*kubelet)->pods() != nullptr; })) << "it waits for ten minutes";
}

}  // namespace
}  // namespace tlsmeter::agent
