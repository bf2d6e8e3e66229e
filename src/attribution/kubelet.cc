#include "src/attribution/kubelet.h"

#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/secret_file.h"

namespace tlsmeter::agent {
namespace {

absl::StatusOr<HttpUrl> ParseUrl(const std::string& text) {
  absl::StatusOr<HttpUrl> url = ParseHttpUrl(text, "10250", "/pods");
  // A token is not for everybody on the way.
  if (url.ok() && !url->tls)
    return absl::InvalidArgumentError(absl::StrCat(url->origin(), " is not asked: only https:// is"));
  return url;
}

// Sleeps until the time is over or a stop is requested.
void SleepFor(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any().wait_for(lock, stop, time, [] { return false; });
}

}  // namespace

absl::StatusOr<std::unique_ptr<Kubelet>> Kubelet::Start(const KubeletOptions& options) {
  std::unique_ptr<Kubelet> kubelet(new Kubelet);
  if (absl::Status status = kubelet->Configure(options); !status.ok()) return status;
  // Signals are for the main thread; a thread inherits the mask.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  kubelet->thread_ = std::jthread([raw = kubelet.get()] { raw->Run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return kubelet;
}

absl::Status Kubelet::CheckUrl(const std::string& url) { return ParseUrl(url).status(); }

absl::Status Kubelet::Configure(const KubeletOptions& options) {
  auto target = std::make_shared<Target>();
  target->options = options;
  if (!options.url.empty()) {
    absl::StatusOr<HttpUrl> url = ParseUrl(options.url);
    if (!url.ok()) return url.status();
    target->url = *std::move(url);
  }
  SetTarget(std::move(target));
  return absl::OkStatus();
}

void Kubelet::SetTarget(std::shared_ptr<Target> target) {
  const MutexLock lock(&mutex_);
  if (target == nullptr || target->url.host.empty()) pods_ = nullptr;
  status_ = absl::OkStatus();
  std::swap(target_, target);
  if (target != nullptr) target->replaced.request_stop();
}

std::shared_ptr<const PodTable> Kubelet::pods() const {
  const MutexLock lock(&mutex_);
  return pods_;
}

absl::Status Kubelet::status() const {
  const MutexLock lock(&mutex_);
  return status_;
}

void Kubelet::Run() {
  while (true) {
    std::shared_ptr<Target> target;
    {
      const MutexLock lock(&mutex_);
      target = target_;
    }
    if (target == nullptr) return;
    if (!target->url.host.empty()) {
      absl::StatusOr<PodTable> fetched = Fetch(*target);
      const absl::Status status = fetched.status();
      std::shared_ptr<const PodTable> pods;
      if (fetched.ok()) pods = std::make_shared<const PodTable>(*std::move(fetched));
      const MutexLock lock(&mutex_);
      if (target == target_) {
        status_ = status;
        // What was there is freed by this thread, after the lock is gone.
        if (pods != nullptr) std::swap(pods_, pods);
      }
    }
    SleepFor(target->options.refresh, target->replaced.get_token());
  }
}

absl::StatusOr<PodTable> Kubelet::Fetch(const Target& target) {
  const KubeletOptions& options = target.options;
  HttpGetRequest request;
  request.url = target.url;
  request.tls.ca_file = options.ca_file;
  request.timeout = options.timeout;
  request.max_body_bytes = kMaxPodListBytes;
  if (!options.token_file.empty()) {
    const absl::StatusOr<std::string> token = ReadSecret(options.token_file);
    if (!token.ok()) return token.status();
    request.authorization = absl::StrCat("Bearer ", *token);
  }
  const absl::StatusOr<std::string> body = HttpGet(request, target.replaced.get_token());
  if (!body.ok()) return body.status();
  return PodTable::Parse(*body);
}

}  // namespace tlsmeter::agent
