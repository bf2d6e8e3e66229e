#include "src/agent/ask_agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "src/export/http_server.h"
#include "tests/base/fake_tree.h"
#include "tests/base/tls_server.h"

namespace tlsmeter::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string UrlOf(uint16_t port) { return absl::StrCat("http://127.0.0.1:", port); }

TEST(AskAgentTest, RefusesWhatIsNoUrl) {
  for (const char* url : {"", "127.0.0.1:9743", "ftp://127.0.0.1:9743", "http://", "http://:9743", "https://",
                          "http://a:", "http://a:x", "http://a:123456", "http://[::1:9743", "http://[::1]9743", "http://a b",
                          "http://u@a", "http://a/metrics", "http://a\n"}) {
    const absl::Status status = AskAgent({.url = url}, "/").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << url;
  }
}

TEST(AskAgentTest, SaysWhatTheServerAnswered) {
  unsigned answer = 404;
  const auto server = HttpServer::Listen("127.0.0.1:0", [&answer](const HttpRequest& request) {
    HttpResponse response;
    response.status = answer;
    response.body = std::string(request.target);
    return response;
  });
  ASSERT_TRUE(server.ok());
  (*server)->Serve();
  const std::string url = UrlOf((*server)->port());
  EXPECT_EQ(AskAgent({.url = url}, "/x").status().message(), url + " answers 404 to /x");
  answer = 401;
  const absl::Status refused = AskAgent({.url = url}, "/x").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("without credentials; --http.config.file"));
  answer = 200;
  EXPECT_EQ(AskAgent({.url = url + "/"}, "/x").value_or(""), "/x");
  EXPECT_EQ(AskAgent({.url = "http://localhost:" + std::to_string((*server)->port())}, "/y").value_or(""), "/y");
}

TEST(AskAgentTest, TakesNoAnswerAboveItsCeiling) {
  size_t size = kMaxAgentAnswer;
  const auto server = HttpServer::Listen("127.0.0.1:0", [&size](const HttpRequest&) {
    HttpResponse response;
    response.body.resize(size, 'x');
    return response;
  });
  ASSERT_TRUE(server.ok());
  (*server)->Serve();
  EXPECT_TRUE(AskAgent({.url = UrlOf((*server)->port())}, "/").ok());
  ++size;
  EXPECT_EQ(AskAgent({.url = UrlOf((*server)->port())}, "/").status().code(), absl::StatusCode::kUnavailable);
}

TEST(AskAgentTest, GivesUpOnAServerThatSaysNothing) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);
  EXPECT_EQ(AskAgent({.url = UrlOf(ntohs(address.sin_port))}, "/").status().code(), absl::StatusCode::kDeadlineExceeded);
  close(listener);
}

TEST(AskAgentTest, TrustsAndSendsWhatTheFileSays) {
  std::string head;
  const TlsServer server([&head](const std::string& asked) {
    head = asked;
    const bool refused = asked.find("Bearer") != std::string::npos;
    return absl::StrCat("HTTP/1.1 ", refused ? "403 Forbidden" : "200 OK", "\r\nContent-Length: 0\r\n\r\n");
  });
  const FakeTree tree;
  tree.Write("/ca.pem", server.certificate());
  tree.Write("/secret", "s3cret\n");
  AgentAddress agent{.url = absl::StrCat("https://127.0.0.1:", server.port()), .http_config = tree.root() + "/http.yml"};
  EXPECT_EQ(AskAgent(agent, "/").status().code(), absl::StatusCode::kNotFound);
  tree.Write("/http.yml", "basic_auth: {username: me, password_file: secret}\n");
  EXPECT_EQ(AskAgent(agent, "/").status().code(), absl::StatusCode::kUnavailable) << "nobody vouches for it";
  EXPECT_EQ(head, "") << "no credentials for a stranger";
  tree.Write("/http.yml", "tls_config: {ca_file: ca.pem}\nbasic_auth: {username: me, password_file: secret}\n");
  const auto answer = AskAgent(agent, "/x");
  EXPECT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(head, AllOf(HasSubstr("GET /x HTTP/1.1\r\n"), HasSubstr("Authorization: Basic bWU6czNjcmV0\r\n")));
  tree.Write("/http.yml", "tls_config: {ca_file: ca.pem}\nauthorization: {credentials_file: secret}\n");
  const absl::Status refused = AskAgent(agent, "/").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("without credentials")));
}

}  // namespace
}  // namespace tlsmeter::agent
