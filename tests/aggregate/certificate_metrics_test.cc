#include "src/aggregate/certificate_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const FamilySnapshot& Of(const std::vector<FamilySnapshot>& families, Metric metric) {
  return families[static_cast<size_t>(metric) - static_cast<size_t>(Metric::kCertificateNotAfter)];
}

std::vector<std::string> Series(const FamilySnapshot& family) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < family.sets.size(); ++i) {
    const std::vector<std::string> set(family.sets[i]->begin(), family.sets[i]->end());
    lines.push_back(absl::StrCat(absl::StrJoin(set, ","), "=", family.values[i]));
  }
  return lines;
}

struct Builder {
  CertificateUse Use(std::string_view workload, std::string_view name, std::optional<int64_t> chain_not_after) {
    return {.workload = {pool.Intern("server"), pool.Intern(""), pool.Intern(workload), pool.Intern("process")},
            .server_name = pool.Intern(name),
            .chain_not_after = chain_not_after};
  }

  static Certificate Make(uint32_t number, std::vector<CertificateUse> uses) {
    auto facts = std::make_shared<CertificateFacts>();
    for (size_t i = 0; i < 4; ++i) facts->sha256[i] = static_cast<uint8_t>(number >> (8 * (3 - i)));
    facts->readable = true;
    facts->subject = "CN=shop.example,O=Shop";
    facts->issuer = "CN=Issuing CA";
    facts->serial_number = "0a";
    facts->not_after = 1000 + number;
    facts->key_algorithm = "EC";
    facts->key_bits = 256;
    facts->signature_algorithm = "ecdsa-with-SHA256";
    Certificate certificate;
    certificate.facts = facts;
    certificate.last_seen = 77;
    certificate.uses = std::move(uses);
    return certificate;
  }

  LabelPool pool;
};

TEST(CertificateMetricsTest, ShowsACertificateInEachFamilyItBelongsTo) {
  Builder b;
  CertificateView view;
  view.certificates = {Builder::Make(1, {b.Use("nginx", "a.example", 900), b.Use("nginx", "b.example", 950)})};
  view.certificates[0].ocsp_next_update = 500;
  const auto families = CertificateFamilies(view);
  ASSERT_EQ(families.size(), kAggregatedFamilies - kCountedFamilies);
  for (size_t i = 0; i < families.size(); ++i) EXPECT_EQ(families[i].spec, &Catalogue()[kCountedFamilies + i]);
  const std::string print = "00000001" + std::string(56, '0');
  EXPECT_THAT(Series(Of(families, Metric::kCertificateNotAfter)),
              ElementsAre("server,,nginx,process,a.example," + print + "=1001",
                          "server,,nginx,process,b.example," + print + "=1001"));
  EXPECT_THAT(Series(Of(families, Metric::kEarliestCertificateExpiry)), ElementsAre("server,,nginx,process=900"));
  EXPECT_THAT(Series(Of(families, Metric::kCertificateInfo)),
              ElementsAre(print + ",shop.example,Issuing CA,0a,EC,256,ecdsa-with-SHA256,false=1"));
  EXPECT_THAT(Series(Of(families, Metric::kCertificateLastSeen)), ElementsAre(print + "=77"));
  EXPECT_THAT(Series(Of(families, Metric::kOcspStapleNextUpdate)), ElementsAre(print + "=500"));
}

TEST(CertificateMetricsTest, WritesFingerprintsInUpperCaseHex) {
  EXPECT_EQ(FingerprintLabel({0xab, 0x0c}), "AB0C" + std::string(60, '0'));
}

TEST(CertificateMetricsTest, LeavesOutTimesThatAreNotKnown) {
  Builder b;
  CertificateView view;
  view.certificates = {Builder::Make(1, {b.Use("nginx", "a.example", std::nullopt)})};
  view.certificates[0].facts = std::make_shared<CertificateFacts>();  // unreadable
  const auto families = CertificateFamilies(view);
  EXPECT_THAT(Series(Of(families, Metric::kCertificateNotAfter)), IsEmpty());
  EXPECT_THAT(Series(Of(families, Metric::kEarliestCertificateExpiry)), IsEmpty());
  EXPECT_THAT(Series(Of(families, Metric::kOcspStapleNextUpdate)), IsEmpty());
  EXPECT_THAT(Series(Of(families, Metric::kCertificateInfo)),
              ElementsAre(std::string(64, '0') + ",__none__,__none__,__none__,__none__,0,__none__,false=1"));
}

TEST(CertificateMetricsTest, MakesHostileNamesFitForLabels) {
  CertificateView view;
  view.certificates = {Builder::Make(1, {})};
  auto facts = std::make_shared<CertificateFacts>(*view.certificates[0].facts);
  facts->subject = "CN=\xff\n\"";
  facts->issuer = "CN=__other__";
  view.certificates[0].facts = facts;
  const auto families = CertificateFamilies(view);
  const std::vector<LabelValue>& set = *Of(families, Metric::kCertificateInfo).sets[0];
  EXPECT_EQ(std::string_view(set[1]), "\\xff\\x0a\"");
  EXPECT_EQ(std::string_view(set[2]), kLabelInvalid);
}

TEST(CertificateMetricsTest, ShowsTheEarliestWhereThereAreMoreThanTheCap) {
  Builder b;
  CertificateView view;
  for (uint32_t i = 0; i < kMaxCertificates; ++i) {
    view.certificates.push_back(
        Builder::Make(i, {b.Use(absl::StrCat("w", i), "a.example", 5000 - static_cast<int64_t>(i))}));
    view.certificates.back().ocsp_next_update = 9000 - i;
  }
  view.evicted = 3;
  view.evicted_uses = 5;
  const auto families = CertificateFamilies(view);
  for (const FamilySnapshot& family : families) {
    EXPECT_LE(family.sets.size(), family.limit);
    EXPECT_EQ(family.limit, family.spec->cap);
    EXPECT_EQ(family.sets.size(), family.values.size());
    std::set<std::vector<std::string>> distinct;
    for (const LabelSet& set : family.sets) distinct.emplace(set->begin(), set->end());
    EXPECT_EQ(distinct.size(), family.sets.size()) << family.spec->name;
  }
  const FamilySnapshot& earliest = Of(families, Metric::kEarliestCertificateExpiry);
  ASSERT_EQ(earliest.sets.size(), 120u);
  EXPECT_EQ(earliest.values.front(), 5001 - static_cast<double>(kMaxCertificates));
  EXPECT_EQ(Of(families, Metric::kOcspStapleNextUpdate).values.front(), 9001 - static_cast<double>(kMaxCertificates));
  EXPECT_THAT(Of(families, Metric::kCertificateNotAfter).overflow, ElementsAre(0, 0, 0, 0, 0, 5));
  EXPECT_EQ(Of(families, Metric::kCertificateInfo).overflow[0], 3u);
}

}  // namespace
}  // namespace tlsmeter::agent
