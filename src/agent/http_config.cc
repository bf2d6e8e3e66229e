#include "src/agent/http_config.h"

#include <fcntl.h>

#include <filesystem>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "src/base/read_file.h"
#include "src/base/secret_file.h"
#include "src/base/yaml_reader.h"

namespace tlsmeter::agent {
namespace {

using yaml::Fail;
using yaml::FailUnknown;
using yaml::ForEachMember;
using yaml::Scalar;
using Folder = std::filesystem::path;

std::string ReadSecretAt(const YAML::Node& node, std::string_view name, const Folder& folder) {
  absl::StatusOr<std::string> secret = ReadSecret(yaml::PathIn(folder, node, name));
  if (!secret.ok()) Fail(node, std::string(secret.status().message()));
  return *std::move(secret);
}

// A word of a header field.
std::string ReadWord(const YAML::Node& node, std::string_view name) {
  const std::string text = Scalar(node, name);
  for (const char c : text) {
    if (c <= ' ' || c > '~') Fail(node, absl::StrCat(std::string(name), " must be a word of printable ASCII"));
  }
  if (text.empty()) Fail(node, absl::StrCat(std::string(name), " must not be empty"));
  return text;
}

HttpTls ReadTls(const YAML::Node& node, const Folder& folder) {
  HttpTls tls;
  ForEachMember(node, "tls_config", [&](const YAML::Node& at, const std::string& key, const YAML::Node& value) {
    if (key == "ca_file") {
      tls.ca_file = yaml::PathIn(folder, value, key);
    } else if (key == "cert_file") {
      tls.cert_file = yaml::PathIn(folder, value, key);
    } else if (key == "key_file") {
      tls.key_file = yaml::PathIn(folder, value, key);
    } else if (key == "server_name") {
      tls.server_name = ReadWord(value, key);
    } else {
      FailUnknown(at, key, "ca_file, cert_file, key_file, server_name");
    }
  });
  if (tls.cert_file.empty() != tls.key_file.empty()) Fail(node, "cert_file and key_file go together");
  return tls;
}

std::string ReadBasicAuth(const YAML::Node& node, const Folder& folder) {
  std::string user;
  std::optional<std::string> password;
  ForEachMember(node, "basic_auth", [&](const YAML::Node& at, const std::string& key, const YAML::Node& value) {
    if (key == "username") {
      user = ReadWord(value, key);
      // The name ends where the first colon stands (RFC 7617, section 2).
      if (user.find(':') != std::string::npos) Fail(value, "username must not hold a colon");
    } else if (key == "password_file") {
      password = ReadSecretAt(value, key, folder);
    } else {
      FailUnknown(at, key, "username, password_file");
    }
  });
  if (user.empty() || !password) Fail(node, "basic_auth needs username and password_file");
  return absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(user, ":", *password)));
}

std::string ReadAuthorization(const YAML::Node& node, const Folder& folder) {
  std::string type = "Bearer";
  std::optional<std::string> credentials;
  ForEachMember(node, "authorization", [&](const YAML::Node& at, const std::string& key, const YAML::Node& value) {
    if (key == "type") {
      type = ReadWord(value, key);
    } else if (key == "credentials_file") {
      credentials = ReadSecretAt(value, key, folder);
    } else {
      FailUnknown(at, key, "type, credentials_file");
    }
  });
  if (!credentials) Fail(node, "authorization needs credentials_file");
  return absl::StrCat(type, " ", *credentials);
}

HttpConfig ReadConfig(const YAML::Node& root, const Folder& folder) {
  HttpConfig config;
  ForEachMember(root, "the file", [&](const YAML::Node& at, const std::string& key, const YAML::Node& value) {
    const bool authorizes = key == "basic_auth" || key == "authorization";
    if (authorizes && !config.authorization.empty()) Fail(at, "only one of basic_auth and authorization can be sent");
    if (key == "tls_config") {
      config.tls = ReadTls(value, folder);
    } else if (key == "basic_auth") {
      config.authorization = ReadBasicAuth(value, folder);
    } else if (key == "authorization") {
      config.authorization = ReadAuthorization(value, folder);
    } else {
      FailUnknown(at, key, "tls_config, basic_auth, authorization");
    }
  });
  return config;
}

}  // namespace

absl::StatusOr<HttpConfig> ParseHttpConfig(const std::string& text, std::string_view file) {
  HttpConfig config;
  const absl::Status status =
      yaml::Read(text, file, [&](const YAML::Node& root) { config = ReadConfig(root, Folder(file).parent_path()); });
  if (!status.ok()) return status;
  return config;
}

absl::StatusOr<HttpConfig> LoadHttpConfig(const std::string& file) {
  const std::optional<std::string> text = ReadFileAt(AT_FDCWD, file, kMaxHttpConfigBytes);
  if (!text.has_value()) {
    return absl::NotFoundError(absl::StrCat("cannot read ", file, ": it must be a file of at most ", kMaxHttpConfigBytes,
                                            " bytes that you may read"));
  }
  return ParseHttpConfig(*text, file);
}

}  // namespace tlsmeter::agent
