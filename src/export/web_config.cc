#include "src/export/web_config.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "src/base/yaml_reader.h"

namespace tlsmeter::agent {
namespace {

using yaml::Fail;
using yaml::FailUnknown;
using yaml::ForEachMember;
using yaml::Scalar;

// The headers that exporter-toolkit allows: those that browsers act upon, none that would change the answer itself.
constexpr std::array<std::string_view, 5> kHeaders = {"Content-Security-Policy", "Strict-Transport-Security",
                                                      "X-Content-Type-Options", "X-Frame-Options", "X-XSS-Protection"};

constexpr std::array<std::string_view, 5> kClientAuthNames = {"NoClientCert", "RequestClientCert", "RequireAnyClientCert",
                                                              "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"};

constexpr std::array<std::pair<std::string_view, uint16_t>, 4> kVersions = {
    {{"TLS10", 0x0301}, {"TLS11", 0x0302}, {"TLS12", 0x0303}, {"TLS13", 0x0304}}};

ClientAuth ReadClientAuth(const YAML::Node& node) {
  const auto found = std::find(kClientAuthNames.begin(), kClientAuthNames.end(), Scalar(node, "client_auth_type"));
  if (found == kClientAuthNames.end()) {
    Fail(node,
         "client_auth_type must be NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven or "
         "RequireAndVerifyClientCert");
  }
  return static_cast<ClientAuth>(found - kClientAuthNames.begin());
}

uint16_t ReadVersion(const YAML::Node& node, std::string_view name) {
  const std::string text = Scalar(node, name);
  const auto found =
      std::find_if(kVersions.begin(), kVersions.end(), [&text](const auto& row) { return row.first == text; });
  if (found == kVersions.end()) Fail(node, absl::StrFormat("%s must be TLS10, TLS11, TLS12 or TLS13", name));
  return found->second;
}

TlsServerConfig ReadTls(const YAML::Node& node, const std::filesystem::path& folder) {
  TlsServerConfig tls;
  ForEachMember(node, "tls_server_config", [&](const YAML::Node& at, const std::string& key, const YAML::Node& value) {
    if (key == "cert_file") {
      tls.cert_file = yaml::PathIn(folder, value, key);
    } else if (key == "key_file") {
      tls.key_file = yaml::PathIn(folder, value, key);
    } else if (key == "client_ca_file") {
      tls.client_ca_file = yaml::PathIn(folder, value, key);
    } else if (key == "client_auth_type") {
      tls.client_auth = ReadClientAuth(value);
    } else if (key == "min_version") {
      tls.min_version = ReadVersion(value, key);
    } else if (key == "max_version") {
      tls.max_version = ReadVersion(value, key);
    } else {
      FailUnknown(at, key, "cert_file, key_file, client_auth_type, client_ca_file, min_version, max_version");
    }
  });
  if (tls.cert_file.empty() || tls.key_file.empty()) Fail(node, "tls_server_config needs cert_file and key_file");
  if (tls.min_version > tls.max_version) Fail(node, "min_version is above max_version");
  const bool verifies = tls.client_auth == ClientAuth::kVerifyIfGiven || tls.client_auth == ClientAuth::kRequireAndVerify;
  if (verifies != !tls.client_ca_file.empty()) {
    Fail(node,
         "client_ca_file goes with client_auth_type VerifyClientCertIfGiven or RequireAndVerifyClientCert, and these need "
         "it");
  }
  return tls;
}

bool IsBcrypt(std::string_view hash) {
  constexpr size_t kLength = 60;
  constexpr std::string_view kAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  return hash.size() == kLength && (hash.starts_with("$2y$") || hash.starts_with("$2b$") || hash.starts_with("$2a$")) &&
         hash[4] >= '0' && hash[4] <= '3' && hash[5] >= '0' && hash[5] <= '9' && hash[6] == '$' &&
         hash.find_first_not_of(kAlphabet, 7) == std::string_view::npos;
}

WebUsers ReadUsers(const YAML::Node& node) {
  WebUsers users;
  ForEachMember(node, "basic_auth_users", [&](const YAML::Node& at, const std::string& name, const YAML::Node& value) {
    if (users.size() == kMaxWebUsers) Fail(at, absl::StrFormat("more than %d users", kMaxWebUsers));
    // The name ends where the first colon stands (RFC 7617, section 2).
    if (name.empty() || name.find(':') != std::string::npos) Fail(at, "a user name must not be empty or hold a colon");
    const std::string hash = Scalar(value, "a password hash");
    if (!IsBcrypt(hash)) {
      Fail(value, "not a bcrypt hash; make one with htpasswd -nBC 10 USER, and write it without the name in front");
    }
    const int cost = (hash[4] - '0') * 10 + (hash[5] - '0');
    if (cost < 4 || cost > kMaxBcryptCost) {
      Fail(value, absl::StrFormat("the bcrypt cost is %d, it must be between 4 and %d", cost, kMaxBcryptCost));
    }
    users.emplace(name, hash);
  });
  return users;
}

void ReadHttp(const YAML::Node& node, WebConfig* config) {
  ForEachMember(node, "http_server_config", [&](const YAML::Node& at, const std::string& key, const YAML::Node& value) {
    if (key == "http2") {
      if (Scalar(value, key) != "false") Fail(value, "HTTP/2 is not spoken here: leave http2 out, or write false");
      return;
    }
    if (key != "headers") FailUnknown(at, key, "headers, http2");
    ForEachMember(value, "headers", [&](const YAML::Node& name_at, const std::string& name, const YAML::Node& text) {
      if (std::find(kHeaders.begin(), kHeaders.end(), name) == kHeaders.end()) {
        FailUnknown(name_at, name,
                    "Content-Security-Policy, Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, "
                    "X-XSS-Protection");
      }
      const std::string header = Scalar(text, name);
      const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
      if (!std::all_of(header.begin(), header.end(), printable)) Fail(text, "a header must be printable ASCII on one line");
      config->headers.emplace_back(name, header);
    });
  });
}

WebConfig ReadConfig(const YAML::Node& root, const std::filesystem::path& folder) {
  WebConfig config;
  ForEachMember(root, "the file", [&](const YAML::Node& at, const std::string& key, const YAML::Node& value) {
    if (key == "tls_server_config") {
      config.tls = ReadTls(value, folder);
    } else if (key == "basic_auth_users") {
      config.users = ReadUsers(value);
    } else if (key == "http_server_config") {
      ReadHttp(value, &config);
    } else {
      FailUnknown(at, key, "tls_server_config, http_server_config, basic_auth_users");
    }
  });
  return config;
}

}  // namespace

absl::StatusOr<WebConfig> ParseWebConfig(const std::string& text, std::string_view file) {
  WebConfig config;
  const absl::Status status = yaml::Read(
      text, file, [&](const YAML::Node& root) { config = ReadConfig(root, std::filesystem::path(file).parent_path()); });
  if (!status.ok()) return status;
  return config;
}

}  // namespace tlsmeter::agent
