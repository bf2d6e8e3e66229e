#include "src/export/listen_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tlsmeter::agent {
namespace {

TEST(ListenAddressTest, ReadsTheThreeForms) {
  EXPECT_EQ(ParseListenAddress("127.0.0.1:9743")->host, "127.0.0.1");
  EXPECT_EQ(ParseListenAddress("127.0.0.1:9743")->port, 9743);
  EXPECT_EQ(ParseListenAddress("[::1]:65535")->host, "::1");
  EXPECT_EQ(ParseListenAddress("[::1]:65535")->port, 65535);
  EXPECT_EQ(ParseListenAddress(":0")->host, "");
}

TEST(ListenAddressTest, RejectsEverythingElseAndSaysWhatToWrite) {
  for (const char* bad :
       {"", "9743", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "::1:9743",
        "[::1]", "[]:1", "[127.0.0.1]:1", "localhost:9743", "1.2.3:80", "127.0.0.1:1 "}) {
    const auto address = ParseListenAddress(bad);
    ASSERT_FALSE(address.ok()) << bad;
    EXPECT_THAT(std::string(address.status().message()), testing::HasSubstr("[::1]:9743")) << bad;
  }
}

}  // namespace
}  // namespace tlsmeter::agent
