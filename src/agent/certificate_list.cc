#include "src/agent/certificate_list.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/base/text.h"
#include "src/export/time_text.h"

namespace tlsmeter::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxText = 200;           // of a subject
constexpr size_t kFingerprintDigits = 16;  // enough to look it up by

// The text of a member, fit for a terminal; "-" where there is none.
std::string TextOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string() || found->get_ref<const std::string&>().empty()) return "-";
  return PrintableUtf8(found->get_ref<const std::string&>(), kMaxText);
}

// The same where a column must not hold a blank.
std::string Word(const Json& object, const char* name) {
  std::string text = TextOf(object, name);
  std::replace(text.begin(), text.end(), ' ', '_');
  return text;
}

uint64_t Number(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

// "leaf", or how far above it.
std::string Position(const Json& certificate) {
  const uint64_t position = Number(certificate, "chain_position");
  return position == 0 ? "leaf" : absl::StrCat("+", position);
}

// "RSA:2048", "EC:prime256v1".
std::string Key(const Json& certificate) {
  const std::string curve = Word(certificate, "key_curve");
  const uint64_t bits = Number(certificate, "key_bits");
  return absl::StrCat(Word(certificate, "key_algorithm"), curve != "-" ? ":" + curve
                                                          : bits != 0  ? absl::StrCat(":", bits)
                                                                       : "");
}

// A member of the uses: the first value, and how many others there are.
std::string OfUses(const Json& certificate, const char* name) {
  const auto uses = certificate.find("uses");
  if (uses == certificate.end() || !uses->is_array()) return "-";
  std::vector<std::string> values;
  for (const Json& use : *uses) {
    std::string value = use.is_object() ? Word(use, name) : "-";
    if (value != "-" && std::find(values.begin(), values.end(), value) == values.end()) values.push_back(std::move(value));
  }
  if (values.empty()) return "-";
  return values.size() == 1 ? values.front() : absl::StrCat(values.front(), "+", values.size() - 1);
}

std::string DaysUntil(absl::Time end, absl::Time now) {
  if (end == absl::InfiniteFuture()) return "-";
  return absl::StrFormat("%.0f", std::floor(absl::ToDoubleHours(end - now) / 24));
}

std::string Day(absl::Time time) {
  std::string day;
  if (time != absl::InfiniteFuture()) AppendUtcDay(time, &day);
  return day.empty() ? "-" : day;
}

template <typename... Columns>
std::string Line(const Columns&... columns) {
  return absl::StrFormat("%-10s %6s %-6s %-4s %-14s %-24s %-24s %-16s %s\n", columns...);
}

}  // namespace

absl::StatusOr<CertificateList> CertificateList::Parse(std::string_view answer) {
  const absl::Status none = absl::InvalidArgumentError("the answer is no list of certificates");
  const Json root = Json::parse(answer, nullptr, /*allow_exceptions=*/false);
  const auto certificates = root.find("certificates");
  if (certificates == root.end() || !certificates->is_array()) return none;
  CertificateList list;
  for (const Json& certificate : *certificates) {
    if (!certificate.is_object()) return none;
    Entry entry{.json = certificate};
    const auto end = certificate.find("not_after");
    if (end != certificate.end() && end->is_string() &&
        !absl::ParseTime(absl::RFC3339_full, end->get_ref<const std::string&>(), &entry.not_after, nullptr)) {
      return none;
    }
    list.entries_.push_back(std::move(entry));
  }
  list.evicted_ = Number(root, "evicted");
  return list;
}

void CertificateList::KeepEndingBefore(absl::Time time) {
  std::erase_if(entries_, [time](const Entry& entry) { return entry.not_after >= time; });
}

std::string CertificateList::Text(absl::Time now) const {
  std::string text = Line("NOT_AFTER", "DAYS", "SENDER", "POS", "KEY", "SERVER_NAME", "WORKLOAD", "SHA256", "SUBJECT");
  for (const Entry& entry : entries_) {
    const Json& json = entry.json;
    absl::StrAppend(&text, Line(Day(entry.not_after), DaysUntil(entry.not_after, now), Word(json, "sender"), Position(json),
                                Key(json), OfUses(json, "server_name"), OfUses(json, "workload"),
                                Word(json, "fingerprint_sha256").substr(0, kFingerprintDigits), TextOf(json, "subject")));
  }
  return text;
}

std::string CertificateList::JsonLines() const {
  std::string lines;
  for (const Entry& entry : entries_) {
    absl::StrAppend(&lines, entry.json.dump(-1, ' ', false, Json::error_handler_t::replace), "\n");
  }
  return lines;
}

}  // namespace tlsmeter::agent
