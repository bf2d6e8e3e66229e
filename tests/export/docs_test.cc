// docs/events.md and docs/metrics.md are held to the code.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "src/aggregate/catalogue.h"
#include "src/correlate/handshake_record.h"
#include "src/export/json_lines.h"
#include "tests/export/sample_record.h"

namespace tlsmeter::agent {
namespace {

// Rows of the tables of a Markdown file, as their cells.
std::vector<std::vector<std::string>> Rows(const std::string& file) {
  std::ifstream in(std::string(TLSMETER_SOURCE_DIR) + "/docs/" + file);
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("| ")) continue;
    std::vector<std::string> cells;
    std::istringstream text(line.substr(2));
    for (std::string cell; std::getline(text, cell, '|');) {
      cell.erase(0, cell.find_first_not_of(' '));
      cell.erase(cell.find_last_not_of(' ') + 1);
      cells.push_back(cell);
    }
    rows.push_back(cells);
  }
  return rows;
}

std::string Unquoted(const std::string& cell) { return cell.substr(1, cell.size() - 2); }

void AddPaths(const nlohmann::json& value, const std::string& path, std::set<std::string>* paths) {
  if (!value.is_object()) {
    paths->insert(path);
    return;
  }
  for (const auto& [name, member] : value.items()) AddPaths(member, path.empty() ? name : path + "." + name, paths);
}

// Every path that the program can print: of records that between them show every fact.
std::set<std::string> PrintedPaths() {
  HandshakeRecord old = RefusedRecord();
  old.inferred = true;
  old.tls.alpn = "h2";
  old.tls.ech = Ech::kOffered;
  old.tls.early_data = EarlyData::kOffered;
  old.tls.mutual_tls = MutualTls::kRequested;
  old.tls.resumption = Resumption::kTicket;
  old.starttls = PlainProtocol::kSmtp;
  HandshakeRecord unit = SampleRecord();
  unit.attribution.container_name = "web";
  unit.attribution.systemd_unit = "web.service";
  old.stack = StackView{StackState::kInstrumented, StackKind::kOpenSsl};
  old.library.emplace();
  old.library->stack = "OpenSSL 3.0.19";
  old.library->start_ns = 1;
  old.library->end_ns = 2;
  old.library->reason = 134;
  old.library->verify_result = 18;
  HandshakeRecord whole = Tls12Record();  // all that was sent was read
  whole.tls.server_certificates.length = whole.tls.server_certificates.certificates.size();
  whole.tls.client_certificates.length = whole.tls.client_certificates.certificates.size();
  std::set<std::string> paths;
  for (const HandshakeRecord& record : {SampleRecord(), whole, RefusedRecord(), old, PodRecord(), unit}) {
    AddPaths(nlohmann::json::parse(JsonLine(record)), "", &paths);
  }
  return paths;
}

TEST(EventsPage, ListsExactlyThePathsThatArePrinted) {
  std::set<std::string> documented;
  for (const auto& row : Rows("events.md")) {
    if (row.size() == 3 && row[0].front() == '`') documented.insert(Unquoted(row[0]));
  }
  EXPECT_EQ(documented, PrintedPaths());
}

TEST(EventsPage, ListsExactlyTheFailureReasons) {
  std::set<std::string> documented, known;
  for (const auto& row : Rows("events.md")) {
    if (row.size() == 2 && row[0].front() == '`') documented.insert(Unquoted(row[0]));
  }
  for (int i = 1; i < kFailureReasonCount; ++i) known.emplace(FailureReasonName(static_cast<FailureReason>(i)));
  EXPECT_EQ(documented, known);
}

TEST(EventsPage, NamesEachProtocolThatCanComeBeforeTls) {
  std::ifstream in(std::string(TLSMETER_SOURCE_DIR) + "/docs/events.md");
  const std::string page(std::istreambuf_iterator<char>(in), {});
  const size_t begin = page.find("## Plaintext before TLS");
  const std::string section = page.substr(begin, page.find("## Failure reasons") - begin);
  for (size_t i = 0; i < kPlainProtocolCount; ++i) {
    const auto protocol = static_cast<PlainProtocol>(i);
    const bool printed = protocol != PlainProtocol::kNone && protocol != PlainProtocol::kTls;
    EXPECT_EQ(section.find("`" + std::string(PlainProtocolName(protocol)) + "`") != std::string::npos, printed)
        << PlainProtocolName(protocol);
  }
}

TEST(MetricsPage, ListsExactlyTheCatalogue) {
  std::vector<std::vector<std::string>> documented, known;
  for (const auto& row : Rows("metrics.md")) {
    if (row.size() == 5 && row[0].front() == '`') documented.push_back({row[0], row[1], row[2], row[3], row[4]});
  }
  for (const MetricSpec& spec : Catalogue()) {
    std::string labels;
    for (const std::string_view label : spec.labels()) labels += (labels.empty() ? "`" : ", `") + std::string(label) + "`";
    known.push_back({"`" + std::string(spec.name) + "`", std::string(MetricTypeName(spec.type)), labels,
                     std::to_string(spec.cap), std::string(spec.help)});
  }
  EXPECT_EQ(documented, known);
}

}  // namespace
}  // namespace tlsmeter::agent
