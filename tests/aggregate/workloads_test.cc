#include "src/aggregate/workloads.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

constexpr uint64_t kHour = kWorkloadIdleNs;
constexpr uint64_t kDay = 24 * kHour;

bool IsOther(const Workload& workload) { return std::string_view(workload.labels()[1]) == kLabelOther; }

TEST(WorkloadsTest, TellsTwoHundredApartAndKeepsTheRestForOther) {
  LabelPool pool;
  Workloads workloads(&pool);
  for (size_t i = 0; i < kMaxWorkloads; ++i) EXPECT_FALSE(IsOther(workloads.Admit({"", absl::StrCat("w", i), "pod"}, 0)));
  const Workload& late = workloads.Admit({"", "late", "pod"}, 0);
  for (const LabelValue& label : late.labels()) EXPECT_EQ(std::string_view(label), kLabelOther);
  EXPECT_FALSE(IsOther(workloads.Admit({"", "w7", "pod"}, 0)));
  EXPECT_EQ(workloads.size(), kMaxWorkloads);
}

TEST(WorkloadsTest, TellsTheSameNameInTwoNamespacesApart) {
  LabelPool pool;
  Workloads workloads(&pool);
  Workload& a = workloads.Admit({"a", "web", "Deployment"}, 0);
  EXPECT_NE(&a, &workloads.Admit({"b", "web", "Deployment"}, 0));
  EXPECT_NE(&a, &workloads.Admit({"a", "web", "StatefulSet"}, 0));
  EXPECT_EQ(&a, &workloads.Admit({"a", "web", "Deployment"}, 0));
}

TEST(WorkloadsTest, ForgetsAWorkloadAnHourAfterItsLastHandshake) {
  LabelPool pool;
  Workloads workloads(&pool);
  const std::array<LabelValue, 3> idle = workloads.Admit({"", "idle", "process"}, kHour).labels();
  workloads.Admit({"", "busy", "process"}, kHour);
  workloads.Admit({"", "busy", "process"}, kHour + 1);
  workloads.Age(2 * kHour - 1);
  EXPECT_TRUE(workloads.IsAdmitted(idle[0], idle[1], idle[2]));
  workloads.Age(2 * kHour);
  EXPECT_FALSE(workloads.IsAdmitted(idle[0], idle[1], idle[2]));
  EXPECT_EQ(workloads.size(), 1u);
}

TEST(WorkloadsTest, AdmitsTenPairsOfCipherAndGroup) {
  LabelPool pool;
  Workloads workloads(&pool);
  Workload& workload = workloads.Admit({"", "w", "process"}, 0);
  const std::string_view ciphers[] = {"a", "b", "c"};
  const std::string_view groups[] = {"1", "2", "3", "4"};
  size_t admitted = 0;
  for (const std::string_view cipher : ciphers) {
    for (const std::string_view group : groups) admitted += workload.AdmitPair(cipher, group) ? 1 : 0;
  }
  EXPECT_EQ(admitted, kMaxPairsPerWorkload);
  EXPECT_TRUE(workload.AdmitPair("a", "1"));
  EXPECT_FALSE(workload.AdmitPair("c", "4"));
  EXPECT_TRUE(workloads.Admit({"", "w2", "process"}, 0).AdmitPair("c", "4"));
}

TEST(WorkloadsTest, NoticesAVersionBelowWhatTheServerTookBefore) {
  LabelPool pool;
  Workloads workloads(&pool);
  Workload& workload = workloads.Admit({"", "w", "process"}, 0);
  EXPECT_FALSE(workload.BelowHistory("a", ProtocolVersion::kTls12, 0));
  EXPECT_FALSE(workload.BelowHistory("a", ProtocolVersion::kTls13, 0));
  EXPECT_TRUE(workload.BelowHistory("a", ProtocolVersion::kTls12, 1));
  EXPECT_FALSE(workload.BelowHistory("a", ProtocolVersion::kTls13, kDay / 2));
  EXPECT_FALSE(workload.BelowHistory("b", ProtocolVersion::kTls12, 1)) << "of another server";
  EXPECT_FALSE(workload.BelowHistory("", ProtocolVersion::kTls12, 1));
  EXPECT_TRUE(workload.BelowHistory("a", ProtocolVersion::kTls12, kDay));
  EXPECT_FALSE(workload.BelowHistory("a", ProtocolVersion::kTls12, kDay / 2 + kDay)) << "remembered for too long";
}

TEST(WorkloadsTest, BoundsTheVersionHistory) {
  LabelPool pool;
  Workloads workloads(&pool);
  Workload& workload = workloads.Admit({"", "w", "process"}, 0);
  for (size_t i = 0; i < kMaxVersionHistory + 1; ++i)
    workload.BelowHistory(absl::StrCat("n", i), ProtocolVersion::kTls13, 0);
  EXPECT_TRUE(workload.BelowHistory("n0", ProtocolVersion::kTls12, 1));
  EXPECT_FALSE(workload.BelowHistory(absl::StrCat("n", kMaxVersionHistory), ProtocolVersion::kTls12, 1)) << "had no place";
  // After a day without them the places are free.
  EXPECT_FALSE(workload.BelowHistory("new", ProtocolVersion::kTls13, kDay));
  EXPECT_TRUE(workload.BelowHistory("new", ProtocolVersion::kTls12, kDay + 1));
}

TEST(WorkloadOfTest, NamesTheWorkloadAndElseTheProcess) {
  HandshakeRecord record;
  record.owner.comm = "nginx";
  WorkloadText labels = WorkloadOf(record);
  EXPECT_EQ(labels.name_space, "");
  EXPECT_EQ(labels.workload, "nginx");
  EXPECT_EQ(labels.type, "process");

  record.attribution.namespace_name = "shop";
  record.attribution.workload = "web";
  record.attribution.kind = WorkloadKind::kDeployment;
  labels = WorkloadOf(record);
  EXPECT_EQ(labels.name_space, "shop");
  EXPECT_EQ(labels.workload, "web");
  EXPECT_EQ(labels.type, "deployment");

  record.attribution.namespace_name = "a\xff\n";
  record.attribution.workload = "__other__";
  labels = WorkloadOf(record);
  EXPECT_EQ(labels.name_space, "a\\xff\\x0a");
  EXPECT_EQ(labels.workload, kLabelInvalid);
}

TEST(WorkloadOfTest, CountsInstancesOfAUnitUnderTheirTemplate) {
  HandshakeRecord record;
  record.attribution.kind = WorkloadKind::kSystemdUnit;
  for (const auto& [unit, label] : std::vector<std::pair<std::string, std::string>>{
           {"sshd@12-192.0.2.7:22-198.51.100.9:40000.service", "sshd@.service"},
           {"nginx.service", "nginx.service"},
           {"@", "@"},
           {"a.b@c", "a.b@c"},
       }) {
    record.attribution.workload = unit;
    EXPECT_EQ(WorkloadOf(record).workload, label);
  }
}

TEST(WorkloadOfTest, TellsEveryKindOfWorkloadApart) {
  HandshakeRecord record;
  record.attribution.workload = "w";
  std::set<std::string> types;
  for (int kind = 0; kind <= static_cast<int>(WorkloadKind::kUnknown); ++kind) {
    record.attribution.kind = static_cast<WorkloadKind>(kind);
    EXPECT_TRUE(types.insert(WorkloadOf(record).type).second) << kind;
  }
}

}  // namespace
}  // namespace tlsmeter::agent
