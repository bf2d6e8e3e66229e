#include "src/agent/record_filter.h"

#include <fnmatch.h>
#include <pwd.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

// What a key of the record reads as; nullopt where the record has none.
std::optional<std::string> TextOf(FilterKey key, const HandshakeRecord& record) {
  const auto port = [](const std::optional<SocketAddress>& end) -> std::optional<std::string> {
    if (!end.has_value()) return std::nullopt;
    return std::to_string(end->port);
  };
  const auto named = [](const std::string& text) -> std::optional<std::string> {
    if (text.empty()) return std::nullopt;
    return text;
  };
  switch (key) {
    case FilterKey::kPid:
      if (record.owner.pid == 0) return std::nullopt;
      return std::to_string(record.owner.pid);
    case FilterKey::kComm:
      return named(record.owner.comm);
    case FilterKey::kServerName:
      if (!record.tls.client_hello.has_value() || record.tls.client_hello->server_name.empty()) return std::nullopt;
      return LowerAscii(record.tls.client_hello->server_name);
    case FilterKey::kRole:
      return std::string(RoleName(record.role));
    case FilterKey::kReason:
      if (record.reason == FailureReason::kNone) return std::nullopt;
      return std::string(FailureReasonName(record.reason));
    case FilterKey::kVersion:
      if (!record.tls.version.has_value()) return std::nullopt;
      return record.tls.version->Name();
    case FilterKey::kLocalPort:
      return port(record.role == Role::kServer ? record.server : record.client);
    case FilterKey::kServerPort:
      return port(record.server);
    case FilterKey::kUser:
      if (record.owner.pid == 0) return std::nullopt;
      return std::to_string(record.owner.uid);
    case FilterKey::kNamespace:
      return named(record.attribution.namespace_name);
    case FilterKey::kPod:
      return named(record.attribution.pod_name);
    case FilterKey::kContainer:
      return named(record.attribution.container_name);
  }
  return std::nullopt;
}

bool IsGlob(FilterKey key) {
  switch (key) {
    case FilterKey::kComm:
    case FilterKey::kServerName:
    case FilterKey::kNamespace:
    case FilterKey::kPod:
    case FilterKey::kContainer:
      return true;
    default:
      return false;
  }
}

// UserId returns the number of a user who is named by it or by name.
std::optional<uint32_t> UserId(const std::string& user) {
  uint32_t number = 0;
  if (absl::SimpleAtoi(user, &number)) return number;
  constexpr size_t kEntryBytes = 16 * 1024;
  std::vector<char> room(kEntryBytes);
  passwd entry;
  passwd* found = nullptr;
  if (getpwnam_r(user.c_str(), &entry, room.data(), room.size(), &found) != 0 || found == nullptr) return std::nullopt;
  return found->pw_uid;
}

// What is wrong with a value of `key`; "" when nothing is.
std::string Objection(FilterKey key, const std::string& text) {
  if (text.empty()) return "is empty";
  uint32_t number = 0;
  switch (key) {
    case FilterKey::kPid:
      return absl::SimpleAtoi(text, &number) && number > 0 ? "" : "is no process id";
    case FilterKey::kLocalPort:
    case FilterKey::kServerPort:
      return absl::SimpleAtoi(text, &number) && number > 0 && number <= 65535 ? "" : "is no port from 1 to 65535";
    case FilterKey::kRole:
      for (const Role role : {Role::kClient, Role::kServer, Role::kObserver}) {
        if (text == RoleName(role)) return "";
      }
      return "is no role: client, server or observer";
    case FilterKey::kReason: {
      std::string known;
      for (int i = 1; i < kFailureReasonCount; ++i) {
        const std::string_view name = FailureReasonName(static_cast<FailureReason>(i));
        if (text == name) return "";
        absl::StrAppend(&known, known.empty() ? "" : ", ", std::string(name));
      }
      return "is no failure reason: " + known;
    }
    case FilterKey::kUser:
      return UserId(text).has_value() ? "" : "is no number and no name of a user of this machine";
    case FilterKey::kComm:
    case FilterKey::kServerName:
    case FilterKey::kVersion:
    case FilterKey::kNamespace:
    case FilterKey::kPod:
    case FilterKey::kContainer:
      return "";
  }
  return "";
}

}  // namespace

absl::Status RecordFilter::Add(FilterKey key, std::string_view text) {
  const bool negated = text.starts_with('!');
  std::string value(text.substr(negated ? 1 : 0));
  if (const std::string objection = Objection(key, value); !objection.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("'", PrintableUtf8(value, 100), "' ", objection));
  }
  if (key == FilterKey::kServerName) value = LowerAscii(value);
  if (key == FilterKey::kUser) value = std::to_string(*UserId(value));
  terms_[static_cast<size_t>(key)].push_back({negated, std::move(value)});
  return absl::OkStatus();
}

HelloFilter RecordFilter::hello_filter(bool library) const {
  if (library) return HelloFilter();
  HelloFilter hellos{.ipv6 = ipv6_, .server_ports = {}};
  for (const Term& term : terms_[static_cast<size_t>(FilterKey::kServerPort)]) {
    uint32_t port = 0;
    if (!term.negated && absl::SimpleAtoi(term.text, &port)) hellos.server_ports.push_back(static_cast<uint16_t>(port));
  }
  if (hellos.server_ports.size() > kMaxHelloPorts) hellos.server_ports.clear();
  return hellos;
}

bool RecordFilter::Holds(FilterKey key, const std::string& value, const HandshakeRecord& record) {
  if (key == FilterKey::kContainer && value.size() >= kMinContainerId &&
      record.attribution.container_id.starts_with(value)) {
    return true;
  }
  const std::optional<std::string> text = TextOf(key, record);
  if (!text.has_value()) return false;
  return IsGlob(key) ? fnmatch(value.c_str(), text->c_str(), 0) == 0 : value == *text;
}

bool RecordFilter::KeyMatches(FilterKey key, const HandshakeRecord& record) const {
  const std::vector<Term>& terms = terms_[static_cast<size_t>(key)];
  if (terms.empty()) return true;
  const auto holds = [&](const Term& term) { return Holds(key, term.text, record); };
  const auto wanted = [&](const Term& term) { return !term.negated && holds(term); };
  const auto unwanted = [&](const Term& term) { return term.negated && holds(term); };
  if (std::any_of(terms.begin(), terms.end(), unwanted)) return false;
  const bool only_negated = std::all_of(terms.begin(), terms.end(), [](const Term& term) { return term.negated; });
  return only_negated || std::any_of(terms.begin(), terms.end(), wanted);
}

bool RecordFilter::Matches(const HandshakeRecord& record) const {
  if (only_failed_ && record.result != Result::kFailure && record.result != Result::kAborted) return false;
  if (ipv6_.has_value() && (!record.client.has_value() || IsIpv4(*record.client) == *ipv6_)) return false;
  if (min_seconds_ > 0 && HandshakeSeconds(record).value_or(0) < min_seconds_) return false;
  for (size_t key = 0; key < kFilterKeys; ++key) {
    if (!KeyMatches(static_cast<FilterKey>(key), record)) return false;
  }
  return true;
}

}  // namespace tlsmeter::agent
