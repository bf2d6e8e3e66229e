#include "src/agent/top_screen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <sstream>

#include "src/base/cells.h"

namespace tlsmeter::agent {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int64_t kNow = 1'800'000'000;
constexpr int64_t kDay = 86'400;

TopPage Sample() {
  TopPage page;
  page.view.seconds = 60;
  page.view.rows = {{.name = "shop/checkout",
                     .handshakes = 1984,
                     .decided = 1984,
                     .failed = 8,
                     .p50 = 0.001651,
                     .p95 = 0.01214,
                     .versions = {{"1.3", 0.92}, {"1.2", 0.08}},
                     .groups = {{"X25519MLKEM768", 0.998}, {"x25519", 0.002}},
                     .reasons = {{"unknown_ca", 1}},
                     .expiry = kNow + 89 * kDay},
                    {.name = "tmux: server", .handshakes = 1}};
  page.view.total = {.name = "", .handshakes = 1985, .decided = 1984, .failed = 8, .p50 = 0.001651, .p95 = 0.01214};
  page.all_rows = 2;
  page.clock = "12:01:03";
  page.unix_seconds = kNow;
  page.status = "seen 120400 handshakes, lost 0 events, blind 0";
  return page;
}

std::vector<std::string> Screen(const TopPage& page, size_t width, size_t height) {
  return TopScreen(page, {.width = width, .height = height}, false);
}

TEST(TopScreenTest, FillsAWideScreen) {
  EXPECT_THAT(
      Screen(Sample(), 140, 9),
      ElementsAre("tlsmeter top  12:01:03  by workload, sorted by rate; 2 of 2 rows",
                  "last 60 s: 1985 handshakes, 33.1/s, 0.4% failed, p50 1.65 ms, p95 12.1 ms",
                  "seen 120400 handshakes, lost 0 events, blind 0",
                  "WORKLOAD                   RATE/S  FAIL%  P50_MS  P95_MS VERSIONS        GROUPS                         "
                  "EXPIRES REASONS                     ",
                  "shop/checkout                33.1    0.4    1.65    12.1 1.3:92%,1.2:8%  X25519MLKEM768:99%,x25519:<1%  "
                  "    89d unknown_ca:100%             ",
                  "tmux:\\x20server              0.02      -       -       - -               -                              "
                  "      - -                           ",
                  "", "", "q quit  s sort  r reverse  b by  f filter  p pause  h help"));
}

TEST(TopScreenTest, LeavesTheLeastImportantColumnsOutWhereItIsNarrow) {
  EXPECT_EQ(Screen(Sample(), 80, 9)[3], "WORKLOAD                   RATE/S  FAIL%  P50_MS  P95_MS VERSIONS        EXPIRES");
  EXPECT_EQ(Screen(Sample(), 40, 9)[3], "WORKLOAD           RATE/S  FAIL%  P50_MS");
  EXPECT_EQ(Screen(Sample(), 20, 9)[3], "WORKLOAD            ");
}

TEST(TopScreenTest, CutsAndMarksWhatIsTooLong) {
  TopPage page = Sample();
  page.view.rows[0].name = "a-namespace-with-a-name/a-workload-with-another";
  page.view.rows[0].versions = {{"1.3", 0.5}, {"1.2", 0.3}, {"1.0", 0.2}};
  EXPECT_THAT(Screen(page, 80, 9)[4], StartsWith("a-namespace-with-a-name/>    33.1"));
  EXPECT_THAT(Screen(page, 80, 9)[4], HasSubstr(" 1.3:50%,1.2:30> "));
}

TEST(TopScreenTest, IsNeverWiderOrHigherThanTheScreen) {
  std::mt19937 random(7);
  TopPage page = Sample();
  page.notices = {"blind to something: a hook that is missing", "blind to more"};
  page.view.rows[0].name = "\u4f60\u597d\u4f60\u597d\u4f60\u597d\u4f60\u597d\u4f60\u597d\u4f60\u597d/e\u0301e\u0301e\u0301";
  for (int i = 0; i < 100; ++i) page.view.rows.push_back({.name = std::string(random() % 300, 'x'), .handshakes = random()});
  for (size_t width = 1; width < 200; ++width) {
    for (const size_t height : {1, 2, 3, 5, 8, 24}) {
      for (const bool help : {false, true}) {
        page.controls.help = help;
        page.controls.filter = std::string(random() % 250, '\x01');
        const std::vector<std::string> lines = Screen(page, width, height);
        ASSERT_EQ(lines.size(), height);
        for (const std::string& line : lines) ASSERT_LE(CellWidth(line), width) << line;
      }
    }
  }
}

TEST(TopScreenTest, KeepsColumnsInPlaceBehindWideCharacters) {
  TopPage page = Sample();
  page.view.rows[1].name = "\u4f60\u597d";
  const std::vector<std::string> lines = Screen(page, 80, 9);
  EXPECT_EQ(CellWidth(lines[4]), CellWidth(lines[5]));
}

TEST(TopScreenTest, ColoursWhatIsWrongWhereColourIsWanted) {
  TopPage page = Sample();
  page.view.rows[0].expiry = kNow + 8 * kDay;
  const std::vector<std::string> lines = TopScreen(page, {.width = 80, .height = 9}, true);
  EXPECT_THAT(lines[3], StartsWith("\x1b[7mWORKLOAD"));
  EXPECT_THAT(lines[4], HasSubstr("\x1b[31m   0.4\x1b[0m"));
  EXPECT_THAT(lines[4], HasSubstr("\x1b[33m     8d\x1b[0m"));
  EXPECT_THAT(lines[5], Not(HasSubstr("\x1b")));
  for (const std::string& line : Screen(page, 80, 9)) EXPECT_THAT(line, Not(HasSubstr("\x1b")));
}

TEST(TopScreenTest, SaysHowLongCertificatesLast) {
  TopPage page = Sample();
  page.view.rows.resize(1);
  for (const auto& [left, text] : std::initializer_list<std::pair<int64_t, const char*>>{{89 * kDay + 5, " 89d"},
                                                                                         {2 * kDay - 1, " 47h"},
                                                                                         {7199, " 119m"},
                                                                                         {1, " 0m"},
                                                                                         {0, " expired"},
                                                                                         {-kDay, " expired"}}) {
    page.view.rows[0].expiry = kNow + left;
    EXPECT_THAT(Screen(page, 80, 9)[4], EndsWith(text));
  }
}

TEST(TopScreenTest, SaysWhatIsInForce) {
  TopPage page = Sample();
  page.controls = {
      .by = TopGrouping::kProcess, .order = TopOrder::kExpiry, .reverse = true, .filter = "ng\x1bx", .paused = true};
  const std::vector<std::string> lines = Screen(page, 100, 9);
  EXPECT_EQ(lines[0], "tlsmeter top  12:01:03 PAUSED  by process, sorted by expiry, reversed; 2 of 2 rows");
  EXPECT_EQ(lines[3], "filter: ng\\x1bx");
  EXPECT_THAT(lines[4], StartsWith("PROCESS "));
  page.controls.editing = "ngi";
  EXPECT_THAT(Screen(page, 100, 9)[3], StartsWith("filter: ngi_"));
}

TEST(TopScreenTest, SaysWhatIsInvisible) {
  TopPage page = Sample();
  page.notices = {"blind to owners: no hook"};
  EXPECT_EQ(Screen(page, 80, 9)[3], "blind to owners: no hook");
  page.notices.emplace_back("blind to a library");
  EXPECT_EQ(Screen(page, 80, 9)[3], "blind to owners: no hook (1 more: h)");
  page.controls.help = true;
  EXPECT_THAT(Screen(page, 80, 30), Contains("blind to a library"));
}

TEST(TopScreenTest, ShowsTheRowsThatWereScrolledTo) {
  TopPage page = Sample();
  page.view.rows.clear();
  for (int i = 0; i < 20; ++i) page.view.rows.push_back({.name = "row-" + std::to_string(i + 1), .handshakes = 1});
  page.all_rows = 20;
  const TerminalSize size{.width = 100, .height = 9};
  EXPECT_EQ(TopRoom(page, size), 4u);
  page.controls.first = 7;
  const std::vector<std::string> lines = TopScreen(page, size, false);
  EXPECT_THAT(lines[0], EndsWith("; 20 of 20 rows, here 8 to 11"));
  EXPECT_THAT(lines[4], StartsWith("row-8 "));
  EXPECT_THAT(lines[7], StartsWith("row-11 "));
  EXPECT_THAT(lines[8], StartsWith("q quit"));
  page.controls.filter = "row";  // a line more above
  EXPECT_EQ(TopRoom(page, size), 3u);
  EXPECT_EQ(TopRoom(page, {.width = 100, .height = 3}), 0u);
  page.controls.help = true;
  EXPECT_EQ(TopRoom(page, size), 0u);
}

std::vector<std::string> Words(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

TEST(TopBlockTest, HasEveryColumnAndRowAsWords) {
  TopPage page = Sample();
  page.view.rows[1].name = std::string(100, 'x');
  std::istringstream stream(TopBlock(page));
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 7u);
  EXPECT_EQ(lines[2], page.status);
  EXPECT_THAT(Words(lines[3]),
              ElementsAre("WORKLOAD", "RATE/S", "FAIL%", "P50_MS", "P95_MS", "VERSIONS", "GROUPS", "EXPIRES", "REASONS"));
  EXPECT_THAT(Words(lines[4]), ElementsAre("shop/checkout", "33.1", "0.4", "1.65", "12.1", "1.3:92%,1.2:8%",
                                           "X25519MLKEM768:99%,x25519:<1%", "89d", "unknown_ca:100%"));
  EXPECT_THAT(Words(lines[5]), ElementsAre(std::string(100, 'x'), "0.02", "-", "-", "-", "-", "-", "-", "-"));
  EXPECT_EQ(lines[6], "");
}

}  // namespace
}  // namespace tlsmeter::agent
