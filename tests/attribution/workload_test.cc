#include "src/attribution/workload.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace tlsmeter::agent {
namespace {

using enum WorkloadKind;

TEST(WorkloadOfOwnerTest, FollowsEachKindOfController) {
  EXPECT_EQ(WorkloadOfOwner("ReplicaSet", "web-6c54bd5869", "6c54bd5869", "p"), (PodWorkload{"web", kDeployment}));
  EXPECT_EQ(WorkloadOfOwner("ReplicaSet", "web-6c54bd5869", "", "p"), (PodWorkload{"web-6c54bd5869", kReplicaSet}));
  EXPECT_EQ(WorkloadOfOwner("ReplicaSet", "web-6c54bd5869", "7c54bd5869", "p"),
            (PodWorkload{"web-6c54bd5869", kReplicaSet}));
  EXPECT_EQ(WorkloadOfOwner("ReplicaSet", "6c54bd5869", "6c54bd5869", "p"), (PodWorkload{"6c54bd5869", kReplicaSet}));
  EXPECT_EQ(WorkloadOfOwner("StatefulSet", "db", "", "db-0"), (PodWorkload{"db", kStatefulSet}));
  EXPECT_EQ(WorkloadOfOwner("DaemonSet", "agent", "", "agent-x9z2k"), (PodWorkload{"agent", kDaemonSet}));
  EXPECT_EQ(WorkloadOfOwner("Job", "backup-29401200", "", "p"), (PodWorkload{"backup", kCronJob}));
  EXPECT_EQ(WorkloadOfOwner("Job", "backup", "", "p"), (PodWorkload{"backup", kJob}));
  EXPECT_EQ(WorkloadOfOwner("Job", "backup-20261124", "", "p"), (PodWorkload{"backup-20261124", kJob}));
  EXPECT_EQ(WorkloadOfOwner("Job", "29401200", "", "p"), (PodWorkload{"29401200", kJob}));
  EXPECT_EQ(WorkloadOfOwner("Node", "node1", "", "etcd-node1"), (PodWorkload{"etcd-node1", kStaticPod}));
  EXPECT_EQ(WorkloadOfOwner("Rollout", "web", "", "p"), (PodWorkload{"web", kOther}));
}

TEST(WorkloadOfPodNameTest, ReadsTheNamesThatControllersGive) {
  const std::vector<std::pair<std::string, PodWorkload>> cases = {
      {"web-6c54bd5869-x9z2k", {"web", kDeployment}},
      {"my-web-app-7d8f9c7b4-2wlqs", {"my-web-app", kDeployment}},
      {"backup-29401200-x9z2k", {"backup", kCronJob}},
      {"backup-20261124-x9z2k", {"backup-20261124", kUnknown}},
      {"agent-x9z2k", {"agent", kUnknown}},
      {"kube-proxy-x9z2k", {"kube-proxy", kUnknown}},
      {"db-0", {"db", kStatefulSet}},
      {"my-db-12", {"my-db", kStatefulSet}},
      {"db-01", {"db-01", kPod}},
      {"db-", {"db-", kPod}},
      {"-0", {"-0", kPod}},
      {"debug", {"debug", kPod}},
      {"etcd-node1", {"etcd-node1", kPod}},
      {"web-6c54bd5869-x9z2", {"web-6c54bd5869-x9z2", kPod}},
      {"web-6c54bd5869-x9z2a", {"web-6c54bd5869-x9z2a", kPod}},
      {"web-6c54bda869-x9z2k", {"web-6c54bda869", kUnknown}},
      {"web-6c54bd58692-x9z2k", {"web-6c54bd58692", kUnknown}},
      {"6c54bd5869-x9z2k", {"6c54bd5869", kUnknown}},
      {"db-99999999999999999999999", {"db-99999999999999999999999", kPod}},
      {"", {"", kPod}},
  };
  for (const auto& [pod, workload] : cases) {
    const PodWorkload found = WorkloadOfPodName(pod);
    EXPECT_EQ(found.name, workload.name) << pod;
    EXPECT_EQ(found.kind, workload.kind) << pod;
  }
}

}  // namespace
}  // namespace tlsmeter::agent
