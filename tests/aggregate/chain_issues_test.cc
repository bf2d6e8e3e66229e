#include "src/aggregate/chain_issues.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace tlsmeter::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kNow = 1'800'000'000;

CertificateFacts Leaf() {
  CertificateFacts facts;
  facts.sha256 = {1};
  facts.readable = true;
  facts.subject = "CN=shop.example";
  facts.issuer = "CN=Issuer";
  facts.not_before = kNow - 100;
  facts.not_after = kNow + 100;
  facts.subject_alt_names = {"shop.example", "*.pay.example"};
  facts.subject_alt_name_count = 2;
  facts.key_algorithm = "RSA";
  facts.key_bits = 2048;
  facts.signature_algorithm = "sha256WithRSAEncryption";
  return facts;
}

CertificateFacts Issuer() {
  CertificateFacts facts = Leaf();
  facts.sha256 = {2};
  facts.subject = "CN=Issuer";
  facts.issuer = "CN=Root";
  return facts;
}

CertificateFacts Root() {
  CertificateFacts facts = Issuer();
  facts.sha256 = {3};
  facts.subject = "CN=Root";
  facts.self_signed = true;
  return facts;
}

auto Issues(const std::vector<CertificateFacts>& certificates, std::string_view name = "shop.example",
            FailureReason reason = FailureReason::kNone) {
  CertificateChain chain;
  for (const CertificateFacts& facts : certificates) {
    chain.certificates.push_back(std::make_shared<const CertificateFacts>(facts));
  }
  chain.length = certificates.size();
  return ChainIssues(chain, name, reason, kNow);
}

TEST(ChainIssuesTest, FindsNothingInAGoodChain) {
  EXPECT_THAT(Issues({Leaf(), Issuer(), Root()}), IsEmpty());
  EXPECT_THAT(Issues({Leaf()}), IsEmpty());
  EXPECT_THAT(Issues({}), IsEmpty());
}

TEST(ChainIssuesTest, TellsTimesThatAreOver) {
  CertificateFacts leaf = Leaf();
  leaf.not_after = kNow;
  EXPECT_THAT(Issues({leaf, Issuer()}), IsEmpty());
  leaf.not_after = kNow - 1;
  EXPECT_THAT(Issues({leaf, Issuer()}), ElementsAre("expired"));
  CertificateFacts issuer = Issuer();
  issuer.not_after = kNow - 1;
  EXPECT_THAT(Issues({leaf, issuer}), ElementsAre("expired")) << "once a chain";
  leaf = Leaf();
  leaf.not_before = kNow + 1;
  EXPECT_THAT(Issues({leaf}), ElementsAre("not_yet_valid"));
  leaf.not_before = leaf.not_after = std::nullopt;
  EXPECT_THAT(Issues({leaf}), IsEmpty());
}

TEST(ChainIssuesTest, HoldsNothingAgainstARootThatIsSentAlong) {
  CertificateFacts root = Root();
  root.not_after = kNow - 1;
  root.signature_algorithm = "sha1WithRSAEncryption";
  EXPECT_THAT(Issues({Leaf(), Issuer(), root}), IsEmpty());
}

TEST(ChainIssuesTest, TellsASelfSignedLeaf) {
  CertificateFacts leaf = Leaf();
  leaf.self_signed = true;
  leaf.not_after = kNow - 1;
  EXPECT_THAT(Issues({leaf}), ElementsAre("expired", "self_signed"));
}

TEST(ChainIssuesTest, TellsAMissingIntermediateFromAnUnknownAuthority) {
  EXPECT_THAT(Issues({Leaf()}, "shop.example", FailureReason::kUnknownCa), ElementsAre("incomplete"));
  EXPECT_THAT(Issues({Leaf(), Issuer()}, "shop.example", FailureReason::kUnknownCa), ElementsAre("unknown_ca"));
}

TEST(ChainIssuesTest, TellsAWrongOrder) {
  EXPECT_THAT(Issues({Leaf(), Root(), Issuer()}), ElementsAre("wrong_order"));
  CertificateFacts unreadable;
  EXPECT_THAT(Issues({Leaf(), unreadable}), IsEmpty()) << "not known";
}

TEST(ChainIssuesTest, TellsAnotherName) {
  EXPECT_THAT(Issues({Leaf()}, "SHOP.example."), IsEmpty());
  EXPECT_THAT(Issues({Leaf()}, "card.pay.example"), IsEmpty());
  EXPECT_THAT(Issues({Leaf()}, "other.example"), ElementsAre("name_mismatch"));
  EXPECT_THAT(Issues({Leaf()}, ""), IsEmpty());
  EXPECT_THAT(Issues({Leaf()}, "192.0.2.1"), IsEmpty());
  CertificateFacts leaf = Leaf();
  leaf.subject_alt_name_count = 3;
  EXPECT_THAT(Issues({leaf}, "other.example"), IsEmpty()) << "one of its names is not known";
  leaf.subject_alt_names.clear();
  leaf.subject_alt_name_count = 0;
  EXPECT_THAT(Issues({leaf}), IsEmpty());
  EXPECT_THAT(Issues({leaf}, "other.example"), ElementsAre("name_mismatch"));
}

TEST(ChainIssuesTest, TellsWeakKeysAndSignatures) {
  CertificateFacts leaf = Leaf();
  leaf.key_bits = 2047;
  EXPECT_THAT(Issues({leaf}), ElementsAre("weak_key"));
  leaf.key_algorithm = "EC";
  leaf.key_bits = 256;
  EXPECT_THAT(Issues({leaf}), IsEmpty());
  leaf.key_bits = 192;
  EXPECT_THAT(Issues({leaf}), ElementsAre("weak_key"));
  leaf.key_algorithm = "ED25519";
  EXPECT_THAT(Issues({leaf}), IsEmpty());
  leaf.key_bits = 0;
  for (const char* weak : {"sha1WithRSAEncryption", "ecdsa-with-SHA1", "md5WithRSAEncryption", "RSA-MD4"}) {
    leaf.signature_algorithm = weak;
    EXPECT_THAT(Issues({leaf}), ElementsAre("weak_signature")) << weak;
  }
}

TEST(NamesHostTest, FollowsTheRulesForWildcards) {
  EXPECT_TRUE(NamesHost("Shop.Example", "shop.example"));
  EXPECT_TRUE(NamesHost("*.example", "shop.example"));
  EXPECT_FALSE(NamesHost("*.example", "a.shop.example"));
  EXPECT_FALSE(NamesHost("*.example", "example"));
  EXPECT_FALSE(NamesHost("*.example", ".example"));
  EXPECT_FALSE(NamesHost("s*.example", "shop.example"));
  EXPECT_FALSE(NamesHost("*", "shop"));
  EXPECT_FALSE(NamesHost("", "shop.example"));
}

TEST(CommonNameTest, IsReadFromADistinguishedName) {
  EXPECT_EQ(CommonName("CN=shop.example,O=Shop"), "shop.example");
  EXPECT_EQ(CommonName("O=Shop,CN=shop.example"), "shop.example");
  EXPECT_EQ(CommonName("CN=Shop\\, Inc.\\+,O=x"), "Shop, Inc.+");
  EXPECT_EQ(CommonName("CN=caf\\C3\\A9"), "caf\xc3\xa9");
  EXPECT_EQ(CommonName("UID=1+CN=a"), "a");
  EXPECT_EQ(CommonName("O=x\\,CN=no"), "");
  EXPECT_EQ(CommonName("O=xCN=no"), "");
  EXPECT_EQ(CommonName("CN=a\\"), "a");
  EXPECT_EQ(CommonName("CN="), "");
  EXPECT_EQ(CommonName(""), "");
}

}  // namespace
}  // namespace tlsmeter::agent
