#include "src/export/web_security.h"

#include <crypt.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "src/export/http_server.h"
#include "tests/export/http_client.h"
#include "tests/export/https_client.h"
#include "tests/export/tls_files.h"

namespace tlsmeter::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kTls[] = "tls_server_config: {cert_file: a.crt, key_file: a.key}\n";
constexpr char kGet[] = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";

std::string User(const char* setting) {
  crypt_data data = {};
  return std::string("basic_auth_users: {alice: ") + crypt_r("secret", setting, &data) + "}\n";
}

std::string GetAs(const std::string& user_and_password) {
  return "GET /x HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + absl::Base64Escape(user_and_password) + "\r\n\r\n";
}

class WebSecurityTest : public testing::Test {
 protected:
  WebSecurityTest() { files_.MakeCertificate("a"); }

  std::unique_ptr<WebSecurity> Load(const std::string& text) {
    auto security = WebSecurity::Load(files_.Write("web.yml", text));
    EXPECT_TRUE(security.ok()) << security.status();
    return *std::move(security);
  }

  std::string LoadError(const std::string& text) {
    const auto security = WebSecurity::Load(files_.Write("web.yml", text));
    return security.ok() ? "none" : std::string(security.status().message());
  }

  std::unique_ptr<HttpServer> Serve(const std::string& text, HttpLimits limits = {}) {
    const auto handler = [](const HttpRequest& request) {
      HttpResponse response;
      response.body = "you asked for " + std::string(request.target);
      return response;
    };
    auto server = HttpServer::Listen("127.0.0.1:0", handler, limits, Load(text));
    EXPECT_TRUE(server.ok()) << server.status();
    (*server)->Serve();
    return *std::move(server);
  }

  TlsFiles files_;
};

TEST_F(WebSecurityTest, NamesTheFileThatCannotBeUsed) {
  EXPECT_THAT(LoadError("tls_server_config: {cert_file: none.crt, key_file: a.key}"),
              HasSubstr("cannot use cert_file " + files_.Path("none.crt") + ": "));
  EXPECT_THAT(LoadError("tls_server_config: {cert_file: none.crt, key_file: a.key}"), HasSubstr("No such file"));
  EXPECT_THAT(LoadError("tls_server_config: {cert_file: web.yml, key_file: a.key}"), HasSubstr("cert_file"));
  files_.MakeCertificate("b");
  EXPECT_THAT(LoadError("tls_server_config: {cert_file: a.crt, key_file: b.key}"), HasSubstr("key values mismatch"));
  EXPECT_THAT(LoadError("tls_server_config: {cert_file: a.crt, key_file: a.key, client_ca_file: a.key, client_auth_type: "
                        "RequireAndVerifyClientCert}"),
              HasSubstr("cannot use client_ca_file"));
  EXPECT_THAT(std::string(WebSecurity::Load(files_.Path("absent.yml")).status().message()),
              HasSubstr("absent.yml: No such file"));
}

TEST_F(WebSecurityTest, ServesOverTls) {
  const auto server = Serve(kTls);
  HttpsClient client(server->port());
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.peer(), "a");
  for (int i = 0; i < 3; ++i) EXPECT_THAT(client.Ask(kGet), EndsWith("\r\n\r\nyou asked for /x"));
}

TEST_F(WebSecurityTest, HoldsToTheMinimumVersion) {
  const auto server = Serve("tls_server_config: {cert_file: a.crt, key_file: a.key, min_version: TLS13}\n");
  EXPECT_TRUE(HttpsClient(server->port()).connected());
  EXPECT_FALSE(HttpsClient(server->port(), "", TLS1_2_VERSION).connected());
  const auto lenient = Serve(kTls);
  EXPECT_TRUE(HttpsClient(lenient->port(), "", TLS1_2_VERSION).connected());
  EXPECT_FALSE(HttpsClient(lenient->port(), "", TLS1_1_VERSION).connected());
}

TEST_F(WebSecurityTest, AsksForClientCertificatesAsConfigured) {
  files_.MakeCertificate("client");
  files_.MakeCertificate("stranger");
  const auto answers = [this](const std::string& options, const std::string& certificate) {
    const auto server = Serve("tls_server_config: {cert_file: a.crt, key_file: a.key, " + options + "}\n");
    return !HttpsClient(server->port(), certificate.empty() ? "" : files_.Path(certificate)).Ask(kGet).empty();
  };
  const std::string verify = "client_ca_file: client.crt, client_auth_type: ";
  EXPECT_TRUE(answers(verify + "RequireAndVerifyClientCert", "client"));
  EXPECT_FALSE(answers(verify + "RequireAndVerifyClientCert", "stranger"));
  EXPECT_FALSE(answers(verify + "RequireAndVerifyClientCert", ""));
  EXPECT_TRUE(answers(verify + "VerifyClientCertIfGiven", ""));
  EXPECT_FALSE(answers(verify + "VerifyClientCertIfGiven", "stranger"));
  EXPECT_TRUE(answers("client_auth_type: RequireAnyClientCert", "stranger"));
  EXPECT_FALSE(answers("client_auth_type: RequireAnyClientCert", ""));
  EXPECT_TRUE(answers("client_auth_type: RequestClientCert", ""));
}

TEST_F(WebSecurityTest, AsksForAPassword) {
  const auto server = Serve(User("$2y$04$abcdefghijklmnopqrstuu"));
  HttpClient client(server->port());
  client.Send(kGet);
  const std::string refusal = client.ReadAnswer();
  EXPECT_THAT(refusal, StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(refusal, HasSubstr("WWW-Authenticate: Basic realm=\"tlsmeter\""));
  for (const char* wrong : {"alice:", "alice:Secret", "bob:secret"}) {
    HttpClient guesser(server->port());
    guesser.Send(GetAs(wrong));
    EXPECT_THAT(guesser.ReadAnswer(), StartsWith("HTTP/1.1 401 ")) << wrong;
  }
  HttpClient scraper(server->port());
  for (int i = 0; i < 3; ++i) {
    scraper.Send(GetAs("alice:secret"));
    EXPECT_THAT(scraper.ReadAnswer(), EndsWith("you asked for /x"));
  }
}

// A cost of 12 takes a quarter of a second: were it paid on the server's thread, it would show.
TEST_F(WebSecurityTest, AnswersWhoIsKnownWhileOthersGuess) {
  const auto server = Serve(User("$2y$08$abcdefghijklmnopqrstuu"));
  HttpClient scraper(server->port());
  scraper.Send(GetAs("alice:secret"));
  ASSERT_THAT(scraper.ReadAnswer(), StartsWith("HTTP/1.1 200 "));
  std::vector<std::unique_ptr<HttpClient>> guessers;
  for (int i = 0; i < 40; ++i) {
    guessers.push_back(std::make_unique<HttpClient>(server->port()));
    guessers.back()->Send(GetAs("alice:guess" + std::to_string(i)));
  }
  EXPECT_THAT(guessers.back()->ReadAnswer(), StartsWith("HTTP/1.1 503 "));
  for (int i = 0; i < 20; ++i) {
    scraper.Send(GetAs("alice:secret"));
    ASSERT_THAT(scraper.ReadAnswer(), StartsWith("HTTP/1.1 200 "));
  }
}

TEST_F(WebSecurityTest, AddsTheConfiguredHeaders) {
  const auto server = Serve("http_server_config: {headers: {X-Frame-Options: deny, X-Content-Type-Options: off}}");
  const std::string answer = Get(server->port(), "/x");
  EXPECT_THAT(answer, HasSubstr("X-Frame-Options: deny\r\n"));
  EXPECT_THAT(answer, HasSubstr("X-Content-Type-Options: off\r\n"));
}

TEST_F(WebSecurityTest, IsNotHurtByBadTlsClients) {
  HttpLimits limits;
  limits.read_deadline = milliseconds(200);
  const auto server = Serve(kTls, limits);
  for (const std::string& bytes :
       {std::string(kGet), std::string("\x16\x03\x01\x40\x00", 5) + std::string(16384, '\xff'),
        std::string("\x16\x03\x01\x00\x05\x01\x00\x40\x00\x00", 10), std::string("\x15\x03\x03\x00\x02\x02\x28", 7),
        std::string(100000, '\0'), std::string("\x80\x2e\x01\x00\x02", 5)}) {
    HttpClient client(server->port());
    client.Send(bytes);
    bool closed = false;
    client.ReadToEnd(&closed);
    EXPECT_TRUE(closed);
  }
  HttpClient silent(server->port());  // the deadline ends it
  bool closed = false;
  silent.ReadToEnd(&closed);
  EXPECT_TRUE(closed);
  EXPECT_THAT(HttpsClient(server->port()).Ask(kGet), EndsWith("you asked for /x"));
}

TEST_F(WebSecurityTest, AnswersAScrapeAmongAThousandSlowTlsClients) {
  const auto server = Serve(kTls);
  std::vector<HttpClient> slow;
  for (int i = 0; i < 1000; ++i) {
    slow.emplace_back(server->port());
    if (!slow.back().connected()) break;  // no more descriptors: those that are there will do
    slow.back().Send({"\x16\x03\x01", 3});
  }
  EXPECT_GT(slow.size(), 300u);
  const auto start = steady_clock::now();
  EXPECT_THAT(HttpsClient(server->port()).Ask(kGet), EndsWith("you asked for /x"));
  EXPECT_LT(steady_clock::now() - start, milliseconds(5000));
}

TEST_F(WebSecurityTest, TakesOverARenewedCertificate) {
  const auto security = Load(kTls);
  const auto before = security->tls();
  auto now = steady_clock::now();
  security->Refresh(now);
  EXPECT_EQ(security->tls(), before);
  files_.MakeCertificate("a");
  security->Refresh(now + milliseconds(500));  // too early to look
  EXPECT_EQ(security->tls(), before);
  security->Refresh(now + WebSecurity::kLookEvery);
  EXPECT_NE(security->tls(), before);
}

TEST_F(WebSecurityTest, ServesTheNewCertificateToNewConnections) {
  files_.MakeCertificate("b");
  const auto server = Serve(kTls);
  EXPECT_EQ(HttpsClient(server->port()).peer(), "a");
  files_.Write("web.yml", "tls_server_config: {cert_file: b.crt, key_file: b.key}\n");
  std::this_thread::sleep_for(WebSecurity::kLookEvery + milliseconds(50));
  EXPECT_EQ(HttpsClient(server->port()).peer(), "b");
}

TEST_F(WebSecurityTest, KeepsWhatWasInForceWhenAChangeCannotBeUsed) {
  const auto security = Load(kTls + User("$2y$04$abcdefghijklmnopqrstuu"));
  const auto before = security->tls();
  auto now = steady_clock::now();
  for (const std::string& text : {std::string("tls_server_config: {"), std::string(), std::string(kTls),
                                  User("$2y$04$abcdefghijklmnopqrstuu"), std::string("basic_auth_user: {}\n")}) {
    files_.Write("web.yml", text);
    security->Refresh(now += WebSecurity::kLookEvery);
    EXPECT_EQ(security->tls(), before) << text;
    EXPECT_EQ(security->config().users.size(), 1u) << text;
  }
  std::filesystem::remove(files_.Path("web.yml"));
  security->Refresh(now += WebSecurity::kLookEvery);
  EXPECT_EQ(security->tls(), before);
  files_.Write("web.yml", kTls + User("$2y$05$abcdefghijklmnopqrstuu"));
  security->Refresh(now += WebSecurity::kLookEvery);
  EXPECT_NE(security->tls(), before);
  EXPECT_THAT(security->config().users.at("alice"), StartsWith("$2y$05$"));
}

TEST_F(WebSecurityTest, TellsAMistakeOnceUntilTheFileChangesAgain) {
  const auto security = Load(kTls);
  files_.Write("web.yml", "nonsense: 1\n");
  testing::internal::CaptureStderr();
  auto now = steady_clock::now();
  for (int i = 0; i < 3; ++i) security->Refresh(now += WebSecurity::kLookEvery);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "tlsmeter: the web configuration stays as it was: " + files_.Path("web.yml") +
                ":1:1: unknown key \"nonsense\"; known here: tls_server_config, http_server_config, basic_auth_users\n");
}

}  // namespace
}  // namespace tlsmeter::agent
