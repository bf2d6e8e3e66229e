#include "src/export/content_negotiation.h"

#include <charconv>
#include <optional>

#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Takes the trimmed text up to `separator`, or all, off the front of *rest. No value of ours holds a quoted separator.
std::string_view TakeUntil(char separator, std::string_view* rest) {
  const size_t end = rest->find(separator);
  const std::string_view part = Trimmed(rest->substr(0, end));
  *rest = end == std::string_view::npos ? std::string_view() : rest->substr(end + 1);
  return part;
}

bool EqualsIgnoreCase(std::string_view text, std::string_view lower) { return LowerAscii(text) == lower; }

// One element of Accept or Accept-Encoding: "text/plain;version=0.0.4;q=0.5".
struct Preference {
  std::string_view name;
  std::string_view version;
  double quality = 1;
};

// nullopt for a quality that is not one.
std::optional<Preference> ReadPreference(std::string_view text) {
  Preference preference;
  preference.name = TakeUntil(';', &text);
  while (!text.empty()) {
    std::string_view value = TakeUntil(';', &text);
    const std::string_view key = TakeUntil('=', &value);
    value = Trimmed(value);
    if (EqualsIgnoreCase(key, "version")) preference.version = value;
    if (!EqualsIgnoreCase(key, "q")) continue;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), preference.quality);
    const bool whole = error == std::errc() && end == value.data() + value.size();
    if (!whole || !(preference.quality >= 0 && preference.quality <= 1)) return std::nullopt;
  }
  return preference;
}

// How much a choice is wanted: by its most specific mention, of equal ones the highest.
struct Want {
  int specificity = 0;  // 0: not mentioned
  double quality = 0;

  void Mention(int how_specific, double with_quality) {
    if (how_specific < specificity || (how_specific == specificity && with_quality <= quality)) return;
    specificity = how_specific;
    quality = with_quality;
  }
};

}  // namespace

MetricsFormat ChooseMetricsFormat(std::string_view accept) {
  Want open_metrics;
  Want text;
  while (!accept.empty()) {
    const std::optional<Preference> preference = ReadPreference(TakeUntil(',', &accept));
    if (!preference.has_value()) continue;
    const auto& [name, version, quality] = *preference;
    if (EqualsIgnoreCase(name, "application/openmetrics-text")) {
      if (version.empty() || version == "1.0.0") open_metrics.Mention(version.empty() ? 3 : 4, quality);
    } else if (EqualsIgnoreCase(name, "text/plain")) {
      if (version.empty() || version == "0.0.4") text.Mention(version.empty() ? 3 : 4, quality);
    } else if (EqualsIgnoreCase(name, "text/*")) {
      text.Mention(2, quality);
    } else if (name == "*/*") {
      text.Mention(1, quality);
    }
  }
  const bool wanted = open_metrics.quality > 0 && open_metrics.quality >= text.quality;
  return wanted ? MetricsFormat::kOpenMetrics100 : MetricsFormat::kText004;
}

bool AcceptsGzip(std::string_view accept_encoding) {
  Want gzip;
  Want identity;
  while (!accept_encoding.empty()) {
    const std::optional<Preference> preference = ReadPreference(TakeUntil(',', &accept_encoding));
    if (!preference.has_value()) continue;
    if (EqualsIgnoreCase(preference->name, "gzip") || EqualsIgnoreCase(preference->name, "x-gzip")) {
      gzip.Mention(2, preference->quality);
    } else if (EqualsIgnoreCase(preference->name, "identity")) {
      identity.Mention(2, preference->quality);
    } else if (preference->name == "*") {
      gzip.Mention(1, preference->quality);
    }
  }
  return gzip.quality > 0 && gzip.quality >= identity.quality;
}

}  // namespace tlsmeter::agent
