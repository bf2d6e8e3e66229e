#include "src/image/plan_cache.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/image/memory_file.h"

namespace tlsmeter::agent {
namespace {

constexpr char kKey[] = "b1+c1";

// Two probes in a file of 64 bytes, the second so that the bytes compared are its last.
ImagePlan TwoProbes() {
  ImagePlan plan;
  plan.build_id = "b1";
  plan.version = "1";
  plan.probes = {{.file_offset = 0}, {.file_offset = 56}};
  return plan;
}

std::string Contents() {
  std::string contents(64, '\0');
  for (size_t i = 0; i < contents.size(); ++i) contents[i] = static_cast<char>('A' + i % 26);
  return contents;
}

TEST(PlanCacheTest, FindsThePlanOfACopyOfTheBuild) {
  const MemoryFile file(Contents());
  const MemoryFile copy(Contents());
  PlanCache plans;
  EXPECT_EQ(plans.Find(kKey, 64, file.fd()), nullptr);
  plans.Add(kKey, 64, file.fd(), TwoProbes());
  const PlanCache::Entry* const found = plans.Find(kKey, 64, copy.fd());
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->plan.version, "1");
  EXPECT_FALSE(found->distrusted);
  EXPECT_EQ(plans.Find("b1+c2", 64, copy.fd()), nullptr);
  EXPECT_EQ(plans.Find(kKey, 65, copy.fd()), nullptr);
}

TEST(PlanCacheTest, DoesNotTrustABuildIdOverTheCodeAtAnyProbe) {
  const MemoryFile file(Contents());
  PlanCache plans;
  plans.Add(kKey, 64, file.fd(), TwoProbes());
  for (const size_t at : {0, 7, 56, 63}) {
    std::string patched = Contents();
    patched[at] = '\x90';
    EXPECT_EQ(plans.Find(kKey, 64, MemoryFile(patched).fd()), nullptr) << at;
  }
  std::string patched = Contents();
  patched[8] = '\x90';  // no probe is there
  EXPECT_NE(plans.Find(kKey, 64, MemoryFile(patched).fd()), nullptr);
  EXPECT_EQ(plans.Find(kKey, 64, MemoryFile(Contents().substr(0, 63)).fd()), nullptr);
}

TEST(PlanCacheTest, KeepsNoPlanOfAFileWithoutBuildId) {
  const MemoryFile file(Contents());
  ImagePlan plan = TwoProbes();
  plan.build_id.clear();
  PlanCache plans;
  plans.Add(kKey, 64, file.fd(), plan);
  EXPECT_EQ(plans.Find(kKey, 64, file.fd()), nullptr);
}

TEST(PlanCacheTest, ADistrustedBuildStaysKnown) {
  const MemoryFile file(Contents());
  PlanCache plans;
  plans.Distrust(kKey);  // nobody's
  plans.Add(kKey, 64, file.fd(), TwoProbes());
  plans.Distrust(kKey);
  const PlanCache::Entry* const found = plans.Find(kKey, 64, file.fd());
  ASSERT_NE(found, nullptr);
  EXPECT_TRUE(found->distrusted);
}

TEST(PlanCacheTest, KeepsSoManyPlans) {
  const MemoryFile file(Contents());
  PlanCache plans;
  for (size_t i = 0; i <= PlanCache::kMaxPlans; ++i) plans.Add(std::to_string(i), 64, file.fd(), TwoProbes());
  EXPECT_NE(plans.Find(std::to_string(PlanCache::kMaxPlans - 1), 64, file.fd()), nullptr);
  EXPECT_EQ(plans.Find(std::to_string(PlanCache::kMaxPlans), 64, file.fd()), nullptr);
}

TEST(PlanCacheTest, APlanDependsOnTheLibcryptoToo) {
  const std::filesystem::path libraries = "/usr/lib/x86_64-linux-gnu";
  if (!std::filesystem::exists(libraries / "libssl.so.3")) GTEST_SKIP() << "there is no libssl.so.3 in " << libraries;
  const absl::StatusOr<ElfFile> ssl = ElfFile::Open(libraries / "libssl.so.3");
  const absl::StatusOr<ElfFile> crypto = ElfFile::Open(libraries / "libcrypto.so.3");
  ASSERT_TRUE(ssl.ok() && crypto.ok());
  EXPECT_EQ(PlanCache::KeyOf(*ssl, nullptr), ssl->build_id() + "+");
  EXPECT_EQ(PlanCache::KeyOf(*ssl, &*crypto), ssl->build_id() + "+" + crypto->build_id());
}

}  // namespace
}  // namespace tlsmeter::agent
