#include "src/agent/top_controls.h"

#include <gtest/gtest.h>

namespace tlsmeter::agent {
namespace {

TopControls After(std::string_view keys, TopControls controls = {}) {
  for (const char key : keys) controls.Press(key);
  return controls;
}

TEST(TopControlsTest, SAndBGoRound) {
  EXPECT_EQ(After("s").order, TopOrder::kFailures);
  EXPECT_EQ(After("sssss").order, TopOrder::kName);
  EXPECT_EQ(After("ssssss").order, TopOrder::kRate);
  EXPECT_EQ(After("b").by, TopGrouping::kServerName);
  EXPECT_EQ(After("bb").by, TopGrouping::kProcess);
  EXPECT_EQ(After("bbb").by, TopGrouping::kWorkload);
}

TEST(TopControlsTest, RAndPAreSwitches) {
  EXPECT_TRUE(After("r").reverse);
  EXPECT_FALSE(After("rr").reverse);
  EXPECT_TRUE(After("p").paused);
  EXPECT_FALSE(After("pp").paused);
}

TEST(TopControlsTest, QuitsOnQ) {
  EXPECT_TRUE(After("q").quit);
  EXPECT_FALSE(After("xQ").quit);
}

TEST(TopControlsTest, HelpEndsWithAnyKeyWhichDoesNothingElse) {
  EXPECT_TRUE(After("h").help);
  EXPECT_TRUE(After("?").help);
  EXPECT_FALSE(After("hq").help);
  EXPECT_FALSE(After("hq").quit);
}

TEST(TopControlsTest, AFilterIsUsedOnceItIsTyped) {
  EXPECT_EQ(After("fapi").filter, "");
  EXPECT_EQ(After("fapi").editing, "api");
  EXPECT_EQ(After("fapi\n").filter, "api");
  EXPECT_FALSE(After("fapi\n").editing.has_value());
  EXPECT_EQ(After("/qs\n").filter, "qs");  // no keys meanwhile
}

TEST(TopControlsTest, AFilterIsChangedAndCleared) {
  EXPECT_EQ(After("fapi\nf\x7f\x7fx\n").filter, "ax");
  EXPECT_EQ(After("fapi\nf\x7f\x7f\x7f\x7f\n").filter, "");
  EXPECT_EQ(After("fapi\nfx\x1b").filter, "api");
  EXPECT_EQ(After("fapi\n\x1b").filter, "");
}

TEST(TopControlsTest, ABackspaceTakesAWholeCharacter) { EXPECT_EQ(After("fa\xc3\xbc\x7f").editing, "a"); }

TEST(TopControlsTest, AFilterTakesNoControlCharacterAndHasACeiling) {
  EXPECT_EQ(After("fa\x01\tb").editing, "ab");
  EXPECT_EQ(After("f" + std::string(1000, 'x')).editing->size(), kMaxTopFilter);
}

TEST(KeyDecoderTest, PassesKeysOn) {
  KeyDecoder decoder;
  EXPECT_EQ(decoder.Take("sq"), "sq");
  EXPECT_EQ(decoder.Take("\r"), "\n");
}

TEST(KeyDecoderTest, TellsTheEscapeKeyFromSequencesByTheSilenceAfterIt) {
  KeyDecoder decoder;
  EXPECT_EQ(decoder.Take("\x1b"), "");
  EXPECT_EQ(decoder.Take(""), "\x1b");
  EXPECT_EQ(decoder.Take(""), "");
  EXPECT_EQ(decoder.Take("\x1bq"), "\x1bq");
  EXPECT_EQ(decoder.Take("\x1b\x1b"), "\x1b");
  EXPECT_EQ(decoder.Take(""), "\x1b");
}

TEST(KeyDecoderTest, CursorAndFunctionKeysAreNoKeys) {
  KeyDecoder decoder;
  EXPECT_EQ(decoder.Take("\x1b[A\x1bOPq"), "q");
  EXPECT_EQ(decoder.Take("\x1b[15;5~q"), "q");
}

TEST(KeyDecoderTest, SequencesMayComeInPieces) {
  KeyDecoder decoder;
  std::string keys;
  for (const char c : std::string_view("a\x1b[1;5Cb\x1bOQc")) keys += decoder.Take(std::string_view(&c, 1));
  EXPECT_EQ(keys, "abc");
}

}  // namespace
}  // namespace tlsmeter::agent
