#include "src/attribution/kubelet.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/read_file.h"

namespace tlsmeter::agent {
namespace {

// Tokens of service accounts are about a kilobyte.
constexpr size_t kMaxTokenBytes = 16 * 1024;

// The token in `text`, without the white space around it. What cannot stand in a header field is no token.
absl::StatusOr<std::string> TokenIn(const std::string& file, const std::string& text) {
  constexpr const char* kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return absl::InvalidArgumentError(absl::StrCat(file, " is empty"));
  const std::string token = text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
  for (const char c : token) {
    if (c <= ' ' || c > '~') return absl::InvalidArgumentError(absl::StrCat(file, " holds no token"));
  }
  return token;
}

// Sleeps until the time is over or a stop is requested.
void SleepFor(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any().wait_for(lock, stop, time, [] { return false; });
}

}  // namespace

absl::StatusOr<std::unique_ptr<Kubelet>> Kubelet::Start(const KubeletOptions& options) {
  absl::StatusOr<HttpsUrl> url = ParseHttpsUrl(options.url, "10250", "/pods");
  if (!url.ok()) return url.status();
  std::unique_ptr<Kubelet> kubelet(new Kubelet(options, *std::move(url)));
  // Signals are for the main thread; a thread inherits the mask.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  kubelet->thread_ = std::jthread([raw = kubelet.get()](const std::stop_token& stop) { raw->Run(stop); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return kubelet;
}

Kubelet::Kubelet(const KubeletOptions& options, HttpsUrl url) : options_(options), url_(std::move(url)) {}

std::shared_ptr<const PodTable> Kubelet::pods() const {
  const MutexLock lock(&mutex_);
  return pods_;
}

absl::Status Kubelet::status() const {
  const MutexLock lock(&mutex_);
  return status_;
}

void Kubelet::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    absl::StatusOr<PodTable> fetched = Fetch(stop);
    const absl::Status status = fetched.status();
    std::shared_ptr<const PodTable> pods;
    if (fetched.ok()) pods = std::make_shared<const PodTable>(*std::move(fetched));
    {
      const MutexLock lock(&mutex_);
      status_ = status;
      // What was there is freed by this thread, after the lock is gone.
      if (pods != nullptr) std::swap(pods_, pods);
    }
    pods = nullptr;
    SleepFor(options_.refresh, stop);
  }
}

absl::StatusOr<PodTable> Kubelet::Fetch(const std::stop_token& stop) const {
  HttpsRequest request{.url = url_,
                       .bearer_token = "",
                       .ca_file = options_.ca_file,
                       .timeout = options_.timeout,
                       .max_body_bytes = kMaxPodListBytes};
  if (!options_.token_file.empty()) {
    const std::optional<std::string> text = ReadFileAt(AT_FDCWD, options_.token_file, kMaxTokenBytes);
    if (!text.has_value()) return absl::UnavailableError(absl::StrCat("cannot read the token in ", options_.token_file));
    absl::StatusOr<std::string> token = TokenIn(options_.token_file, *text);
    if (!token.ok()) return token.status();
    request.bearer_token = *std::move(token);
  }
  const absl::StatusOr<std::string> body = HttpsGet(request, stop);
  if (!body.ok()) return body.status();
  return PodTable::Parse(*body);
}

}  // namespace tlsmeter::agent
