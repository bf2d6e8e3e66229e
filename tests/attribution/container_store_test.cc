#include "src/attribution/container_store.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/attribution/bundles.h"
#include "tests/base/fake_tree.h"

namespace tlsmeter::agent {
namespace {

const std::string kA(64, 'a');
const std::string kB(64, 'b');
const std::string kC(64, 'c');

TEST(ContainerStoreTest, ReadsWhatDockerWrites) {
  EXPECT_EQ(DockerName(kDockerConfig, kA), "shop-front-1");
  EXPECT_EQ(DockerName(kDockerConfig, kB), "") << "a file of another container";
}

TEST(ContainerStoreTest, ReadsWhatPodmanWrites) {
  EXPECT_EQ(PodmanName(kPodmanContainers, kA), "shop-web");
  EXPECT_EQ(PodmanName(kPodmanContainers, kB), "shop-db");
  EXPECT_EQ(PodmanName(kPodmanContainers, kC), "") << "a container without names";
  EXPECT_EQ(PodmanName(kPodmanContainers, std::string(64, 'd')), "");
}

TEST(ContainerStoreTest, FindsNoNameWhereThereIsNone) {
  for (const char* text :
       {"", "null", "7", "\"ID\"", "{}", "[]", "[7]", "[[]]", "{\"ID\":7}", "{\"ID\":\"a\"}", "{\"ID\":\"a\",\"Name\":[]}",
        "{\"ID\":\"a\",\"Name\":\"\xff\"}", "[{\"id\":\"a\"}]", "[{\"id\":\"a\",\"names\":{}}]",
        "[{\"id\":\"a\",\"names\":[]}]", "[{\"id\":\"a\",\"names\":[7]}]"}) {
    EXPECT_EQ(DockerName(text, "a"), "") << text;
    EXPECT_EQ(PodmanName(text, "a"), "") << text;
  }
}

TEST(ContainerStoreTest, RejectsEveryTruncation) {
  for (size_t length = 0; length < kDockerConfig.size(); ++length) {
    EXPECT_EQ(DockerName(kDockerConfig.substr(0, length), kA), "") << length;
  }
  for (size_t length = 0; length < kPodmanContainers.size(); ++length) {
    EXPECT_EQ(PodmanName(kPodmanContainers.substr(0, length), kA), "") << length;
  }
}

TEST(ContainerStoreTest, LooksWhereEachEngineKeepsItsContainers) {
  const FakeTree tree;
  const ContainerStores stores(tree.root());
  EXPECT_EQ(stores.FindName(kA), "");
  tree.Write("/run/containers/storage/overlay-containers/volatile-containers.json",
             R"([{"id":")" + kA + R"(","names":["3"]}])");
  EXPECT_EQ(stores.FindName(kA), "3");
  tree.Write("/var/lib/containers/storage/overlay-containers/volatile-containers.json",
             R"([{"id":")" + kA + R"(","names":["2"]}])");
  EXPECT_EQ(stores.FindName(kA), "2");
  tree.Write("/var/lib/containers/storage/overlay-containers/containers.json", kPodmanContainers);
  EXPECT_EQ(stores.FindName(kA), "shop-web");
  tree.Write("/var/lib/docker/containers/" + kA + "/config.v2.json", kDockerConfig);
  EXPECT_EQ(stores.FindName(kA), "shop-front-1");
  EXPECT_EQ(stores.FindName(kB), "shop-db");
}

TEST(ContainerStoreTest, ReadsNoFileAboveItsCeiling) {
  const FakeTree tree;
  const std::string path = "/var/lib/docker/containers/" + kA + "/config.v2.json";
  std::string text(kDockerConfig);
  text.resize(kMaxStoreBytes, ' ');
  tree.Write(path, text);
  EXPECT_EQ(ContainerStores(tree.root()).FindName(kA), "shop-front-1");
  tree.Write(path, text + " ");
  EXPECT_EQ(ContainerStores(tree.root()).FindName(kA), "");
}

}  // namespace
}  // namespace tlsmeter::agent
