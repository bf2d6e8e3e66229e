#include "src/attribution/attributor.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "tests/attribution/bundles.h"
#include "tests/attribution/pod_lists.h"
#include "tests/base/fake_tree.h"

namespace tlsmeter::agent {
namespace {

constexpr uint64_t kTickNs = 10'000'000;
constexpr uint64_t kNow = 1'000'000'000'000;
const std::string kId(64, 'a');
const std::string kUid = "0f5a3c1e-2b4d-4f6a-8c9e-1a2b3c4d5e6f";
const std::string kPodPath = "/kubepods/burstable/pod" + kUid + "/" + kId;
const std::string kBundle = "/run/containerd/io.containerd.runtime.v2.task/k8s.io/" + kId + "/config.json";

Owner OwnerOf(uint32_t pid, uint64_t cgroup_id, std::string comm = "curl") {
  return {.pid = pid, .start_time_ns = pid * kTickNs, .cgroup_id = cgroup_id, .comm = std::move(comm)};
}

class AttributorTest : public testing::Test {
 protected:
  AttributorTest() : attributor_(Options()) {}

  AttributorOptions Options() {
    return {.proc_root = tree_.root() + "/proc",
            .bundle_root = tree_.root(),
            .cgroup_path =
                [this](uint64_t id) {
                  ++path_look_ups_;
                  return cgroups_[id];
                },
            .pods = nullptr};
  }

  void AddProcess(uint32_t pid, const std::string& cgroup) { tree_.AddProcess(pid, pid, cgroup, "/usr/bin/curl"); }

  uint64_t Count(AttributionSource source, AttributionResult result) const {
    return attributor_.counts()[static_cast<size_t>(source)][static_cast<size_t>(result)];
  }

  FakeTree tree_;
  std::map<uint64_t, std::string> cgroups_;
  int path_look_ups_ = 0;
  Attributor attributor_;
};

TEST_F(AttributorTest, NamesThePodByItsBundle) {
  AddProcess(7, "0::" + kPodPath + "\n");
  cgroups_[70] = kPodPath;
  tree_.Write(kBundle, kContainerdBundle);
  const Attribution who = attributor_.Attribute(OwnerOf(7, 70), kNow);
  EXPECT_EQ(who.executable, "/usr/bin/curl");
  EXPECT_EQ(who.container_id, kId);
  EXPECT_EQ(who.container_name, "nginx");
  EXPECT_EQ(who.pod_uid, kUid);
  EXPECT_EQ(who.pod_name, "web-6c54bd5869-x9z2k");
  EXPECT_EQ(who.namespace_name, "shop");
  EXPECT_EQ(who.workload, "web");
  EXPECT_EQ(who.kind, WorkloadKind::kDeployment);
  EXPECT_EQ(who.source, AttributionSource::kOciBundle);
  EXPECT_EQ(who.result, AttributionResult::kComplete);
  EXPECT_EQ(Count(AttributionSource::kOciBundle, AttributionResult::kComplete), 1u);
}

TEST_F(AttributorTest, TellsTheContainerWhereNothingNamesIt) {
  cgroups_[70] = kPodPath;
  const Attribution who = attributor_.Attribute(OwnerOf(7, 70), kNow);
  EXPECT_EQ(who.container_id, kId);
  EXPECT_EQ(who.pod_uid, kUid);
  EXPECT_EQ(who.workload, "");
  EXPECT_EQ(who.kind, WorkloadKind::kUnknown);
  EXPECT_EQ(who.source, AttributionSource::kCgroup);
  EXPECT_EQ(who.result, AttributionResult::kPartial);
}

TEST_F(AttributorTest, LooksAgainForANameAfterAWhile) {
  cgroups_[70] = kPodPath;
  EXPECT_EQ(attributor_.Attribute(OwnerOf(7, 70), kNow).source, AttributionSource::kCgroup);
  tree_.Write(kBundle, kContainerdBundle);
  EXPECT_EQ(attributor_.Attribute(OwnerOf(7, 70), kNow + kRetryNs - 1).source, AttributionSource::kCgroup);
  EXPECT_EQ(attributor_.Attribute(OwnerOf(7, 70), kNow + kRetryNs).source, AttributionSource::kOciBundle);
}

TEST_F(AttributorTest, RemembersWhatHasGoneSinceItWasSeen) {
  AddProcess(7, "0::" + kPodPath + "\n");
  cgroups_[70] = kPodPath;
  tree_.Write(kBundle, kContainerdBundle);
  attributor_.See({.pid = 7, .start_time_ns = 7 * kTickNs, .cgroup_id = 70, .comm = "curl"}, kNow);
  tree_.Remove("/proc");
  tree_.Remove("/run");
  cgroups_.clear();
  const Attribution who = attributor_.Attribute(OwnerOf(7, 70), kNow + 100 * kRetryNs);
  EXPECT_EQ(who.executable, "/usr/bin/curl");
  EXPECT_EQ(who.pod_name, "web-6c54bd5869-x9z2k");
  EXPECT_EQ(path_look_ups_, 1);
}

TEST_F(AttributorTest, PrefersTheKubelet) {
  std::shared_ptr<const PodTable> pods;
  AttributorOptions options = Options();
  options.pods = [&pods] { return pods; };
  Attributor attributor(options);
  cgroups_[70] = kPodPath;
  tree_.Write(kBundle, kContainerdBundle);
  EXPECT_EQ(attributor.Attribute(OwnerOf(7, 70), kNow).source, AttributionSource::kOciBundle);
  pods = std::make_shared<const PodTable>(*PodTable::Parse(kPodList));
  Attribution who = attributor.Attribute(OwnerOf(7, 70), kNow + kRetryNs);
  EXPECT_EQ(who.source, AttributionSource::kKubelet);
  EXPECT_EQ(who.workload, "web");
  EXPECT_EQ(who.namespace_name, "shop");
  EXPECT_EQ(who.container_name, "nginx");
  // What is known stays: the pod may be deleted before its last records are made.
  pods = nullptr;
  who = attributor.Attribute(OwnerOf(7, 70), kNow + 100 * kRetryNs);
  EXPECT_EQ(who.source, AttributionSource::kKubelet);
}

TEST_F(AttributorTest, LooksPodsUpAnewInAnotherList) {
  cgroups_[70] = kPodPath;
  tree_.Write(kBundle, kContainerdBundle);
  EXPECT_EQ(attributor_.Attribute(OwnerOf(7, 70), kNow).source, AttributionSource::kOciBundle);
  const auto pods = std::make_shared<const PodTable>(*PodTable::Parse(kPodList));
  attributor_.SetPods([&pods] { return pods; });
  EXPECT_EQ(attributor_.Attribute(OwnerOf(7, 70), kNow).source, AttributionSource::kKubelet);
  attributor_.SetPods(nullptr);
  EXPECT_EQ(attributor_.Attribute(OwnerOf(7, 70), kNow).source, AttributionSource::kOciBundle);
}

TEST_F(AttributorTest, NamesContainersOutsideKubernetesByTheirEngine) {
  const std::string other(64, 'b');
  tree_.Write("/var/lib/docker/containers/" + kId + "/config.v2.json", kDockerConfig);
  tree_.Write("/var/lib/containers/storage/overlay-containers/containers.json", kPodmanContainers);
  tree_.Write("/var/lib/containers/storage/overlay-containers/" + other + "/userdata/config.json", kPodmanBundle);
  cgroups_[70] = "/system.slice/docker-" + kId + ".scope";
  cgroups_[71] = "/machine.slice/libpod-" + other + ".scope/container";
  Attribution who = attributor_.Attribute(OwnerOf(7, 70), kNow);
  EXPECT_EQ(who.container_name, "shop-front-1");
  EXPECT_EQ(who.workload, "shop-front-1");
  EXPECT_EQ(who.kind, WorkloadKind::kContainer);
  EXPECT_EQ(who.pod_name, "");
  EXPECT_EQ(who.source, AttributionSource::kOciBundle);
  EXPECT_EQ(who.result, AttributionResult::kComplete);
  who = attributor_.Attribute(OwnerOf(8, 71), kNow);
  EXPECT_EQ(who.container_name, "shop-db");
  EXPECT_EQ(who.workload, "shop-db");
  EXPECT_EQ(who.result, AttributionResult::kComplete);
}

TEST_F(AttributorTest, NamesAStaticPodAfterItself) {
  cgroups_[70] = "/kubepods/burstable/podd6e7f8091a2b3c4d5e6f708192a3b4c5/" + kId;
  tree_.Write(kBundle,
              R"({"annotations":{"io.kubernetes.cri.container-name":"etcd","io.kubernetes.cri.sandbox-name":"etcd-0",
      "io.kubernetes.cri.sandbox-namespace":"kube-system"}})");
  const Attribution who = attributor_.Attribute(OwnerOf(7, 70), kNow);
  EXPECT_EQ(who.workload, "etcd-0");
  EXPECT_EQ(who.kind, WorkloadKind::kStaticPod);
}

TEST_F(AttributorTest, NamesUnitsOnPlainHosts) {
  AddProcess(7, "0::/system.slice/nginx.service\n");
  cgroups_[70] = "/system.slice/nginx.service";
  const Attribution who = attributor_.Attribute(OwnerOf(7, 70), kNow);
  EXPECT_EQ(who.systemd_unit, "nginx.service");
  EXPECT_EQ(who.workload, "nginx.service");
  EXPECT_EQ(who.kind, WorkloadKind::kSystemdUnit);
  EXPECT_EQ(who.source, AttributionSource::kSystemd);
}

TEST_F(AttributorTest, LeavesUsersProcessesTheirOwnNames) {
  for (const std::string path : {"/user.slice/user-1000.slice/session-3.scope",
                                 "/user.slice/user-1000.slice/user@1000.service/app.slice/app-1.scope", "/"}) {
    cgroups_[70] = path;
    const Attribution who = Attributor(Options()).Attribute(OwnerOf(7, 70), kNow);
    EXPECT_EQ(who.workload, "") << path;
    EXPECT_EQ(who.source, AttributionSource::kComm) << path;
    EXPECT_EQ(who.result, AttributionResult::kComplete) << path;
  }
}

TEST_F(AttributorTest, FindsTheContainerInAnotherHierarchy) {
  cgroups_[70] = "/";
  AddProcess(7, "5:memory:" + kPodPath + "\n0::/\n");
  EXPECT_EQ(attributor_.Attribute(OwnerOf(7, 70), kNow).container_id, kId);
}

TEST_F(AttributorTest, DoesWithoutIdsOfCgroups) {
  AttributorOptions options = Options();
  options.cgroup_path = nullptr;
  AddProcess(7, "0::/system.slice/a.service\n");
  EXPECT_EQ(Attributor(options).Attribute(OwnerOf(7, 70), kNow).workload, "a.service");
}

TEST_F(AttributorTest, SaysThatAProcessHadGone) {
  AddProcess(8, "0::/system.slice/other.service\n");
  Owner owner = OwnerOf(8, 70);
  owner.start_time_ns -= kTickNs;  // its pid is another's now
  const Attribution who = attributor_.Attribute(owner, kNow);
  EXPECT_EQ(who.executable, "");
  EXPECT_EQ(who.systemd_unit, "");
  EXPECT_EQ(who.source, AttributionSource::kComm);
  EXPECT_EQ(who.result, AttributionResult::kGone);
}

TEST_F(AttributorTest, SaysThatNoProcessWasNamed) {
  const Attribution who = attributor_.Attribute(Owner(), kNow);
  EXPECT_EQ(who.source, AttributionSource::kNone);
  EXPECT_EQ(who.result, AttributionResult::kUnknown);
  EXPECT_EQ(Count(AttributionSource::kNone, AttributionResult::kUnknown), 1u);
}

TEST_F(AttributorTest, LooksAProcessUpOnceUntilItChanges) {
  AddProcess(7, "0::/system.slice/a.service\n");
  cgroups_[70] = "/system.slice/a.service";
  cgroups_[71] = "/system.slice/b.service";
  attributor_.Attribute(OwnerOf(7, 70), kNow);
  attributor_.Attribute(OwnerOf(7, 70), kNow);
  EXPECT_EQ(path_look_ups_, 1);
  attributor_.Attribute(OwnerOf(7, 70, "wget"), kNow);
  EXPECT_EQ(path_look_ups_, 2);
  EXPECT_EQ(attributor_.Attribute(OwnerOf(7, 71, "wget"), kNow).workload, "b.service");
  EXPECT_EQ(path_look_ups_, 3);
}

TEST(LruCacheTest, GivesTheLongestUnusedUpForANewEntry) {
  LruCache<int, std::string> cache(2);
  cache.Put(1, "one");
  cache.Put(2, "two");
  EXPECT_EQ(*cache.Find(1), "one");
  cache.Put(3, "three");
  EXPECT_EQ(cache.Find(2), nullptr);
  EXPECT_EQ(*cache.Find(1), "one");
  EXPECT_EQ(*cache.Put(1, "uno"), "uno");
  EXPECT_EQ(cache.size(), 2u);
  for (int i = 0; i < 1000; ++i) cache.Put(i, "x");
  EXPECT_EQ(cache.size(), 2u);
  cache.Clear();
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(cache.Find(999), nullptr);
}

}  // namespace
}  // namespace tlsmeter::agent
