#include "src/agent/read_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace tlsmeter::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

HandshakeRecord Named(const std::string& server_name) {
  HandshakeRecord record;
  record.tls.client_hello.emplace().server_name = server_name;
  return record;
}

TEST(Durations, PercentilesAreWithinOnePercent) {
  Durations durations;
  for (int i = 1; i <= 1000; ++i) durations.Add(i * 1e-3);
  EXPECT_EQ(durations.count(), 1000u);
  EXPECT_NEAR(durations.Percentile(0.50), 0.500, 0.005);
  EXPECT_NEAR(durations.Percentile(0.95), 0.950, 0.010);
  EXPECT_NEAR(durations.Percentile(0.99), 0.990, 0.010);
  EXPECT_NEAR(durations.Percentile(1), 1, 0.01);
}

TEST(Durations, TheExtremesHaveClassesToo) {
  Durations durations;
  EXPECT_EQ(durations.Percentile(0.5), 0);
  durations.Add(0);
  EXPECT_NEAR(durations.Percentile(0.5), 1e-6, 1e-7);
  durations.Add(1e9);
  EXPECT_GT(durations.Percentile(1), 1e4);
}

TEST(ReadSummary, CountsAndSortsByFrequency) {
  ReadSummary summary;
  for (const char* name : {"b.example", "a.example", "B.example"}) summary.Add(Named(name));
  summary.Add(HandshakeRecord());
  EXPECT_THAT(summary.Text(), HasSubstr("4 handshakes\n"));
  EXPECT_THAT(summary.Text(), HasSubstr("COUNT  SNI\n         2  b.example\n         1  -\n         1  a.example\n"));
  EXPECT_THAT(summary.Text(), HasSubstr("COUNT  RESULT\n         4  unknown\n"));
}

TEST(ReadSummary, BytesOfPeersCannotReachTheTerminal) {
  ReadSummary summary;
  summary.Add(Named("a\x1b[2J\nb"));
  EXPECT_THAT(summary.Text(), HasSubstr("a\\x1b[2j\\x0ab"));
}

TEST(ReadSummary, WhatIsNotPrintedIsCountedTogether) {
  ReadSummary summary;
  for (size_t i = 0; i < kMaxSummaryLines + 3; ++i) summary.Add(Named("n" + std::to_string(100 + i)));
  EXPECT_THAT(summary.Text(), HasSubstr("         1  n119\n         3  all others\n"));
}

TEST(ReadSummary, ValuesOverTheCeilingAreCountedTogether) {
  ReadSummary summary;
  for (size_t i = 0; i < kMaxSummaryValues; ++i) summary.Add(Named("n" + std::to_string(i)));
  for (int i = 0; i < 2; ++i) summary.Add(Named("first of too many"));
  summary.Add(Named("n0"));
  EXPECT_THAT(summary.Text(), HasSubstr("         2  n0\n"));
  EXPECT_THAT(summary.Text(), Not(HasSubstr("too many")));
  EXPECT_THAT(summary.Text(), HasSubstr(std::to_string(kMaxSummaryValues - kMaxSummaryLines + 2) + "  all others\n"));
}

TEST(ReadSummary, GivesPercentilesOfThePhasesThatWereSeen) {
  ReadSummary summary;
  HandshakeRecord record;
  record.tls.client_hello_ns = 1'000'000'000;
  record.tls.established_ns = 1'020'000'000;
  summary.Add(record);
  EXPECT_THAT(summary.Text(), HasSubstr("         1  handshake "));
  EXPECT_THAT(summary.Text(), Not(HasSubstr("first app byte")));
}

}  // namespace
}  // namespace tlsmeter::agent
