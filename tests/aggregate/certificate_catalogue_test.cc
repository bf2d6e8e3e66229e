#include "src/aggregate/certificate_catalogue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {
namespace {

constexpr uint64_t kDay = kCertificateIdleNs;

std::shared_ptr<const CertificateFacts> Facts(uint32_t number, int64_t not_after = 2000) {
  auto facts = std::make_shared<CertificateFacts>();
  for (size_t i = 0; i < 4; ++i) facts->sha256[i] = static_cast<uint8_t>(number >> (8 * i));
  facts->readable = true;
  facts->not_after = not_after;
  return facts;
}

CertificateChain Chain(std::vector<std::shared_ptr<const CertificateFacts>> certificates) {
  const size_t length = certificates.size();
  return {.certificates = std::move(certificates), .length = length};
}

// Watch is a catalogue with the pool that its labels come from.
struct Watch {
  void See(const CertificateChain& chain, uint64_t now_ns, bool sent = true, std::string_view workload = "nginx",
           std::string_view name = "a.example", std::string_view role = "") {
    if (role.empty()) role = sent ? "server" : "client";
    const std::array<LabelValue, 4> whose = {pool.Intern(role), pool.Intern(""), pool.Intern(workload),
                                             pool.Intern("process")};
    const LabelValue server_name = pool.Intern(name);
    catalogue.Add({.chain = chain,
                   .sender = Sender::kServer,
                   .workload = whose,
                   .server_name = server_name,
                   .sent = sent,
                   .ocsp_next_update = std::nullopt,
                   .unix_seconds = static_cast<int64_t>(now_ns / 1'000'000'000)},
                  now_ns);
  }

  bool Has(uint32_t number) const {
    const auto all = catalogue.Copy();
    return std::any_of(all.begin(), all.end(),
                       [number](const Certificate& c) { return c.facts->sha256 == Facts(number)->sha256; });
  }

  size_t Uses() const {
    size_t uses = 0;
    for (const Certificate& certificate : catalogue.Copy()) uses += certificate.uses.size();
    return uses;
  }

  bool HasUse(std::string_view name, std::string_view role = "") const {
    for (const Certificate& certificate : catalogue.Copy()) {
      for (const CertificateUse& use : certificate.uses) {
        if (std::string_view(use.server_name) == name && (role.empty() || std::string_view(use.workload[0]) == role))
          return true;
      }
    }
    return false;
  }

  LabelPool pool;
  CertificateCatalogue catalogue;
};

TEST(CertificateCatalogueTest, SaysWhoSentALeafUnderWhichNameAndWhen) {
  Watch watch;
  watch.See(Chain({Facts(1)}), kDay);
  watch.See(Chain({Facts(1)}), kDay + 5'000'000'000);
  watch.See(Chain({Facts(1)}), kDay + 7'000'000'000, false, "curl", "b.example");
  const std::vector<Certificate> all = watch.catalogue.Copy();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].first_seen, 86400);
  EXPECT_EQ(all[0].last_seen, 86407);
  EXPECT_EQ(all[0].chain_position, 0u);
  EXPECT_TRUE(all[0].sent);
  ASSERT_EQ(all[0].uses.size(), 2u);
  EXPECT_EQ(std::string_view(all[0].uses[0].workload[2]), "nginx");
  EXPECT_EQ(std::string_view(all[0].uses[0].server_name), "a.example");
  EXPECT_TRUE(all[0].uses[0].sent);
  EXPECT_EQ(all[0].uses[0].first_seen, 86400);
  EXPECT_EQ(all[0].uses[0].last_seen, 86405);
  EXPECT_EQ(std::string_view(all[0].uses[1].workload[2]), "curl");
  EXPECT_FALSE(all[0].uses[1].sent);
}

TEST(CertificateCatalogueTest, KeepsTheRestOfAChainWithoutUses) {
  Watch watch;
  watch.See(Chain({Facts(1, 3000), Facts(2, 1000), Facts(3)}), kDay);
  ASSERT_EQ(watch.catalogue.Copy().size(), 3u);
  for (const Certificate& certificate : watch.catalogue.Copy()) {
    const uint8_t number = certificate.facts->sha256[0];
    EXPECT_EQ(certificate.chain_position, number - 1u);
    EXPECT_EQ(certificate.uses.size(), number == 1 ? 1u : 0u);
    if (number == 1) {
      EXPECT_EQ(certificate.uses[0].chain_not_after, 1000);
    }
  }
}

TEST(CertificateCatalogueTest, IgnoresAnEmptyChain) {
  Watch watch;
  watch.See({}, kDay);
  EXPECT_TRUE(watch.catalogue.Copy().empty());
}

TEST(CertificateCatalogueTest, ForgetsADayAfterTheLastSight) {
  Watch watch;
  watch.See(Chain({Facts(1)}), kDay);
  watch.See(Chain({Facts(2)}), kDay, true, "other");
  watch.See(Chain({Facts(2)}), kDay + 1);
  watch.catalogue.Age(2 * kDay - 1);
  EXPECT_TRUE(watch.Has(1));
  watch.catalogue.Age(2 * kDay);
  EXPECT_FALSE(watch.Has(1));
  EXPECT_TRUE(watch.Has(2));
  EXPECT_EQ(watch.Uses(), 1u) << "the use of the other workload is as old as the first certificate";
  EXPECT_EQ(watch.catalogue.evicted(), 0u);
}

TEST(CertificateCatalogueTest, KeepsWhatIsServedHereThroughATorrentOfOthers) {
  Watch watch;
  watch.See(Chain({Facts(1)}), kDay);
  for (uint32_t i = 100; i < 10100; ++i) {
    watch.See(Chain({Facts(i)}), kDay + i, false, "crawler", absl::StrCat("n", i));
    if (i % 100 == 0) {
      ASSERT_LE(watch.catalogue.Copy().size(), kMaxCertificates);
    }
  }
  EXPECT_TRUE(watch.Has(1));
  EXPECT_TRUE(watch.Has(10099));
  EXPECT_FALSE(watch.Has(100)) << "what was not seen for longest goes first";
  EXPECT_EQ(watch.catalogue.evicted(), 10001u - kMaxCertificates);
}

TEST(CertificateCatalogueTest, BoundsTheUsesOfAllCertificates) {
  Watch watch;
  watch.See(Chain({Facts(1)}), kDay);
  for (uint32_t i = 1; i <= 1000; ++i) {
    watch.See(Chain({Facts(2 + i % 3)}), kDay + i, false, "proxy", absl::StrCat("n", i));
    ASSERT_LE(watch.Uses(), kMaxCertificateUses);
  }
  EXPECT_EQ(watch.Uses(), kMaxCertificateUses);
  EXPECT_EQ(watch.catalogue.evicted_uses(), 1001u - kMaxCertificateUses);
  for (const Certificate& certificate : watch.catalogue.Copy()) EXPECT_FALSE(certificate.uses.empty());
}

TEST(CertificateCatalogueTest, EvictsTheUseNotSeenForLongestAndWhatIsServedHereLast) {
  Watch watch;
  watch.See(Chain({Facts(1)}), kDay, true, "nginx", "served");
  for (uint32_t i = 0; i + 1 < kMaxCertificateUses; ++i) {
    watch.See(Chain({Facts(2 + i % 3)}), kDay + 1 + i, false, "proxy", absl::StrCat("n", i));
  }
  watch.See(Chain({Facts(2)}), kDay + 1000, false, "proxy", "n0");  // seen again
  watch.See(Chain({Facts(3)}), kDay + 1001, true, "proxy", "n1");   // another role: a use of its own
  watch.See(Chain({Facts(4)}), kDay + 1002, false, "proxy", "new");
  EXPECT_EQ(watch.catalogue.evicted_uses(), 2u);
  EXPECT_TRUE(watch.HasUse("served"));
  EXPECT_TRUE(watch.HasUse("n0"));
  EXPECT_TRUE(watch.HasUse("n1", "server"));
  EXPECT_FALSE(watch.HasUse("n1", "client"));
  EXPECT_FALSE(watch.HasUse("n2"));
  EXPECT_TRUE(watch.HasUse("n3"));
}

// The choice of victims, against a plain search for the least of all uses.
TEST(CertificateCatalogueTest, KeepsTheUsesThatASearchWouldKeep) {
  std::mt19937 random(7);
  Watch watch;
  std::map<std::string, std::pair<bool, uint64_t>> kept;  // name: sent, seen
  for (uint64_t now = kDay; now < kDay + 5000; ++now) {
    const uint32_t number = random() % 600;
    const std::string name = absl::StrCat("n", number);
    const bool sent = random() % 10 == 0;
    watch.See(Chain({Facts(number % 7)}), now, sent, "proxy", name, "client");
    if (!kept.contains(name) && kept.size() == kMaxCertificateUses) {
      kept.erase(
          std::min_element(kept.begin(), kept.end(), [](const auto& a, const auto& b) { return a.second < b.second; }));
    }
    kept[name] = {kept[name].first || sent, now};
  }
  EXPECT_EQ(watch.Uses(), kept.size());
  for (const auto& [name, seen] : kept) EXPECT_TRUE(watch.HasUse(name)) << name;
}

// Uses are counted where they are: whatever is evicted and aged, the two ceilings hold and nothing dangles.
TEST(CertificateCatalogueTest, KeepsItsCeilingsUnderRandomTraffic) {
  std::mt19937 random(4);
  Watch watch;
  uint64_t now = kDay;
  for (int step = 0; step < 30000; ++step) {
    now += random() % (kDay / 200);
    std::vector<std::shared_ptr<const CertificateFacts>> certificates;
    for (size_t i = random() % 3; i < 3; ++i) certificates.push_back(Facts(static_cast<uint32_t>(random() % 400)));
    watch.See(Chain(certificates), now, random() % 4 == 0, absl::StrCat("w", random() % 5),
              absl::StrCat("n", random() % 50));
    if (random() % 100 == 0) watch.catalogue.Age(now);
    if (step % 50 != 0) continue;
    ASSERT_LE(watch.catalogue.Copy().size(), kMaxCertificates);
    ASSERT_LE(watch.Uses(), kMaxCertificateUses);
  }
  EXPECT_GT(watch.catalogue.evicted(), 0u);
}

}  // namespace
}  // namespace tlsmeter::agent
