#include "src/export/web_security.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <utility>

#include "absl/strings/str_format.h"
#include "src/export/server_tls.h"

namespace tlsmeter::agent {
namespace {

// A hundred users are 10 KiB.
constexpr size_t kMaxFileBytes = 1 << 20;

absl::StatusOr<std::string> ReadFile(const std::string& file) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::string text(kMaxFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) {
    return absl::NotFoundError(absl::StrFormat("cannot read the web configuration %s: %s", file, std::strerror(errno)));
  }
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(absl::StrFormat("the web configuration %s is larger than a mebibyte", file));
  }
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<WebSecurity>> WebSecurity::Load(std::string file) {
  std::unique_ptr<WebSecurity> security(new WebSecurity(std::move(file)));
  const absl::Status status = security->Read();
  if (!status.ok()) return status;
  return security;
}

void WebSecurity::Refresh(Clock::time_point now) {
  if (now < next_look_) return;
  next_look_ = now + kLookEvery;
  if (Stamps() == stamps_) return;
  const absl::Status status = Read();
  if (status.ok()) return;
  std::fprintf(stderr, "tlsmeter: the web configuration stays as it was: %.*s\n", static_cast<int>(status.message().size()),
               status.message().data());
}

absl::Status WebSecurity::Read() {
  stamps_ = Stamps();
  const absl::StatusOr<std::string> text = ReadFile(file_);
  if (!text.ok()) return text.status();
  absl::StatusOr<WebConfig> config = ParseWebConfig(*text, file_);
  if (!config.ok()) return config.status();

  // A file's stamp is taken before it is read: a change in between is seen at the next look.
  named_.clear();
  stamps_.resize(1);
  std::shared_ptr<boost::asio::ssl::context> tls;
  if (config->tls.has_value()) {
    named_ = {config->tls->cert_file, config->tls->key_file, config->tls->client_ca_file};
    for (const std::string& file : named_) stamps_.push_back(StampOf(file));
    absl::StatusOr<std::shared_ptr<boost::asio::ssl::context>> loaded = LoadServerTls(*config->tls);
    if (!loaded.ok()) return loaded.status();
    tls = *std::move(loaded);
  }
  if ((tls_ != nullptr && tls == nullptr) || (!config_.users.empty() && config->users.empty())) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s would turn TLS or authentication off, which takes a restart", file_));
  }
  config_ = *std::move(config);
  tls_ = std::move(tls);
  return absl::OkStatus();
}

WebSecurity::Stamp WebSecurity::StampOf(const std::string& file) {
  struct stat found = {};
  if (stat(file.c_str(), &found) != 0) return {};
  // Change time, not modification time: a copy that keeps the latter is noticed too.
  return {found.st_dev, found.st_ino, found.st_size, found.st_ctim.tv_sec * 1'000'000'000 + found.st_ctim.tv_nsec};
}

std::vector<WebSecurity::Stamp> WebSecurity::Stamps() const {
  std::vector<Stamp> stamps = {StampOf(file_)};
  for (const std::string& file : named_) stamps.push_back(StampOf(file));
  return stamps;
}

}  // namespace tlsmeter::agent
