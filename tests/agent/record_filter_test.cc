#include "src/agent/record_filter.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>

namespace tlsmeter::agent {
namespace {

HandshakeRecord Sample() {
  HandshakeRecord record;
  record.role = Role::kClient;
  record.owner.pid = 4711;
  record.owner.comm = "curl";
  record.client = SocketAddress{.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 5}, .port = 51234};
  record.server = SocketAddress{.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 6}, .port = 443};
  record.result = Result::kSuccess;
  record.tls.client_hello.emplace().server_name = "API.example.com";
  record.tls.version = ProtocolVersion::kTls13;
  record.tls.client_hello_ns = 1'000'000'000;
  record.tls.established_ns = 1'020'000'000;
  return record;
}

bool Matches(std::initializer_list<std::pair<FilterKey, const char*>> terms, const HandshakeRecord& record) {
  RecordFilter filter;
  for (const auto& [key, text] : terms) EXPECT_TRUE(filter.Add(key, text).ok()) << text;
  return filter.Matches(record);
}

TEST(RecordFilterTest, LetsEverythingThroughByItself) {
  EXPECT_TRUE(RecordFilter().Matches(Sample()));
  EXPECT_TRUE(RecordFilter().Matches(HandshakeRecord()));
}

TEST(RecordFilterTest, TermsOfOneKeyStandForEachOther) {
  EXPECT_TRUE(Matches({{FilterKey::kPid, "1"}, {FilterKey::kPid, "4711"}}, Sample()));
  EXPECT_FALSE(Matches({{FilterKey::kPid, "1"}, {FilterKey::kPid, "2"}}, Sample()));
}

TEST(RecordFilterTest, TermsOfDifferentKeysAllHaveToHold) {
  EXPECT_TRUE(Matches({{FilterKey::kPid, "4711"}, {FilterKey::kComm, "cu*"}}, Sample()));
  EXPECT_FALSE(Matches({{FilterKey::kPid, "4711"}, {FilterKey::kComm, "wget"}}, Sample()));
}

TEST(RecordFilterTest, NegatedTermsLetTheRestThrough) {
  EXPECT_FALSE(Matches({{FilterKey::kComm, "!curl"}}, Sample()));
  EXPECT_TRUE(Matches({{FilterKey::kComm, "!wget"}}, Sample()));
  EXPECT_FALSE(Matches({{FilterKey::kComm, "c*"}, {FilterKey::kComm, "!curl"}}, Sample()));
  EXPECT_TRUE(Matches({{FilterKey::kReason, "!timeout"}}, Sample()));
}

TEST(RecordFilterTest, GlobsMatchNamesInLowerCase) {
  EXPECT_TRUE(Matches({{FilterKey::kServerName, "*.Example.com"}}, Sample()));
  EXPECT_FALSE(Matches({{FilterKey::kServerName, "example.com"}}, Sample()));
  HandshakeRecord nameless = Sample();
  nameless.tls.client_hello->server_name.clear();
  EXPECT_FALSE(Matches({{FilterKey::kServerName, "*"}}, nameless));
  EXPECT_TRUE(Matches({{FilterKey::kServerName, "!*"}}, nameless));
}

TEST(RecordFilterTest, TheLocalPortIsThatOfTheWatchedSide) {
  HandshakeRecord record = Sample();
  EXPECT_TRUE(Matches({{FilterKey::kLocalPort, "51234"}}, record));
  EXPECT_TRUE(Matches({{FilterKey::kServerPort, "443"}}, record));
  record.role = Role::kServer;
  EXPECT_TRUE(Matches({{FilterKey::kLocalPort, "443"}}, record));
  EXPECT_FALSE(Matches({{FilterKey::kLocalPort, "51234"}}, record));
}

TEST(RecordFilterTest, KnowsRolesReasonsAndVersions) {
  HandshakeRecord record = Sample();
  EXPECT_TRUE(Matches({{FilterKey::kRole, "client"}, {FilterKey::kVersion, "1.3"}}, record));
  EXPECT_FALSE(Matches({{FilterKey::kVersion, "1.2"}}, record));
  EXPECT_FALSE(Matches({{FilterKey::kReason, "unknown_ca"}}, record));
  record.reason = FailureReason::kUnknownCa;
  EXPECT_TRUE(Matches({{FilterKey::kReason, "unknown_ca"}}, record));
}

TEST(RecordFilterTest, KeepsFamiliesFailuresAndSlowOnesApart) {
  RecordFilter ipv6;
  ipv6.OnlyFamily(true);
  EXPECT_FALSE(ipv6.Matches(Sample()));
  RecordFilter ipv4;
  ipv4.OnlyFamily(false);
  EXPECT_TRUE(ipv4.Matches(Sample()));
  EXPECT_FALSE(ipv4.Matches(HandshakeRecord()));
  RecordFilter failed;
  failed.OnlyFailed();
  EXPECT_FALSE(failed.Matches(Sample()));
  HandshakeRecord aborted = Sample();
  aborted.result = Result::kAborted;
  EXPECT_TRUE(failed.Matches(aborted));
  RecordFilter slow;
  slow.AtLeastMilliseconds(20);
  EXPECT_TRUE(slow.Matches(Sample()));
  slow.AtLeastMilliseconds(20.1);
  EXPECT_FALSE(slow.Matches(Sample()));
}

TEST(RecordFilterTest, KnowsUsersByNumberAndName) {
  HandshakeRecord record = Sample();
  record.owner.uid = 0;
  EXPECT_TRUE(Matches({{FilterKey::kUser, "root"}}, record));
  EXPECT_TRUE(Matches({{FilterKey::kUser, "!33"}}, record));
  record.owner.uid = 33;
  EXPECT_TRUE(Matches({{FilterKey::kUser, "33"}}, record));
  EXPECT_FALSE(Matches({{FilterKey::kUser, "root"}}, record));
  record.owner.pid = 0;  // nobody knows whose it was
  record.owner.uid = 0;
  EXPECT_FALSE(Matches({{FilterKey::kUser, "root"}}, record));
}

TEST(RecordFilterTest, KnowsNamespacePodAndContainer) {
  HandshakeRecord record = Sample();
  record.attribution.namespace_name = "shop";
  record.attribution.pod_name = "web-6c54bd5869-x9z2k";
  record.attribution.container_name = "nginx";
  record.attribution.container_id = "abcdef" + std::string(58, '0');
  EXPECT_TRUE(
      Matches({{FilterKey::kNamespace, "shop"}, {FilterKey::kPod, "web-*"}, {FilterKey::kContainer, "ng*"}}, record));
  EXPECT_FALSE(Matches({{FilterKey::kNamespace, "sho"}}, record));
  EXPECT_FALSE(Matches({{FilterKey::kPod, "!web-*"}}, record));
  EXPECT_FALSE(Matches({{FilterKey::kNamespace, "*"}}, Sample()));
}

TEST(RecordFilterTest, TakesTheFirstDigitsOfAContainersId) {
  HandshakeRecord record = Sample();
  record.attribution.container_id = "abcdef" + std::string(58, '0');
  EXPECT_TRUE(Matches({{FilterKey::kContainer, "abcdef"}}, record));
  EXPECT_TRUE(Matches({{FilterKey::kContainer, "abcdef0000"}}, record));
  EXPECT_FALSE(Matches({{FilterKey::kContainer, "abcde"}}, record));  // may be a name
  EXPECT_FALSE(Matches({{FilterKey::kContainer, "bcdef0"}}, record));
  EXPECT_FALSE(Matches({{FilterKey::kContainer, "!abcdef"}}, record));
}

TEST(RecordFilterTest, HandsFamilyAndWantedServerPortsToTheKernel) {
  RecordFilter filter;
  EXPECT_FALSE(filter.hello_filter(false).ipv6.has_value());
  EXPECT_TRUE(filter.hello_filter(false).server_ports.empty());
  filter.OnlyFamily(true);
  for (const char* term : {"443", "!80", "8443"}) ASSERT_TRUE(filter.Add(FilterKey::kServerPort, term).ok());
  ASSERT_TRUE(filter.Add(FilterKey::kLocalPort, "5000").ok());
  EXPECT_EQ(filter.hello_filter(false).ipv6, true);
  EXPECT_EQ(filter.hello_filter(false).server_ports, (std::vector<uint16_t>{443, 8443}));
  EXPECT_FALSE(filter.hello_filter(true).ipv6.has_value());
  EXPECT_TRUE(filter.hello_filter(true).server_ports.empty());
}

TEST(RecordFilterTest, LooksItselfWhereTheKernelHasNoRoomForThePorts) {
  RecordFilter filter;
  for (size_t port = 1; port <= kMaxHelloPorts + 1; ++port) {
    ASSERT_TRUE(filter.Add(FilterKey::kServerPort, std::to_string(port)).ok());
  }
  EXPECT_TRUE(filter.hello_filter(false).server_ports.empty());
  EXPECT_FALSE(filter.Matches(Sample()));
}

TEST(RecordFilterTest, RefusesWhatCannotBeAValue) {
  for (const auto& [key, text] : std::initializer_list<std::pair<FilterKey, const char*>>{{FilterKey::kPid, "me"},
                                                                                          {FilterKey::kPid, "0"},
                                                                                          {FilterKey::kPid, ""},
                                                                                          {FilterKey::kPid, "!"},
                                                                                          {FilterKey::kLocalPort, "70000"},
                                                                                          {FilterKey::kServerPort, "https"},
                                                                                          {FilterKey::kRole, "server!"},
                                                                                          {FilterKey::kReason, "bad_luck"},
                                                                                          {FilterKey::kUser, "no such user"},
                                                                                          {FilterKey::kComm, ""}}) {
    EXPECT_EQ(RecordFilter().Add(key, text).code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace tlsmeter::agent
