#include "src/agent/top_controls.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace tlsmeter::agent {
namespace {

TopControls After(const std::string& keys, TopControls controls = {}) {
  for (const char key : keys) controls.Press(key, 10);
  return controls;
}

// The first row that is shown of 95, on a screen for ten.
size_t FirstAfter(const std::string& keys, size_t first = 0) {
  TopControls controls;
  controls.first = first;
  for (const char key : keys) {
    controls.Press(key, 10);
    controls.Clamp(95, 10);
  }
  return controls.first;
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

TEST(TopControlsTest, ScrollsByRowsAndPagesUpToTheEnds) {
  EXPECT_EQ(FirstAfter("jjk"), 1u);
  EXPECT_EQ(FirstAfter({kKeyDown, kKeyDown, kKeyUp}), 1u);
  EXPECT_EQ(FirstAfter({kKeyUp, 'k', kKeyPageUp}), 0u);
  EXPECT_EQ(FirstAfter({kKeyPageDown, kKeyPageDown}), 20u);
  EXPECT_EQ(FirstAfter({kKeyPageDown, kKeyPageDown, kKeyPageUp}), 10u);
  EXPECT_EQ(FirstAfter({kKeyPageUp}, 3), 0u);
  EXPECT_EQ(FirstAfter({kKeyEnd}), 85u);
  EXPECT_EQ(FirstAfter({kKeyEnd, kKeyPageDown, 'j', 'k'}), 84u);
  EXPECT_EQ(FirstAfter({kKeyEnd, kKeyHome}), 0u);
}

TEST(TopControlsTest, BeginsAtTheTopAgainWithOtherRowsOrAnotherOrder) {
  for (const char* keys : {"s", "r", "b", "fx\n", "\x1b"}) EXPECT_EQ(FirstAfter(keys, 20), 0u) << keys;
  for (const char* keys : {"p", "h", "hx", "f", "fx\x1b", "x"}) EXPECT_EQ(FirstAfter(keys, 20), 20u) << keys;
}

TEST(TopControlsTest, DoesNotScrollBeyondRowsThatHaveGone) {
  TopControls controls;
  controls.first = 20;
  controls.Clamp(25, 10);
  EXPECT_EQ(controls.first, 15u);
  controls.Clamp(9, 10);
  EXPECT_EQ(controls.first, 0u);
}

TEST(TopControlsTest, KeysThatMoveAreNoPartOfAFilter) {
  EXPECT_EQ(After({'f', 'a', kKeyUp, kKeyEnd, 'b'}).editing, "ab");
  EXPECT_EQ(After({'f', 'a', kKeyDown}).first, 0u);
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

TEST(KeyDecoderTest, KnowsTheKeysThatMoveOfEveryTerminal) {
  KeyDecoder decoder;
  EXPECT_EQ(decoder.Take("\x1b[A\x1bOA\x1b[1;5A"), std::string(3, kKeyUp));
  EXPECT_EQ(decoder.Take("\x1b[B\x1bOB"), std::string(2, kKeyDown));
  EXPECT_EQ(decoder.Take("\x1b[5~\x1b[5;2~"), std::string(2, kKeyPageUp));
  EXPECT_EQ(decoder.Take("\x1b[6~"), std::string(1, kKeyPageDown));
  EXPECT_EQ(decoder.Take("\x1b[H\x1bOH\x1b[1~\x1b[7~"), std::string(4, kKeyHome));
  EXPECT_EQ(decoder.Take("\x1b[F\x1bOF\x1b[4~\x1b[8~"), std::string(4, kKeyEnd));
}

TEST(KeyDecoderTest, OtherKeysThatSendSequencesAreNoKeys) {
  KeyDecoder decoder;
  EXPECT_EQ(decoder.Take("\x1b[C\x1bOPq"), "q");
  EXPECT_EQ(decoder.Take("\x1b[15;5~\x1b[3~\x1b[~q"), "q");
  EXPECT_EQ(decoder.Take("\x1b[5" + std::string(1000, '1') + "~q"), "q");
}

TEST(KeyDecoderTest, SequencesMayComeInPieces) {
  KeyDecoder decoder;
  std::string keys;
  for (const char c : std::string_view("a\x1b[1;5Cb\x1bOQc\x1b[6~")) keys += decoder.Take(std::string_view(&c, 1));
  EXPECT_EQ(keys, std::string("abc") + kKeyPageDown);
}

}  // namespace
}  // namespace tlsmeter::agent
