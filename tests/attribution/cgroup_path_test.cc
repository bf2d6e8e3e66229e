#include "src/attribution/cgroup_path.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace tlsmeter::agent {
namespace {

const std::string kId = "3f4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b";
const std::string kInner = std::string(64, 'a');
const std::string kUid = "0f5a3c1e-2b4d-4f6a-8c9e-1a2b3c4d5e6f";
const std::string kSliceUid = "0f5a3c1e_2b4d_4f6a_8c9e_1a2b3c4d5e6f";
const std::string kStatic = "d6e7f8091a2b3c4d5e6f708192a3b4c5";

struct Case {
  std::string path;
  CgroupPath expected;
};

void Check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const CgroupPath found = ParseCgroupPath(c.path);
    EXPECT_EQ(found.runtime, c.expected.runtime) << c.path;
    EXPECT_EQ(found.container_id, c.expected.container_id) << c.path;
    EXPECT_EQ(found.pod_uid, c.expected.pod_uid) << c.path;
    EXPECT_EQ(found.qos, c.expected.qos) << c.path;
    EXPECT_EQ(found.unit, c.expected.unit) << c.path;
    EXPECT_EQ(found.scope, c.expected.scope) << c.path;
  }
}

CgroupPath Container(ContainerRuntime runtime, std::string unit = "") {
  return {
      .runtime = runtime, .container_id = kId, .pod_uid = "", .qos = PodQos::kNone, .unit = std::move(unit), .scope = ""};
}

CgroupPath PodContainer(ContainerRuntime runtime, PodQos qos, std::string uid = kUid) {
  return {.runtime = runtime, .container_id = kId, .pod_uid = std::move(uid), .qos = qos, .unit = "", .scope = ""};
}

CgroupPath Unit(std::string unit, std::string scope = "") {
  return {.runtime = {}, .container_id = "", .pod_uid = "", .qos = {}, .unit = std::move(unit), .scope = std::move(scope)};
}

TEST(CgroupPathTest, ReadsPodsOfTheCgroupfsDriver) {
  using enum ContainerRuntime;
  Check({
      {"/kubepods/burstable/pod" + kUid + "/" + kId, PodContainer(kUnknown, PodQos::kBurstable)},
      {"/kubepods/besteffort/pod" + kUid + "/" + kId, PodContainer(kUnknown, PodQos::kBestEffort)},
      {"/kubepods/pod" + kUid + "/" + kId, PodContainer(kUnknown, PodQos::kGuaranteed)},
      {"/kubepods/burstable/pod" + kStatic + "/" + kId, PodContainer(kUnknown, PodQos::kBurstable, kStatic)},
      {"/kubepods/burstable/pod" + kUid + "/crio-" + kId, PodContainer(kCrio, PodQos::kBurstable)},
      {"/kubepods/besteffort/pod" + kUid + "/cri-containerd-" + kId, PodContainer(kContainerd, PodQos::kBestEffort)},
  });
}

TEST(CgroupPathTest, ReadsPodsOfTheSystemdDriver) {
  using enum ContainerRuntime;
  const std::string burstable = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + kSliceUid + ".slice/";
  Check({
      {burstable + "cri-containerd-" + kId + ".scope", PodContainer(kContainerd, PodQos::kBurstable)},
      {burstable + "crio-" + kId + ".scope", PodContainer(kCrio, PodQos::kBurstable)},
      {burstable + "crio-" + kId + ".scope/container", PodContainer(kCrio, PodQos::kBurstable)},
      {burstable + "docker-" + kId + ".scope", PodContainer(kDocker, PodQos::kBurstable)},
      {"/kubepods.slice/kubepods-pod" + kSliceUid + ".slice/cri-containerd-" + kId + ".scope",
       PodContainer(kContainerd, PodQos::kGuaranteed)},
      {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + kSliceUid + ".slice/crio-" + kId + ".scope",
       PodContainer(kCrio, PodQos::kBestEffort)},
      {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + kStatic + ".slice/cri-containerd-" + kId +
           ".scope",
       PodContainer(kContainerd, PodQos::kBurstable, kStatic)},
  });
}

TEST(CgroupPathTest, ReadsSystemdPathsThatARuntimeTookLiterally) {
  CgroupPath expected = PodContainer(ContainerRuntime::kContainerd, PodQos::kBurstable);
  Check({{"/kubepods-burstable-pod" + kSliceUid + ".slice:cri-containerd:" + kId, expected}});
  expected.unit = "containerd.service";
  Check(
      {{"/system.slice/containerd.service/kubepods-burstable-pod" + kSliceUid + ".slice:cri-containerd:" + kId, expected}});
}

TEST(CgroupPathTest, ReadsContainersOutsideKubernetes) {
  using enum ContainerRuntime;
  Check({
      {"/docker/" + kId, Container(kDocker)},
      {"/system.slice/docker-" + kId + ".scope", Container(kDocker)},
      {"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + kId + ".scope",
       Container(kDocker, "user@1000.service")},
      {"/libpod_parent/libpod-" + kId, Container(kPodman)},
      {"/machine.slice/libpod-" + kId + ".scope", Container(kPodman)},
      {"/machine.slice/libpod-" + kId + ".scope/container", Container(kPodman)},
      {"/system.slice/web.service/libpod-payload-" + kId, Container(kPodman, "web.service")},
      {"/system.slice/nerdctl-" + kId + ".scope", Container(kContainerd)},
      {"/default/" + kId, Container(kUnknown)},
      {"/../../docker/" + kId, Container(kDocker)},  // seen from inside a cgroup namespace
  });
}

TEST(CgroupPathTest, LeavesMonitorsOfContainersOut) {
  Check({
      {"/machine.slice/libpod-conmon-" + kId + ".scope", Unit("", "libpod-conmon-" + kId + ".scope")},
      {"/system.slice/crio-conmon-" + kId + ".scope", Unit("", "crio-conmon-" + kId + ".scope")},
  });
}

TEST(CgroupPathTest, ReadsUnits) {
  Check({
      {"/system.slice/nginx.service", Unit("nginx.service")},
      {"/system.slice/system-postgresql.slice/postgresql@15-main.service", Unit("postgresql@15-main.service")},
      {"/system.slice/system-serial\\x2dgetty.slice/serial-getty@ttyS0.service", Unit("serial-getty@ttyS0.service")},
      {"/user.slice/user-1000.slice/session-3.scope", Unit("", "session-3.scope")},
      {"/user.slice/user-1000.slice/user@1000.service/app.slice/proxy.service", Unit("proxy.service")},
      {"/user.slice/user-1000.slice/user@1000.service/init.scope", Unit("user@1000.service", "init.scope")},
      {"/system.slice/envoy.service/workers", Unit("envoy.service")},
      {"/", {}},
      {"", {}},
  });
}

TEST(CgroupPathTest, TakesTheContainerOfThisHostWhereTheyAreNested) {
  using enum ContainerRuntime;
  Check({
      // Pods of a kind cluster run in the container that is their node.
      {"/docker/" + kInner +
           "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod" +
           kSliceUid + ".slice/cri-containerd-" + kId + ".scope",
       PodContainer(kContainerd, PodQos::kBurstable)},
      {"/docker/" + kInner + "/kubepods/besteffort/pod" + kUid + "/" + kId, PodContainer(kUnknown, PodQos::kBestEffort)},
      // Docker in a pod, systemd in a container.
      {"/kubepods/pod" + kUid + "/" + kId + "/docker/" + kInner, PodContainer(kUnknown, PodQos::kGuaranteed)},
      {"/docker/" + kId + "/system.slice/nginx.service", Container(kDocker)},
  });
}

TEST(CgroupPathTest, TakesNothingThatOnlyLooksLikeAnId) {
  const std::string upper = std::string(64, 'A');
  for (const std::string& path : std::vector<std::string>{
           "/docker/" + kId.substr(1),
           "/docker/" + kId + "0",
           "/docker/" + upper,
           "/docker/" + kId.substr(1) + "g",
           "/docker-" + kId + "x.scope.slice",
           "/kubepods/burstable/pod" + kUid.substr(1),
           "/kubepods/burstable/pod" + kUid + "0",
           "/kubepods/burstable/pod..",
           "/kubepods/burstable/pod",
           "/kubepods-burstable-pod.slice",
           "/x-pod" + kSliceUid + ".slice",
           "/pod" + kUid,  // not below kubepods
           std::string("/kubepods/pod0f5a3c1e\0b4d-4f6a-8c9e-1a2b3c4d5e6f", 49),
           ".slice:",
           "/a.slice:",
           "/a.slice:.slice:/.slice:",
       }) {
    const CgroupPath found = ParseCgroupPath(path);
    EXPECT_EQ(found.container_id, "") << path;
    EXPECT_EQ(found.pod_uid, "") << path;
    EXPECT_EQ(found.qos, PodQos::kNone) << path;
  }
}

TEST(CgroupPathTest, ReadsAnyPrefixOfAPathWithoutInventingIds) {
  const std::string path = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + kSliceUid +
                           ".slice/cri-containerd-" + kId + ".scope";
  for (size_t length = 0; length < path.size(); ++length) {
    const CgroupPath found = ParseCgroupPath(std::string_view(path).substr(0, length));
    EXPECT_TRUE(found.pod_uid.empty() || found.pod_uid == kUid) << length;
    EXPECT_TRUE(found.container_id.empty() || found.container_id == kId) << length;
  }
}

TEST(CgroupPathTest, TakesNoHarmFromNoise) {
  std::mt19937 random(3);
  const std::vector<std::string> parts = {"/",      ":", ".slice", ".scope", "pod", "kubepods",
                                          "docker", "-", kId,      kUid,     "..",  std::string(1, 0)};
  for (int round = 0; round < 20000; ++round) {
    std::string path;
    for (int i = 0; i < 12; ++i) path += parts[random() % parts.size()];
    const CgroupPath found = ParseCgroupPath(path);
    ASSERT_TRUE(found.container_id.empty() || found.container_id == kId) << path;
    ASSERT_TRUE(found.pod_uid.empty() || found.pod_uid == kUid) << path;
  }
}

TEST(ProcCgroupTest, PrefersTheHierarchyThatNamesAContainer) {
  EXPECT_EQ(PathFromProcCgroup("0::/system.slice/nginx.service\n"), "/system.slice/nginx.service");
  EXPECT_EQ(
      PathFromProcCgroup("12:cpu,cpuacct:/docker/" + kId + "\n1:name=systemd:/x\n0::/system.slice/containerd.service\n"),
      "/docker/" + kId);
  EXPECT_EQ(PathFromProcCgroup("4:memory:/a\n0::/b:c\n"), "/b:c");
  EXPECT_EQ(PathFromProcCgroup("4:memory:/a\n"), "");
  EXPECT_EQ(PathFromProcCgroup("0::/"), "/");
  EXPECT_EQ(PathFromProcCgroup("0"), "");
  EXPECT_EQ(PathFromProcCgroup(""), "");
}

}  // namespace
}  // namespace tlsmeter::agent
