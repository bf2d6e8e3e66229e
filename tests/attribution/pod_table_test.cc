#include "src/attribution/pod_table.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/attribution/pod_lists.h"

namespace tlsmeter::agent {
namespace {

using enum WorkloadKind;

TEST(PodTableTest, KnowsPodsAndTheirWorkloads) {
  const auto table = PodTable::Parse(kPodList);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->size(), 4u);
  const PodTable::Pod* pod = table->FindPod("0f5a3c1e-2b4d-4f6a-8c9e-1a2b3c4d5e6f");
  ASSERT_NE(pod, nullptr);
  EXPECT_EQ(pod->name, "web-6c54bd5869-x9z2k");
  EXPECT_EQ(pod->namespace_name, "shop");
  EXPECT_EQ(pod->workload, (PodWorkload{"web", kDeployment}));
  EXPECT_EQ(table->FindPod("d6e7f8091a2b3c4d5e6f708192a3b4c5")->workload, (PodWorkload{"etcd-node1", kStaticPod}));
  EXPECT_EQ(table->FindPod("33333333-3333-3333-3333-333333333333")->workload, (PodWorkload{"agent", kDaemonSet}));
  EXPECT_EQ(table->FindPod("44444444-4444-4444-4444-444444444444")->workload, (PodWorkload{"debug", kPod}));
  EXPECT_EQ(table->FindPod(""), nullptr);
  EXPECT_EQ(table->FindPod("55555555-5555-5555-5555-555555555555"), nullptr);
}

TEST(PodTableTest, KnowsContainersOfEveryKind) {
  const auto table = PodTable::Parse(kPodList);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->ContainerName(std::string(64, 'a')), "nginx");
  EXPECT_EQ(table->ContainerName(std::string(64, '1')), "init");
  EXPECT_EQ(table->ContainerName(std::string(64, '2')), "debugger");
  EXPECT_EQ(table->ContainerName(""), "");
}

TEST(PodTableTest, TakesAnEmptyNodeForOne) {
  for (const char* text : {R"({"kind":"PodList","items":null})", R"({"kind":"PodList","items":[]})"}) {
    const auto table = PodTable::Parse(text);
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_EQ(table->size(), 0u);
  }
}

TEST(PodTableTest, RefusesWhatIsNoPodList) {
  for (const char* text :
       {"", "Unauthorized", "{}", "[]", "null", R"({"kind":"PodList"})", R"({"kind":"PodList","items":{}})",
        R"({"kind":"Status","items":[]})", R"({"kind":"PodList","items":[]} x)"}) {
    EXPECT_FALSE(PodTable::Parse(text).ok()) << text;
  }
  for (size_t length = 0; length < kPodList.rfind('}'); ++length) {
    EXPECT_FALSE(PodTable::Parse(kPodList.substr(0, length)).ok()) << length;
  }
}

TEST(PodTableTest, LeavesOutWhatHasAnotherFormThanItShould) {
  const auto table =
      PodTable::Parse(R"({"kind":"PodList","items":[null,7,"x",[],{},{"metadata":[]},{"metadata":{"uid":7,"name":"a"}},
      {"metadata":{"uid":"u1"}},
      {"metadata":{"uid":"u2","name":"a","ownerReferences":7,"labels":[],"annotations":"x"},"status":{"containerStatuses":{"a":1}}},
      {"metadata":{"uid":"u3","name":"b","ownerReferences":[null,7,{"controller":"true"},{"controller":true}]},
       "status":{"containerStatuses":[null,{"containerID":"x","name":"y"},{"containerID":"://z","name":7}]}}]})");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->size(), 2u);
  EXPECT_EQ(table->FindPod("u2")->workload, (PodWorkload{"a", kPod}));
  EXPECT_EQ(table->FindPod("u3")->workload, (PodWorkload{"", kOther}));
  EXPECT_EQ(table->ContainerName("z"), "");
}

TEST(PodTableTest, KeepsItsCeilings) {
  std::string list = R"({"kind":"PodList","items":[)";
  for (size_t pod = 0; pod <= kMaxPods; ++pod) {
    absl::StrAppend(&list, pod == 0 ? "" : ",", R"({"metadata":{"name":"p","uid":"u)", pod,
                    R"("},"status":{"containerStatuses":[)");
    for (int i = 0; i < 9; ++i) {
      absl::StrAppend(&list, i == 0 ? "" : ",", R"({"name":"c","containerID":"x://)", pod, "-", i, R"("})");
    }
    absl::StrAppend(&list, "]}}");
  }
  const auto table = PodTable::Parse(list + "]}");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->size(), kMaxPods);
  EXPECT_EQ(table->ContainerName("0-0"), "c");
  EXPECT_EQ(table->ContainerName(absl::StrCat(kMaxPods - 1, "-8")), "");  // 18,432 containers
}

}  // namespace
}  // namespace tlsmeter::agent
