#include "src/base/http_get.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/base/fake_tree.h"
#include "tests/base/tls_server.h"

namespace tlsmeter::agent {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

TEST(HttpUrlTest, ReadsHostPortAndPath) {
  const auto parse = [](std::string_view text) {
    const auto url = ParseHttpUrl(text, "10250", "/pods");
    return url.ok() ? absl::StrCat(url->origin(), " ", url->host, " ", url->path) : "error";
  };
  EXPECT_EQ(parse("https://node1"), "https://node1:10250 node1 /pods");
  EXPECT_EQ(parse("https://node1/"), "https://node1:10250 node1 /pods");
  EXPECT_EQ(parse("https://127.0.0.1:443/x/y?z"), "https://127.0.0.1:443 127.0.0.1 /x/y?z");
  EXPECT_EQ(parse("https://[::1]:1/x"), "https://[::1]:1 ::1 /x");
  EXPECT_EQ(parse("https://[::1]"), "https://[::1]:10250 ::1 /pods");
  EXPECT_EQ(parse("http://node1:80/x"), "http://node1:80 node1 /x");
  for (const char* text : {"", "node1", "ftp://node1", "http://", "https://", "https:///x", "https://:1", "https://[::1",
                           "https://[]", "https://[::1]x", "https://a:", "https://a:b", "https://a:123456", "https://a:1:2",
                           "https://a b", "https://a/\r\nx", "https://user@a", "https://a\x80"}) {
    EXPECT_EQ(parse(text), "error") << text;
  }
}

class HttpGetTest : public testing::Test {
 protected:
  HttpGetRequest To(const TlsServer& server, const std::string& host = "127.0.0.1") {
    tree_.Write("/ca.pem", server.certificate());
    HttpGetRequest request;
    request.url = {.tls = true, .host = host, .port = std::to_string(server.port()), .path = "/pods"};
    request.tls.ca_file = tree_.root() + "/ca.pem";
    request.timeout = milliseconds(10000);
    request.max_body_bytes = 1000;
    return request;
  }

  FakeTree tree_;
  std::stop_source stop_;
};

TEST_F(HttpGetTest, ReturnsTheBody) {
  std::string asked;
  std::string body;
  {
    const TlsServer server([&asked](const std::string& head) {
      asked = head;
      return OkAnswer("hello");
    });
    HttpGetRequest request = To(server);
    request.authorization = "Bearer secret";
    const auto answer = HttpGet(request, stop_.get_token());
    ASSERT_TRUE(answer.ok()) << answer.status();
    body = *answer;
  }
  EXPECT_EQ(body, "hello");
  EXPECT_THAT(asked, HasSubstr("GET /pods HTTP/1.1\r\n"));
  EXPECT_THAT(asked, HasSubstr("Authorization: Bearer secret\r\n"));
}

TEST_F(HttpGetTest, TrustsNoServerWithoutProof) {
  const TlsServer server([](const std::string&) { return OkAnswer("hello"); });
  const TlsServer other([](const std::string&) { return OkAnswer("hello"); });
  HttpGetRequest request = To(server);
  tree_.Write("/ca.pem", other.certificate());
  EXPECT_EQ(HttpGet(request, stop_.get_token()).status().code(), absl::StatusCode::kUnavailable);
  request.tls.ca_file = "";
  EXPECT_EQ(HttpGet(request, stop_.get_token()).status().code(), absl::StatusCode::kUnavailable);
  request.tls.ca_file = tree_.root() + "/none";
  EXPECT_THAT(std::string(HttpGet(request, stop_.get_token()).status().message()), HasSubstr("/none"));
  EXPECT_TRUE(HttpGet(To(server, "localhost"), stop_.get_token()).ok());
}

TEST_F(HttpGetTest, AsksForACertificateOfTheNameThatItIsTold) {
  const TlsServer server([](const std::string&) { return OkAnswer("hello"); });
  HttpGetRequest request = To(server);
  request.tls.server_name = "localhost";
  EXPECT_TRUE(HttpGet(request, stop_.get_token()).ok());
  request.tls.server_name = "elsewhere";
  EXPECT_EQ(HttpGet(request, stop_.get_token()).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(HttpGetTest, NamesTheFileOfItsOwnThatItCannotUse) {
  const TlsServer server([](const std::string&) { return OkAnswer("hello"); });
  HttpGetRequest request = To(server);
  request.tls.cert_file = tree_.root() + "/no-certificate";
  request.tls.key_file = tree_.root() + "/no-key";
  EXPECT_THAT(std::string(HttpGet(request, stop_.get_token()).status().message()), HasSubstr("/no-certificate"));
  request.tls.cert_file = request.tls.ca_file;
  EXPECT_THAT(std::string(HttpGet(request, stop_.get_token()).status().message()), HasSubstr("/no-key"));
}

TEST_F(HttpGetTest, SpeaksNoTlsToAPlainServerAndTheOtherWayRound) {
  const TlsServer server([](const std::string&) { return OkAnswer("hello"); });
  HttpGetRequest request = To(server);
  request.url.tls = false;
  EXPECT_FALSE(HttpGet(request, stop_.get_token()).ok());
}

TEST_F(HttpGetTest, ReportsARefusal) {
  std::string line = "401 Unauthorized";
  const TlsServer server([&line](const std::string&) { return "HTTP/1.1 " + line + "\r\nContent-Length: 0\r\n\r\n"; });
  EXPECT_EQ(HttpGet(To(server), stop_.get_token()).status().code(), absl::StatusCode::kPermissionDenied);
  line = "503 Busy";
  EXPECT_EQ(HttpGet(To(server), stop_.get_token()).status().code(), absl::StatusCode::kUnavailable);
  line = "302 Found\r\nLocation: https://elsewhere";
  EXPECT_EQ(HttpGet(To(server), stop_.get_token()).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(HttpGetTest, ReadsNoMoreThanItsCeiling) {
  std::string body(1000, 'x');
  bool chunked = false;
  const TlsServer server([&](const std::string&) {
    if (!chunked) return OkAnswer(body);
    return absl::StrCat("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", absl::Hex(body.size()), "\r\n", body,
                        "\r\n0\r\n\r\n");
  });
  for (int form = 0; form < 2; ++form) {
    body.resize(1000, 'x');
    EXPECT_TRUE(HttpGet(To(server), stop_.get_token()).ok()) << form;
    body += 'x';
    EXPECT_EQ(HttpGet(To(server), stop_.get_token()).status().code(), absl::StatusCode::kUnavailable) << form;
    chunked = true;
  }
}

TEST_F(HttpGetTest, FailsOnAnAnswerThatIsCutShort) {
  const TlsServer server([](const std::string&) { return "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"; });
  EXPECT_EQ(HttpGet(To(server), stop_.get_token()).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(HttpGetTest, GivesUpWhenTheTimeIsOver) {
  const TlsServer server(nullptr);
  HttpGetRequest request = To(server);
  request.timeout = milliseconds(200);
  const auto start = Clock::now();
  EXPECT_EQ(HttpGet(request, stop_.get_token()).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_GE(Clock::now() - start, milliseconds(200));
  EXPECT_LT(Clock::now() - start, milliseconds(5000));
}

TEST_F(HttpGetTest, StopsWhenAsked) {
  const TlsServer server(nullptr);
  HttpGetRequest request = To(server);
  request.timeout = std::chrono::minutes(10);
  std::thread other([this] {
    std::this_thread::sleep_for(milliseconds(50));
    stop_.request_stop();
  });
  EXPECT_EQ(HttpGet(request, stop_.get_token()).status().code(), absl::StatusCode::kCancelled);
  other.join();
}

}  // namespace
}  // namespace tlsmeter::agent
