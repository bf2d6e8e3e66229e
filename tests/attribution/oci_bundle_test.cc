#include "src/attribution/oci_bundle.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/attribution/bundles.h"
#include "tests/base/fake_tree.h"

namespace tlsmeter::agent {
namespace {

const std::string kId(64, 'a');

TEST(OciBundleTest, ReadsWhatContainerdWrites) {
  EXPECT_EQ(ParseBundle(kContainerdBundle),
            (ContainerNames{"nginx", "web-6c54bd5869-x9z2k", "shop", "0f5a3c1e-2b4d-4f6a-8c9e-1a2b3c4d5e6f"}));
}

TEST(OciBundleTest, ReadsWhatCrioWrites) {
  EXPECT_EQ(ParseBundle(kCrioBundle),
            (ContainerNames{"agent", "agent-x9z2k", "kube-system", "11111111-2222-3333-4444-555555555555"}));
}

TEST(OciBundleTest, FindsNoNamesWhereThereAreNone) {
  EXPECT_EQ(ParseBundle(kPodmanBundle), std::nullopt);
  for (const char* text : {"", "null", "[]", "7", "{}", "{\"annotations\":null}", "{\"annotations\":[]}",
                           "{\"annotations\":\"x\"}", "{\"annotations\":{\"io.kubernetes.cri.sandbox-name\":7}}",
                           "{\"annotations\":{\"io.kubernetes.cri.sandbox-name\":\"\xff\"}}"}) {
    EXPECT_EQ(ParseBundle(text), std::nullopt) << text;
  }
}

TEST(OciBundleTest, RejectsEveryTruncation) {
  const std::string_view whole = kContainerdBundle;
  for (size_t length = 0; length < whole.rfind('}'); ++length) {
    EXPECT_EQ(ParseBundle(whole.substr(0, length)), std::nullopt) << length;
  }
}

TEST(OciBundleTest, SurvivesDeepNesting) {
  EXPECT_EQ(ParseBundle(std::string(kMaxBundleBytes, '[')), std::nullopt);
  const std::string half(kMaxBundleBytes / 2, '[');
  EXPECT_EQ(ParseBundle(half + std::string(half.size(), ']')), std::nullopt);
}

TEST(OciBundleTest, LooksWhereEachRuntimeKeepsItsBundles) {
  for (const std::string& path : {"/run/containerd/io.containerd.runtime.v2.task/k8s.io/" + kId + "/config.json",
                                  "/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/" + kId + "/config.json",
                                  "/run/containers/storage/overlay-containers/" + kId + "/userdata/config.json",
                                  "/var/lib/containers/storage/overlay-containers/" + kId + "/userdata/config.json"}) {
    const FakeTree tree;
    const OciBundles bundles(tree.root());
    EXPECT_EQ(bundles.Find(kId), std::nullopt);
    tree.Write(path, kContainerdBundle);
    const auto names = bundles.Find(kId);
    ASSERT_TRUE(names.has_value()) << path;
    EXPECT_EQ(names->container, "nginx");
    EXPECT_EQ(bundles.Find(std::string(64, 'b')), std::nullopt);
  }
}

TEST(OciBundleTest, ReadsNoFileAboveItsCeiling) {
  const FakeTree tree;
  const std::string path = "/run/containers/storage/overlay-containers/" + kId + "/userdata/config.json";
  std::string text(kContainerdBundle);
  text.resize(kMaxBundleBytes, ' ');
  tree.Write(path, text);
  EXPECT_TRUE(OciBundles(tree.root()).Find(kId).has_value());
  tree.Write(path, text + " ");
  EXPECT_FALSE(OciBundles(tree.root()).Find(kId).has_value());
}

}  // namespace
}  // namespace tlsmeter::agent
