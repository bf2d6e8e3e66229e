#include "src/agent/http_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/base/fake_tree.h"

namespace tlsmeter::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class HttpConfigTest : public ::testing::Test {
 protected:
  HttpConfigTest() { tree_.Write("/secret", "s3cret\n"); }

  absl::StatusOr<HttpConfig> Parse(const std::string& text) const {
    return ParseHttpConfig(text, tree_.root() + "/http.yml");
  }

  FakeTree tree_;
};

TEST_F(HttpConfigTest, ReadsAllOfIt) {
  const auto config = Parse(
      "tls_config: {ca_file: ca.pem, cert_file: /me.pem, key_file: me.key, server_name: node1}\n"
      "basic_auth: {username: me, password_file: secret}\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->tls.ca_file, tree_.root() + "/ca.pem");
  EXPECT_EQ(config->tls.cert_file, "/me.pem");
  EXPECT_EQ(config->tls.key_file, tree_.root() + "/me.key");
  EXPECT_EQ(config->tls.server_name, "node1");
  EXPECT_EQ(config->authorization, "Basic bWU6czNjcmV0");
}

TEST_F(HttpConfigTest, ATokenIsABearersUnlessItSaysOtherwise) {
  EXPECT_EQ(Parse("authorization: {credentials_file: secret}")->authorization, "Bearer s3cret");
  EXPECT_EQ(Parse("authorization: {type: Token, credentials_file: secret}")->authorization, "Token s3cret");
}

TEST_F(HttpConfigTest, AnEmptyFileAsksNothingSpecial) {
  const auto config = Parse("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->authorization, "");
  EXPECT_EQ(config->tls.ca_file, "");
}

TEST_F(HttpConfigTest, RefusesWhatItCannotUse) {
  tree_.Write("/lines", "s3cret\ns3cret");
  const std::pair<const char*, const char*> cases[] = {
      {"proxy_url: x", "tls_config, basic_auth, authorization"},
      {"tls_config: {insecure_skip_verify: true}", "ca_file, cert_file, key_file, server_name"},
      {"tls_config: {cert_file: a}", "go together"},
      {"tls_config: {key_file: a}", "go together"},
      {"tls_config: {ca_file: ''}", "must name a file"},
      {"tls_config: {server_name: 'a b'}", "word"},
      {"tls_config: 7", "mapping"},
      {"basic_auth: {username: me}", "needs username and password_file"},
      {"basic_auth: {password_file: secret}", "needs username and password_file"},
      {"basic_auth: {username: 'm:e', password_file: secret}", "colon"},
      {"basic_auth: {username: me, password: s3cret}", "username, password_file"},
      {"basic_auth: {username: me, password_file: none}", "/none"},
      {"basic_auth: {username: me, password_file: lines}", "/lines"},
      {"authorization: {type: Bearer}", "needs credentials_file"},
      {"authorization: {type: \"a\\r\\nb\", credentials_file: secret}", "word"},
      {"authorization: {credentials_file: secret}\nbasic_auth: {username: me, password_file: secret}", "only one of"},
      {"authorization: {credentials_file: secret}\nauthorization: {credentials_file: secret}", "twice"},
  };
  for (const auto& [text, why] : cases) {
    const absl::Status status = Parse(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("/http.yml:"), HasSubstr(why), Not(HasSubstr("s3cret"))))
        << text;
  }
}

TEST_F(HttpConfigTest, NamesAFileThatCannotBeRead) {
  const absl::Status status = LoadHttpConfig(tree_.root() + "/none").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/none"));
}

}  // namespace
}  // namespace tlsmeter::agent
