#include "src/attribution/kubelet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/attribution/fake_tree.h"
#include "tests/attribution/pod_lists.h"
#include "tests/attribution/tls_server.h"

namespace tlsmeter::agent {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

std::string Ok(std::string_view body) {
  return absl::StrCat("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ", body.size(), "\r\n\r\n",
                      std::string(body));
}

bool WaitFor(const std::function<bool()>& condition) {
  const auto deadline = Clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return true;
}

TEST(HttpsUrlTest, ReadsHostPortAndPath) {
  const auto parse = [](std::string_view text) {
    const auto url = ParseHttpsUrl(text, "10250", "/pods");
    return url.ok() ? absl::StrCat(url->host, " ", url->port, " ", url->path) : "error";
  };
  EXPECT_EQ(parse("https://node1"), "node1 10250 /pods");
  EXPECT_EQ(parse("https://node1/"), "node1 10250 /pods");
  EXPECT_EQ(parse("https://127.0.0.1:443/x/y?z"), "127.0.0.1 443 /x/y?z");
  EXPECT_EQ(parse("https://[::1]:1/x"), "::1 1 /x");
  EXPECT_EQ(parse("https://[::1]"), "::1 10250 /pods");
  for (const char* text : {"", "node1", "http://node1", "https://", "https:///x", "https://:1", "https://[::1", "https://[]",
                           "https://[::1]x", "https://a:", "https://a:b", "https://a:123456", "https://a:1:2", "https://a b",
                           "https://a/\r\nx", "https://user@a", "https://a\x80"}) {
    EXPECT_EQ(parse(text), "error") << text;
  }
}

class HttpsGetTest : public testing::Test {
 protected:
  HttpsRequest To(const TlsServer& server, const std::string& host = "127.0.0.1") {
    tree_.Write("/ca.pem", server.certificate());
    return {.url = {host, std::to_string(server.port()), "/pods"},
            .bearer_token = "",
            .ca_file = tree_.root() + "/ca.pem",
            .timeout = milliseconds(10000),
            .max_body_bytes = 1000};
  }

  FakeTree tree_;
  std::stop_source stop_;
};

TEST_F(HttpsGetTest, ReturnsTheBody) {
  std::string asked;
  std::string body;
  {
    const TlsServer server([&asked](const std::string& head) {
      asked = head;
      return Ok("hello");
    });
    HttpsRequest request = To(server);
    request.bearer_token = "secret";
    const auto answer = HttpsGet(request, stop_.get_token());
    ASSERT_TRUE(answer.ok()) << answer.status();
    body = *answer;
  }
  EXPECT_EQ(body, "hello");
  EXPECT_THAT(asked, HasSubstr("GET /pods HTTP/1.1\r\n"));
  EXPECT_THAT(asked, HasSubstr("Authorization: Bearer secret\r\n"));
}

TEST_F(HttpsGetTest, TrustsNoServerWithoutProof) {
  const TlsServer server([](const std::string&) { return Ok("hello"); });
  const TlsServer other([](const std::string&) { return Ok("hello"); });
  HttpsRequest request = To(server);
  tree_.Write("/ca.pem", other.certificate());
  EXPECT_EQ(HttpsGet(request, stop_.get_token()).status().code(), absl::StatusCode::kUnavailable);
  request.ca_file = "";
  EXPECT_EQ(HttpsGet(request, stop_.get_token()).status().code(), absl::StatusCode::kUnavailable);
  request.ca_file = tree_.root() + "/none";
  EXPECT_THAT(std::string(HttpsGet(request, stop_.get_token()).status().message()), HasSubstr("/none"));
  EXPECT_TRUE(HttpsGet(To(server, "localhost"), stop_.get_token()).ok());
  EXPECT_EQ(HttpsGet(To(server, "127.0.0.2"), stop_.get_token()).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(HttpsGetTest, ReportsARefusal) {
  std::string line = "401 Unauthorized";
  const TlsServer server([&line](const std::string&) { return "HTTP/1.1 " + line + "\r\nContent-Length: 0\r\n\r\n"; });
  EXPECT_EQ(HttpsGet(To(server), stop_.get_token()).status().code(), absl::StatusCode::kPermissionDenied);
  line = "503 Busy";
  EXPECT_EQ(HttpsGet(To(server), stop_.get_token()).status().code(), absl::StatusCode::kUnavailable);
  line = "302 Found\r\nLocation: https://elsewhere";
  EXPECT_EQ(HttpsGet(To(server), stop_.get_token()).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(HttpsGetTest, ReadsNoMoreThanItsCeiling) {
  std::string body(1000, 'x');
  bool chunked = false;
  const TlsServer server([&](const std::string&) {
    if (!chunked) return Ok(body);
    return absl::StrCat("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", absl::Hex(body.size()), "\r\n", body,
                        "\r\n0\r\n\r\n");
  });
  for (int form = 0; form < 2; ++form) {
    body.resize(1000, 'x');
    EXPECT_TRUE(HttpsGet(To(server), stop_.get_token()).ok()) << form;
    body += 'x';
    EXPECT_EQ(HttpsGet(To(server), stop_.get_token()).status().code(), absl::StatusCode::kUnavailable) << form;
    chunked = true;
  }
}

TEST_F(HttpsGetTest, FailsOnAnAnswerThatIsCutShort) {
  const TlsServer server([](const std::string&) { return "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"; });
  EXPECT_EQ(HttpsGet(To(server), stop_.get_token()).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(HttpsGetTest, GivesUpWhenTheTimeIsOver) {
  const TlsServer server(nullptr);
  HttpsRequest request = To(server);
  request.timeout = milliseconds(200);
  const auto start = Clock::now();
  EXPECT_EQ(HttpsGet(request, stop_.get_token()).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_GE(Clock::now() - start, milliseconds(200));
  EXPECT_LT(Clock::now() - start, milliseconds(5000));
}

TEST_F(HttpsGetTest, StopsWhenAsked) {
  const TlsServer server(nullptr);
  HttpsRequest request = To(server);
  request.timeout = std::chrono::minutes(10);
  std::thread other([this] {
    std::this_thread::sleep_for(milliseconds(50));
    stop_.request_stop();
  });
  EXPECT_EQ(HttpsGet(request, stop_.get_token()).status().code(), absl::StatusCode::kCancelled);
  other.join();
}

TEST(KubeletTest, KeepsTheNewestListAndReadsTheTokenAnew) {
  const FakeTree tree;
  tree.Write("/token", "first\n");
  std::atomic<bool> refuse = false;
  const TlsServer server([&refuse](const std::string& head) {
    const bool known = head.find("Bearer first\r\n") != std::string::npos;
    return refuse || !known ? std::string("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") : Ok(kPodList);
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
  const TlsServer answers([](const std::string&) { return Ok(kPodList); });
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
