#include "src/agent/certificate_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "src/aggregate/aggregator.h"
#include "src/export/json_api.h"

namespace tlsmeter::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'000'000'000);  // 2001-09-09

// Words returns the columns of each line but the first.
std::vector<std::vector<std::string>> Words(const CertificateList& list) {
  std::vector<std::vector<std::string>> words;
  const std::string text = list.Text(kNow);
  for (const auto& line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    words.push_back(absl::StrSplit(line, ' ', absl::SkipEmpty()));
  }
  words.erase(words.begin());
  return words;
}

CertificateList ParseGood(std::string_view answer) {
  absl::StatusOr<CertificateList> list = CertificateList::Parse(answer);
  EXPECT_TRUE(list.ok()) << list.status();
  return *std::move(list);
}

HandshakeRecord Shown(uint8_t digest, int64_t not_after, std::string_view server_name) {
  HandshakeRecord record;
  record.role = Role::kServer;
  record.owner = {.pid = 7, .comm = "nginx"};
  record.result = Result::kSuccess;
  record.tls.client_hello.emplace();
  record.tls.client_hello->server_name = server_name;
  record.tls.client_hello_ns = 1'000'000'000;
  CertificateFacts leaf;
  leaf.sha256 = {digest};
  leaf.readable = true;
  leaf.subject = "CN=a b";
  leaf.key_algorithm = "EC";
  leaf.key_curve = "prime256v1";
  leaf.not_after = not_after;
  CertificateFacts issuer;
  issuer.sha256 = {0xff};
  issuer.readable = true;
  issuer.key_algorithm = "RSA";
  issuer.key_bits = 4096;
  record.tls.server_certificates.certificates = {std::make_shared<const CertificateFacts>(leaf),
                                                 std::make_shared<const CertificateFacts>(issuer)};
  return record;
}

TEST(CertificateListTest, ReadsWhatTheJsonApiWrites) {
  Aggregator aggregator;
  aggregator.Add(Shown(2, 1'000'000'000 + 86400 * 3 + 5, "shop.example"));
  aggregator.Add(Shown(1, 1'000'000'000 - 5, "shop.example"));
  aggregator.Add(Shown(1, 1'000'000'000 - 5, "pay.example"));
  CertificateList list = ParseGood(CertificatesAnswer(aggregator.Certificates()).body);
  EXPECT_THAT(Words(list),
              ElementsAre(ElementsAre("2001-09-09", "-1", "server", "leaf", "EC:prime256v1", "shop.example+1", "nginx",
                                      "0100000000000000", "CN=a", "b"),
                          ElementsAre("2001-09-12", "3", "server", "leaf", "EC:prime256v1", "shop.example", "nginx",
                                      "0200000000000000", "CN=a", "b"),
                          ElementsAre("-", "-", "server", "+1", "RSA:4096", "-", "-", "FF00000000000000", "-")));
  EXPECT_EQ(list.evicted(), 0u);
  EXPECT_THAT(list.JsonLines(), HasSubstr("\"server_name\":\"pay.example\""));

  list.KeepEndingBefore(kNow + absl::Hours(24));
  ASSERT_EQ(Words(list).size(), 1u);
  EXPECT_EQ(Words(list)[0][0], "2001-09-09");
}

TEST(CertificateListTest, RefusesWhatIsNoAnswer) {
  for (const char* text : {"", "{", "[]", "{}", "{\"certificates\":1}", "{\"certificates\":[1]}", "{\"certificates\":{}}",
                           "{\"certificates\":[{},{\"not_after\":\"soon\"}]}", "{\"error\":\"x\"}"}) {
    EXPECT_EQ(CertificateList::Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(CertificateListTest, SaysHowManyHadNoRoom) {
  const CertificateList list = ParseGood(R"({"certificates":[{"not_after":"2003-01-01T00:00:00Z"},{}],"evicted":3})");
  EXPECT_EQ(list.evicted(), 3u);
  EXPECT_EQ(list.JsonLines(), "{\"not_after\":\"2003-01-01T00:00:00Z\"}\n{}\n");
}

TEST(CertificateListTest, LetsNothingOfAnotherHostReachTheTerminal) {
  const CertificateList list = ParseGood(R"({"certificates":[{"subject":"\u001b[31m","sender":"a b","key_bits":-1,
      "key_algorithm":7,"chain_position":"x","uses":[1,{"server_name":"\u001b]0;","workload":[]}]}]})");
  EXPECT_EQ(list.Text(kNow).find('\x1b'), std::string::npos);
  EXPECT_THAT(Words(list), ElementsAre(ElementsAre("-", "-", "a_b", "leaf", "-", "\\x1b]0;", "-", "-", "\\x1b[31m")));
}

}  // namespace
}  // namespace tlsmeter::agent
