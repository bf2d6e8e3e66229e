#include "src/agent/top_screen.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "src/base/cells.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

// The name's column gets what the others leave, within these; of a block it is kBlockName wide, longer ones push the rest.
constexpr size_t kMinName = 16;
constexpr size_t kMaxName = 64;
constexpr size_t kBlockName = 40;

constexpr int64_t kMinute = 60;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

// Certificates that last no longer are yellow, and red: the alerts of deploy/prometheus.
constexpr int64_t kExpiresSoon = 30 * kDay;
constexpr int64_t kExpiresVerySoon = 7 * kDay;

constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kReversed = "\x1b[7m";
constexpr std::string_view kReset = "\x1b[0m";

// Three digits, which is all that one reads of a figure that changes.
std::string Digits(double value) {
  if (value > 0 && value < 0.005) return "<0.01";
  return absl::StrFormat("%.*f", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value);
}

std::string Rate(const TopRow& row, const TopPage& page) {
  return page.view.seconds > 0 ? Digits(static_cast<double>(row.handshakes) / page.view.seconds) : "";
}

std::string FailedPercent(const TopRow& row, const TopPage&) {
  if (row.decided == 0) return "";
  const double percent = 100 * static_cast<double>(row.failed) / static_cast<double>(row.decided);
  if (percent > 0 && percent < 0.05) return "<0.1";
  return absl::StrFormat("%.1f", percent);
}

std::string Milliseconds(std::optional<double> seconds) { return seconds.has_value() ? Digits(1e3 * *seconds) : ""; }

std::string Mix(const std::vector<TopShare>& shares) {
  std::string text;
  for (const TopShare& share : shares) {
    const double percent = 100 * share.share;
    absl::StrAppend(&text, text.empty() ? "" : ",", std::string(share.name), ":");
    if (percent < 1) {
      text += "<1%";
    } else {
      absl::StrAppend(&text, std::min(std::llround(percent), share.share < 1 ? 99LL : 100LL), "%");
    }
  }
  return text;
}

std::string Expires(const TopRow& row, const TopPage& page) {
  if (!row.expiry.has_value()) return "";
  const int64_t left = *row.expiry - page.unix_seconds;
  if (left <= 0) return "expired";
  if (left >= 2 * kDay) return absl::StrCat(left / kDay, "d");
  if (left >= 2 * kHour) return absl::StrCat(left / kHour, "h");
  return absl::StrCat(left / kMinute, "m");
}

std::string_view FailedColor(const TopRow& row, const TopPage&) { return row.failed > 0 ? kRed : ""; }

std::string_view ExpiryColor(const TopRow& row, const TopPage& page) {
  if (!row.expiry.has_value() || *row.expiry - page.unix_seconds >= kExpiresSoon) return "";
  return *row.expiry - page.unix_seconds >= kExpiresVerySoon ? kYellow : kRed;
}

std::string_view NoColor(const TopRow&, const TopPage&) { return ""; }

struct Column {
  std::string_view heading;
  size_t width;
  bool right;
  size_t rank;  // the highest ones are left out first
  std::string (*text)(const TopRow& row, const TopPage& page);
  std::string_view (*color)(const TopRow& row, const TopPage& page);
};

// All but the name, in their order.
constexpr std::array kColumns = {
    Column{"RATE/S", 7, true, 0, Rate, NoColor},
    Column{"FAIL%", 6, true, 1, FailedPercent, FailedColor},
    Column{"P50_MS", 7, true, 2, [](const TopRow& row, const TopPage&) { return Milliseconds(row.p50); }, NoColor},
    Column{"P95_MS", 7, true, 3, [](const TopRow& row, const TopPage&) { return Milliseconds(row.p95); }, NoColor},
    Column{"VERSIONS", 15, false, 4, [](const TopRow& row, const TopPage&) { return Mix(row.versions); }, NoColor},
    Column{"GROUPS", 30, false, 6, [](const TopRow& row, const TopPage&) { return Mix(row.groups); }, NoColor},
    Column{"EXPIRES", 7, true, 5, Expires, ExpiryColor},
    Column{"REASONS", 28, false, 7, [](const TopRow& row, const TopPage&) { return Mix(row.reasons); }, NoColor},
};

// Layout is which columns a line has, and how wide the name's is.
struct Layout {
  size_t name = 0;
  std::array<bool, kColumns.size()> shown = {};
  bool cut = true;  // values are cut to their column

  explicit Layout(size_t width) : name(std::min(width, kMinName)) {
    size_t left = width - name;
    for (size_t rank = 0; rank < kColumns.size(); ++rank) {
      for (size_t i = 0; i < kColumns.size(); ++i) {
        if (kColumns[i].rank != rank) continue;
        if (kColumns[i].width + 1 > left) {
          name = std::min(name + left, kMaxName);
          return;
        }
        shown[i] = true;
        left -= kColumns[i].width + 1;
      }
    }
    name = std::min(name + left, kMaxName);
  }

  static Layout Block() {
    Layout layout(0);
    layout.name = kBlockName;
    layout.shown.fill(true);
    layout.cut = false;
    return layout;
  }
};

// A value as one word, filled up to its column's width.
std::string Cell(std::string_view value, size_t width, bool right, bool cut) {
  std::string text = value.empty() ? "-" : absl::StrReplaceAll(std::string(value), {{" ", "\\x20"}});
  if (cut) text = FitCells(text, width);
  const size_t cells = CellWidth(text);
  if (cells < width) text.insert(right ? 0 : text.size(), width - cells, ' ');
  return text;
}

std::string Heading(const Layout& layout, TopGrouping by) {
  static constexpr std::array<std::string_view, kTopGroupings> kNames = {"WORKLOAD", "SNI", "PROCESS"};
  std::string line = Cell(kNames[static_cast<size_t>(by)], layout.name, false, layout.cut);
  for (size_t i = 0; i < kColumns.size(); ++i) {
    if (!layout.shown[i]) continue;
    absl::StrAppend(&line, " ", Cell(kColumns[i].heading, kColumns[i].width, kColumns[i].right, layout.cut));
  }
  return line;
}

std::string Row(const Layout& layout, const TopRow& row, const TopPage& page, bool color) {
  std::string line = Cell(row.name, layout.name, false, layout.cut);
  for (size_t i = 0; i < kColumns.size(); ++i) {
    if (!layout.shown[i]) continue;
    const Column& column = kColumns[i];
    const std::string cell = Cell(column.text(row, page), column.width, column.right, layout.cut);
    const std::string_view shade = color ? column.color(row, page) : "";
    absl::StrAppend(&line, " ", std::string(shade), cell, shade.empty() ? "" : std::string(kReset));
  }
  return line;
}

std::string Title(const TopPage& page, size_t room) {
  const TopControls& controls = page.controls;
  const size_t rows = page.view.rows.size();
  const std::string shown =
      room > 0 && room < rows ? absl::StrCat(", here ", controls.first + 1, " to ", controls.first + room) : "";
  return absl::StrCat("tlsmeter top  ", page.clock, controls.paused ? " PAUSED" : "", "  by ",
                      std::string(TopGroupingName(controls.by)), ", sorted by ", std::string(TopOrderName(controls.order)),
                      controls.reverse ? ", reversed; " : "; ", rows, " of ", page.all_rows, " rows", shown);
}

std::string Summary(const TopPage& page) {
  const TopRow& total = page.view.total;
  std::string text = absl::StrFormat("last %.0f s: %d handshakes", page.view.seconds, total.handshakes);
  if (const std::string rate = Rate(total, page); !rate.empty()) absl::StrAppend(&text, ", ", rate, "/s");
  if (const std::string failed = FailedPercent(total, page); !failed.empty())
    absl::StrAppend(&text, ", ", failed, "% failed");
  if (total.p50.has_value()) absl::StrAppend(&text, ", p50 ", Milliseconds(total.p50), " ms");
  if (total.p95.has_value()) absl::StrAppend(&text, ", p95 ", Milliseconds(total.p95), " ms");
  return text;
}

std::vector<std::string> Help(const TopPage& page) {
  std::vector<std::string> lines = {
      "q         quit",
      "s         sort by the next of rate, failures, p95, p50, expiry, name",
      "r         reverse the order",
      "b         group by the next of workload, sni, process",
      "f or /    type a filter: part of a name, or a glob of the whole; ! before it: all but",
      "Esc       clear the filter",
      "p         pause and go on; handshakes are counted meanwhile",
      "j k       scroll down and up by a row, as the cursor keys do; Page Up, Page Down, Home, End",
      "",
      "RATE/S    handshakes a second; a handshake within this machine counts once for each side",
      "FAIL%     failed and aborted ones, of those whose end was seen",
      "P50, P95  milliseconds from the ClientHello to the end of the handshake",
      "VERSIONS, GROUPS    what was negotiated",
      "EXPIRES   until the first of the certificates ends that were shown; TLS 1.3 hides them but from --library",
      "REASONS   why handshakes failed"};
  if (page.notices.empty()) return lines;
  lines.emplace_back();
  lines.insert(lines.end(), page.notices.begin(), page.notices.end());
  return lines;
}

// What stands above the heading; `room` is that for rows.
std::vector<std::string> Head(const TopPage& page, size_t room) {
  std::vector<std::string> lines = {Title(page, room), Summary(page), page.status};
  if (page.notices.size() == 1) lines.push_back(page.notices.front());
  if (page.notices.size() > 1) {
    lines.push_back(absl::StrCat(page.notices.front(), " (", page.notices.size() - 1, " more: h)"));
  }
  const TopControls& controls = page.controls;
  constexpr size_t kRoom = 4 * kMaxTopFilter;  // each byte can become \xNN
  if (controls.editing.has_value()) {
    lines.push_back(absl::StrCat("filter: ", PrintableUtf8(*controls.editing, kRoom), "_  (Enter: use it, Esc: leave it)"));
  } else if (!controls.filter.empty()) {
    lines.push_back(absl::StrCat("filter: ", PrintableUtf8(controls.filter, kRoom)));
  }
  return lines;
}

}  // namespace

size_t TopRoom(const TopPage& page, const TerminalSize& size) {
  const size_t others = Head(page, 0).size() + 2;  // the heading, and the keys
  return page.controls.help ? 0 : size.height - std::min(size.height, others);
}

std::vector<std::string> TopScreen(const TopPage& page, const TerminalSize& size, bool color) {
  constexpr std::string_view kKeys = "q quit  s sort  r reverse  b by  f filter  p pause  h help";
  const size_t room = TopRoom(page, size);
  std::vector<std::string> lines = page.controls.help ? Help(page) : Head(page, room);
  for (std::string& line : lines) line = FitCells(line, size.width);
  if (!page.controls.help) {
    const Layout layout(size.width);
    const std::string heading = Heading(layout, page.controls.by);
    lines.push_back(color ? absl::StrCat(std::string(kReversed), heading, std::string(kReset)) : heading);
    for (size_t i = page.controls.first; i < page.view.rows.size() && lines.size() < size.height; ++i) {
      lines.push_back(Row(layout, page.view.rows[i], page, color));
    }
  }
  lines.resize(size.height);
  lines.back() = FitCells(page.controls.help ? "any key to go back" : kKeys, size.width);
  return lines;
}

std::string TopBlock(const TopPage& page) {
  const Layout layout = Layout::Block();
  std::string text;
  for (const std::string& line : Head(page, page.view.rows.size())) absl::StrAppend(&text, line, "\n");
  absl::StrAppend(&text, Heading(layout, page.controls.by), "\n");
  for (const TopRow& row : page.view.rows) {
    absl::StrAppend(&text, absl::StripTrailingAsciiWhitespace(Row(layout, row, page, false)), "\n");
  }
  return text + "\n";
}

}  // namespace tlsmeter::agent
