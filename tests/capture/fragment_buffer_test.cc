#include "src/capture/fragment_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>

namespace tlsmeter::agent {
namespace {

using Outcome = FragmentBuffer::Outcome;

constexpr uint64_t kNow = 1'800'000'000'000'000'000;

class FragmentBufferTest : public ::testing::Test {
 protected:
  Outcome Add(uint16_t unit, std::string_view text, bool more, uint32_t id = 1) {
    Fragment fragment{.id = id, .protocol = 6, .more = more, .offset_unit = unit, .bytes = {}};
    fragment.bytes = {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
    return buffer_.Add(now_, fragment, &whole_);
  }
  std::string Whole() const { return std::string(whole_.bytes.begin(), whole_.bytes.end()); }

  FragmentBuffer buffer_;
  Datagram whole_;
  uint64_t now_ = kNow;
};

TEST_F(FragmentBufferTest, JoinsInAnyOrder) {
  const std::string text = "aaaaaaaabbbbbbbbccccccccddd";
  std::vector<uint16_t> order = {0, 1, 2, 3};
  uint32_t id = 0;
  do {
    ++id;
    for (size_t i = 0; i < order.size(); ++i) {
      const Outcome outcome = Add(order[i], text.substr(order[i] * 8u, 8), order[i] != 3, id);
      EXPECT_EQ(outcome, i == 3 ? Outcome::kComplete : Outcome::kWaiting);
    }
    EXPECT_EQ(Whole(), text);
    EXPECT_EQ(whole_.protocol, 6);
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(buffer_.waiting(), 0u);
}

TEST_F(FragmentBufferTest, OfOverlappingBytesTheFirstSeenCount) {
  EXPECT_EQ(Add(1, "BBBBBBBBCCCCCCCC", true), Outcome::kWaiting);
  EXPECT_EQ(Add(0, "aaaaaaaabbbbbbbb", true), Outcome::kWaiting);
  EXPECT_EQ(Add(0, "xxxxxxxx", true), Outcome::kWaiting);
  EXPECT_EQ(Add(2, "ccccccccdddd", false), Outcome::kComplete);
  EXPECT_EQ(Whole(), "aaaaaaaaBBBBBBBBCCCCCCCCdddd");
}

TEST_F(FragmentBufferTest, RefusesWhatContradictsItselfOrTheEnd) {
  EXPECT_EQ(Add(0, "", true), Outcome::kRefused);
  EXPECT_EQ(Add(0, "aaaaaaa", true), Outcome::kRefused);  // no multiple of eight, and not the last
  EXPECT_EQ(Add(8191, "aaaaaaaab", false), Outcome::kRefused);
  EXPECT_EQ(buffer_.waiting(), 0u);

  EXPECT_EQ(Add(1, "bbbb", false), Outcome::kWaiting);
  EXPECT_EQ(Add(1, "bbbbbbbb", true), Outcome::kRefused);  // past the end
  EXPECT_EQ(Add(1, "bbbbb", false), Outcome::kRefused);    // another end
  EXPECT_EQ(Add(0, "aaaaaaaa", true), Outcome::kComplete);
  EXPECT_EQ(Whole(), "aaaaaaaabbbb");

  EXPECT_EQ(Add(2, "cccccccc", true), Outcome::kWaiting);
  EXPECT_EQ(Add(1, "bbbb", false), Outcome::kRefused);  // an end before what was seen
}

TEST_F(FragmentBufferTest, TellsDatagramsApart) {
  Fragment fragment{.id = 1, .protocol = 6, .more = true, .offset_unit = 0, .bytes = {}};
  const std::string text = "aaaaaaaa";
  fragment.bytes = {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
  const auto add = [&] { return buffer_.Add(now_, fragment, &whole_); };
  EXPECT_EQ(add(), Outcome::kWaiting);
  fragment.more = false;
  fragment.offset_unit = 1;
  fragment.source[15] = 1;
  EXPECT_EQ(add(), Outcome::kWaiting);
  fragment.source = {};
  fragment.destination[15] = 1;
  EXPECT_EQ(add(), Outcome::kWaiting);
  fragment.destination = {};
  fragment.protocol = 17;
  EXPECT_EQ(add(), Outcome::kWaiting);
  fragment.protocol = 6;
  fragment.ipv6 = true;
  EXPECT_EQ(add(), Outcome::kWaiting);
  fragment.ipv6 = false;
  fragment.id = 2;
  EXPECT_EQ(add(), Outcome::kWaiting);
  fragment.id = 1;
  EXPECT_EQ(add(), Outcome::kComplete);
}

TEST_F(FragmentBufferTest, GivesUpAfterItsPatience) {
  EXPECT_EQ(Add(0, "aaaaaaaa", true), Outcome::kWaiting);
  now_ += kFragmentPatienceNs + 1;
  EXPECT_EQ(Add(1, "bbbb", false), Outcome::kWaiting);
  EXPECT_EQ(buffer_.given_up(), 1u);
  EXPECT_EQ(buffer_.waiting(), 1u);
}

TEST_F(FragmentBufferTest, TheOldestMakesRoom) {
  for (uint32_t id = 0; id <= kMaxDatagrams; ++id) EXPECT_EQ(Add(0, "aaaaaaaa", true, id), Outcome::kWaiting);
  EXPECT_EQ(buffer_.waiting(), kMaxDatagrams);
  EXPECT_EQ(buffer_.given_up(), 1u);
  EXPECT_EQ(Add(1, "b", false, 1), Outcome::kComplete);
  EXPECT_EQ(Add(1, "b", false, 0), Outcome::kWaiting);
}

TEST_F(FragmentBufferTest, ADatagramMayFillAllOf64KiB) {
  const std::string half(32768, 'a');
  EXPECT_EQ(Add(0, half, true), Outcome::kWaiting);
  EXPECT_EQ(Add(4096, half, false), Outcome::kComplete);
  EXPECT_EQ(whole_.bytes.size(), 65536u);
}

}  // namespace
}  // namespace tlsmeter::agent
