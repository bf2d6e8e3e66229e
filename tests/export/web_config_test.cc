#include "src/export/web_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tlsmeter::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

constexpr char kHash[] = "$2y$04$QNItQGYGOTFQoqgh9q5XxuRGbxGdxKYOYoLsqnYGRkjtcLkzgwmVe";

std::string Mistake(const std::string& text) {
  const absl::StatusOr<WebConfig> config = ParseWebConfig(text, "/etc/web.yml");
  return config.ok() ? "none" : std::string(config.status().message());
}

TEST(WebConfigTest, ReadsEverythingThatIsKnown) {
  const auto config = ParseWebConfig(std::string("tls_server_config:\n"
                                                 "  cert_file: server.crt\n"
                                                 "  key_file: /run/server.key\n"
                                                 "  client_auth_type: RequireAndVerifyClientCert\n"
                                                 "  client_ca_file: ca.crt\n"
                                                 "  min_version: TLS13\n"
                                                 "  max_version: TLS13\n"
                                                 "http_server_config:\n"
                                                 "  http2: false\n"
                                                 "  headers:\n"
                                                 "    X-Frame-Options: deny\n"
                                                 "basic_auth_users:\n"
                                                 "  prometheus: ") +
                                         kHash + "\n",
                                     "/etc/tlsmeter/web.yml");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_TRUE(config->tls.has_value());
  EXPECT_EQ(config->tls->cert_file, "/etc/tlsmeter/server.crt");
  EXPECT_EQ(config->tls->key_file, "/run/server.key");
  EXPECT_EQ(config->tls->client_ca_file, "/etc/tlsmeter/ca.crt");
  EXPECT_EQ(config->tls->client_auth, ClientAuth::kRequireAndVerify);
  EXPECT_EQ(config->tls->min_version, 0x0304);
  EXPECT_EQ(config->tls->max_version, 0x0304);
  EXPECT_THAT(config->users, ElementsAre(Pair("prometheus", kHash)));
  EXPECT_THAT(config->headers, ElementsAre(Pair("X-Frame-Options", "deny")));
}

TEST(WebConfigTest, TakesAnEmptyFileForNoProtection) {
  for (const char* text : {"", "# nothing\n", "basic_auth_users:\n", "http_server_config: {headers: {}}"}) {
    const auto config = ParseWebConfig(text, "web.yml");
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_FALSE(config->tls.has_value());
    EXPECT_TRUE(config->users.empty());
  }
}

TEST(WebConfigTest, DefaultsToTls12AndNoClientCertificate) {
  const auto config = ParseWebConfig("tls_server_config: {cert_file: a, key_file: b}", "web.yml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->tls->cert_file, "a");
  EXPECT_EQ(config->tls->min_version, 0x0303);
  EXPECT_EQ(config->tls->client_auth, ClientAuth::kNone);
}

TEST(WebConfigTest, NamesLineAndColumnOfAnUnknownKey) {
  EXPECT_THAT(Mistake("basic_auth_users: {}\ntls_config: {}\n"), HasSubstr("/etc/web.yml:2:1: unknown key \"tls_config\""));
  EXPECT_THAT(Mistake("tls_server_config:\n  cert_file: a\n  keyfile: b\n"), HasSubstr("/etc/web.yml:3:3: unknown key"));
  EXPECT_THAT(Mistake("http_server_config:\n  headers:\n    Server: x\n"), HasSubstr(":3:5: unknown key \"Server\""));
  EXPECT_THAT(Mistake("http_server_config: {http3: true}"), HasSubstr(":1:22: unknown key \"http3\""));
}

TEST(WebConfigTest, RefusesWhatItCannotHonour) {
  const std::string tls = "tls_server_config: {cert_file: a, key_file: b, ";
  EXPECT_THAT(Mistake("tls_server_config: {cert_file: a}"), HasSubstr("needs cert_file and key_file"));
  EXPECT_THAT(Mistake(tls + "min_version: SSL30}"), HasSubstr("min_version must be TLS10"));
  EXPECT_THAT(Mistake(tls + "min_version: TLS13, max_version: TLS12}"), HasSubstr("above max_version"));
  EXPECT_THAT(Mistake(tls + "client_auth_type: Sometimes}"), HasSubstr("client_auth_type must be"));
  EXPECT_THAT(Mistake(tls + "client_ca_file: c}"), HasSubstr("client_ca_file goes with"));
  EXPECT_THAT(Mistake(tls + "client_auth_type: RequireAndVerifyClientCert}"), HasSubstr("these need it"));
  EXPECT_THAT(Mistake(tls + "cipher_suites: []}"), HasSubstr("unknown key \"cipher_suites\""));
  EXPECT_THAT(Mistake("http_server_config: {http2: true}"), HasSubstr("HTTP/2 is not spoken here"));
  EXPECT_THAT(Mistake("http_server_config: {headers: {X-Frame-Options: \"a\\r\\nb\"}}"), HasSubstr("on one line"));
}

TEST(WebConfigTest, RefusesUsersThatCouldNotLogIn) {
  EXPECT_THAT(Mistake("basic_auth_users:\n  a: secret\n"), HasSubstr(":2:6: not a bcrypt hash"));
  EXPECT_THAT(Mistake("basic_auth_users:\n  a: secret\n"), Not(HasSubstr("secret")));
  EXPECT_THAT(Mistake(std::string("basic_auth_users: {'a:b': ") + kHash + "}"), HasSubstr("colon"));
  EXPECT_THAT(Mistake("basic_auth_users: {a: [1]}"), HasSubstr("single value"));
  std::string costly = kHash;
  costly.replace(4, 2, "15");
  EXPECT_THAT(Mistake("basic_auth_users: {a: " + costly + "}"), HasSubstr("the bcrypt cost is 15"));
  EXPECT_EQ(Mistake(std::string("basic_auth_users: {a: ") + kHash + "}"), "none");
}

TEST(WebConfigTest, RefusesAKeyGivenTwice) {
  EXPECT_THAT(Mistake("basic_auth_users: {}\nbasic_auth_users: {}\n"),
              HasSubstr(":2:1: \"basic_auth_users\" is given twice"));
}

TEST(WebConfigTest, RefusesTooManyUsers) {
  std::string text = "basic_auth_users:\n";
  for (size_t i = 0; i <= kMaxWebUsers; ++i) text += "  u" + std::to_string(i) + ": " + kHash + "\n";
  EXPECT_THAT(Mistake(text), HasSubstr(":102:3: more than 100 users"));
}

TEST(WebConfigTest, NamesThePlaceOfBrokenYaml) {
  EXPECT_THAT(Mistake("tls_server_config: {\n"), HasSubstr("/etc/web.yml:"));
  EXPECT_THAT(Mistake("a: b: c"), HasSubstr("/etc/web.yml:1:"));
  EXPECT_THAT(Mistake("- a list"), HasSubstr("/etc/web.yml:1:1: the file must be a mapping"));
  EXPECT_THAT(Mistake(std::string(10000, '[')), HasSubstr("/etc/web.yml:1:"));
  EXPECT_THAT(Mistake("*undefined"), HasSubstr("/etc/web.yml:1:"));
}

}  // namespace
}  // namespace tlsmeter::agent
