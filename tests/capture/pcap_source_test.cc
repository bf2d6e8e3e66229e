#include "src/capture/pcap_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

namespace tlsmeter::agent {
namespace {

using ::testing::HasSubstr;

std::string Little(uint64_t value, size_t width) {
  std::string bytes;
  for (size_t i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string PcapHeader(uint32_t magic = 0xa1b2c3d4, uint32_t link = 1) {
  return Little(magic, 4) + Little(2, 2) + Little(4, 2) + Little(0, 8) + Little(65535, 4) + Little(link, 4);
}

std::string PcapPacket(uint32_t fraction, const std::string& bytes, uint32_t wire_length) {
  return Little(1'800'000'000, 4) + Little(fraction, 4) + Little(bytes.size(), 4) + Little(wire_length, 4) + bytes;
}

std::string Block(uint32_t type, const std::string& body) {
  const uint64_t length = body.size() + 12;
  return Little(type, 4) + Little(length, 4) + body + Little(length, 4);
}
std::string Section() { return Block(0x0a0d0d0a, Little(0x1a2b3c4d, 4) + Little(1, 4) + Little(~uint64_t{0}, 8)); }
// Interface with times in nanoseconds.
std::string Interface(uint16_t link) {
  return Block(
      1, Little(link, 2) + Little(0, 2) + Little(65535, 4) + Little(9, 2) + Little(1, 2) + Little(9, 4) + Little(0, 4));
}
std::string Packet(uint32_t interface, uint64_t time_ns, const std::string& bytes) {
  return Block(6, Little(interface, 4) + Little(time_ns >> 32, 4) + Little(time_ns & 0xffffffff, 4) +
                      Little(bytes.size(), 4) + Little(bytes.size(), 4) + bytes +
                      std::string((4 - bytes.size() % 4) % 4, '\0'));
}

class PcapSourceTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<PcapSource>> Open(const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;
    return PcapSource::Open(path_);
  }
  void TearDown() override { std::remove(path_.c_str()); }

  std::string path_ =
      ::testing::TempDir() + "pcap_source_test_" + ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

std::string Text(std::span<const uint8_t> bytes) { return std::string(bytes.begin(), bytes.end()); }

TEST_F(PcapSourceTest, ReadsPacketsWithBothLengths) {
  const std::string content = PcapHeader() + PcapPacket(5, "abc", 1500) + PcapPacket(6, "", 60);
  const auto source = Open(content);
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ((*source)->link(), LinkType::kEthernet);
  EXPECT_EQ((*source)->size(), content.size());
  auto packet = (*source)->Next();
  ASSERT_TRUE(packet.ok() && packet->has_value());
  EXPECT_EQ((*packet)->time_ns, 1'800'000'000'000'005'000u);
  EXPECT_EQ(Text((*packet)->bytes), "abc");
  EXPECT_EQ((*packet)->wire_length, 1500u);
  packet = (*source)->Next();
  ASSERT_TRUE(packet.ok() && packet->has_value());
  EXPECT_EQ((*packet)->bytes.size(), 0u);
  packet = (*source)->Next();
  ASSERT_TRUE(packet.ok());
  EXPECT_FALSE(packet->has_value());
  EXPECT_EQ((*source)->position(), content.size());
}

uint64_t ReadCalls() {
  std::ifstream io("/proc/self/io");
  std::string name;
  uint64_t value = 0;
  while (io >> name >> value) {
    if (name == "syscr:") return value;
  }
  return 0;
}

TEST_F(PcapSourceTest, ManyPacketsTakeFewCallsOfTheKernel) {
  constexpr size_t kPackets = 1000;
  std::string content = PcapHeader();
  for (uint32_t i = 0; i < kPackets; ++i) content += PcapPacket(i, std::string(1000, 'x'), 1000);
  const auto source = Open(content);
  ASSERT_TRUE(source.ok()) << source.status();
  const uint64_t before = ReadCalls();
  ASSERT_GT(before, 0u);
  for (size_t i = 0; i < kPackets; ++i) {
    const auto packet = (*source)->Next();
    ASSERT_TRUE(packet.ok() && packet->has_value());
    ASSERT_EQ((*packet)->bytes.size(), 1000u);
  }
  EXPECT_LE(ReadCalls() - before, 10u);
}

TEST_F(PcapSourceTest, KeepsNanoseconds) {
  const auto source = Open(PcapHeader(0xa1b23c4d) + PcapPacket(123'456'789, "abc", 3));
  ASSERT_TRUE(source.ok()) << source.status();
  const auto packet = (*source)->Next();
  ASSERT_TRUE(packet.ok() && packet->has_value());
  EXPECT_EQ((*packet)->time_ns, 1'800'000'000'123'456'789u);
}

TEST_F(PcapSourceTest, ReadsSeveralInterfacesOfPcapng) {
  const auto source = Open(Section() + Interface(276) + Interface(276) + Packet(1, 1'800'000'000'123'456'789, "abc") +
                           Packet(0, 1'800'000'000'123'456'790, "de"));
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ((*source)->link(), LinkType::kLinuxCooked2);
  auto packet = (*source)->Next();
  ASSERT_TRUE(packet.ok() && packet->has_value());
  EXPECT_EQ((*packet)->time_ns, 1'800'000'000'123'456'789u);
  packet = (*source)->Next();
  ASSERT_TRUE(packet.ok() && packet->has_value());
  EXPECT_EQ(Text((*packet)->bytes), "de");
}

TEST_F(PcapSourceTest, KnowsEachLinkType) {
  const std::pair<uint32_t, LinkType> known[] = {
      {1, LinkType::kEthernet}, {113, LinkType::kLinuxCooked}, {276, LinkType::kLinuxCooked2}, {101, LinkType::kRawIp},
      {228, LinkType::kRawIp},  {229, LinkType::kRawIp},       {0, LinkType::kNull},           {108, LinkType::kNull},
      {9, LinkType::kPpp},      {50, LinkType::kPpp},          {51, LinkType::kPppoe}};
  for (const auto& [number, link] : known) {
    const auto source = Open(PcapHeader(0xa1b2c3d4, number));
    ASSERT_TRUE(source.ok()) << source.status();
    EXPECT_EQ((*source)->link(), link) << number;
  }
}

TEST_F(PcapSourceTest, NamesALinkTypeThatItDoesNotKnow) {
  const auto source = Open(PcapHeader(0xa1b2c3d4, 105));
  EXPECT_EQ(source.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(source.status().message()), HasSubstr("IEEE802_11"));
  EXPECT_THAT(std::string(source.status().message()), HasSubstr(path_));
}

TEST_F(PcapSourceTest, SaysWhatIsWrongWithInterfacesOfTwoLinkTypes) {
  const auto source = Open(Section() + Interface(1) + Interface(113) + Packet(0, 1, "abc"));
  ASSERT_TRUE(source.ok()) << source.status();
  const auto packet = (*source)->Next();
  EXPECT_EQ(packet.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(packet.status().message()), HasSubstr("a file of its own"));
}

TEST_F(PcapSourceTest, EveryTornFileGivesItsWholePacketsAndThenASentence) {
  const std::string content = PcapHeader() + PcapPacket(5, "abc", 3) + PcapPacket(6, "defg", 4);
  constexpr size_t kHeader = 24, kFirst = kHeader + 19;
  for (size_t size = 0; size < content.size(); ++size) {
    const auto source = Open(content.substr(0, size));
    if (size < kHeader) {
      EXPECT_EQ(source.status().code(), absl::StatusCode::kInvalidArgument) << size;
      EXPECT_THAT(std::string(source.status().message()), HasSubstr(path_));
      continue;
    }
    ASSERT_TRUE(source.ok()) << size;
    auto packet = (*source)->Next();
    if (size >= kFirst) {
      ASSERT_TRUE(packet.ok() && packet->has_value()) << size;
      packet = (*source)->Next();
    }
    if (size == kHeader || size == kFirst) {
      EXPECT_TRUE(packet.ok() && !packet->has_value()) << size;
    } else {
      EXPECT_EQ(packet.status().code(), absl::StatusCode::kInvalidArgument) << size;
      EXPECT_THAT(std::string(packet.status().message()), HasSubstr(size >= kFirst ? "after 1 packets" : "after 0 packets"));
    }
  }
}

TEST_F(PcapSourceTest, WhatIsNoCaptureIsSaidInASentence) {
  EXPECT_THAT(std::string(Open("#!/bin/sh\necho this is no capture\n").status().message()),
              HasSubstr("give it a pcap or pcapng file"));
  EXPECT_EQ(PcapSource::Open(path_ + ".none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(PcapSource::Open("/dev/zero").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(PcapSource::Open(::testing::TempDir()).status().message()), HasSubstr("is a directory"));
}

}  // namespace
}  // namespace tlsmeter::agent
