// WebSecurity: a web configuration file in force, followed as it changes.
//
// Certificates are renewed while we run. The file, and the files that it names, are looked at again when a client comes, at
// most once a second. What cannot be used is told once on standard error, and what was in force stays in force; so it does
// where a change would turn TLS or authentication off, as a file that is being written may seem to: that takes a restart.
// One thread at a time.
#ifndef TLSMETER_SRC_EXPORT_WEB_SECURITY_H_
#define TLSMETER_SRC_EXPORT_WEB_SECURITY_H_

#include <sys/types.h>

#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/export/web_config.h"

namespace tlsmeter::agent {

class WebSecurity {
 public:
  using Clock = std::chrono::steady_clock;

  // kLookEvery is the least time between two looks at the files.
  static constexpr std::chrono::seconds kLookEvery{1};

  // Load reads `file` and what it names. Fails with the file and the mistake.
  static absl::StatusOr<std::unique_ptr<WebSecurity>> Load(std::string file);

  // Refresh looks at the files where `now` is late enough, and takes over what changed.
  void Refresh(Clock::time_point now);

  // What is in force, until the next Refresh. tls is null for plain HTTP.
  const WebConfig& config() const { return config_; }
  const std::shared_ptr<boost::asio::ssl::context>& tls() const { return tls_; }

 private:
  // Stamp tells two states of a file apart; all zero where there is none.
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    int64_t changed_ns = 0;
    bool operator==(const Stamp&) const = default;
  };

  explicit WebSecurity(std::string file) : file_(std::move(file)) {}
  absl::Status Read();
  static Stamp StampOf(const std::string& file);
  std::vector<Stamp> Stamps() const;

  std::string file_;
  std::vector<std::string> named_;  // by the file, as last read
  std::vector<Stamp> stamps_;       // of file_ and named_, from before they were read
  Clock::time_point next_look_;
  WebConfig config_;
  std::shared_ptr<boost::asio::ssl::context> tls_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_WEB_SECURITY_H_
