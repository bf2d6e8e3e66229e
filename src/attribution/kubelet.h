// Kubelet: the list of pods of this node, asked for on a thread of its own.
//
// Two threads, one lock: the kubelet's thread fetches and reads the list, and hands it over whole; the event thread takes
// the newest one and never waits for the network.
#ifndef TLSMETER_SRC_ATTRIBUTION_KUBELET_H_
#define TLSMETER_SRC_ATTRIBUTION_KUBELET_H_

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/attribution/pod_table.h"
#include "src/base/http_get.h"
#include "src/base/mutex.h"

namespace tlsmeter::agent {

struct KubeletOptions {
  std::string url;         // "https://HOST[:10250][/pods]"
  std::string token_file;  // read before each request: tokens of service accounts are replaced every hour; empty: none
  std::string ca_file;     // see HttpsRequest
  std::chrono::milliseconds timeout{5000};
  // The kubelet answers from memory; 110 pods are about a megabyte.
  std::chrono::milliseconds refresh{10000};

  bool operator==(const KubeletOptions&) const = default;
};

class Kubelet {
 public:
  // CheckUrl returns InvalidArgument when `url` cannot be one of a kubelet.
  static absl::Status CheckUrl(const std::string& url);

  // Start begins to ask. InvalidArgument when the URL is none; a kubelet that does not answer is asked again, see status.
  static absl::StatusOr<std::unique_ptr<Kubelet>> Start(const KubeletOptions& options);

  // Configure makes the next request one of these options, at once; without a URL none is made, and there is no list. Does
  // not wait. InvalidArgument as Start, and nothing has changed then. Any thread.
  absl::Status Configure(const KubeletOptions& options) ABSL_LOCKS_EXCLUDED(mutex_);

  ~Kubelet() { SetTarget(nullptr); }
  Kubelet(const Kubelet&) = delete;
  Kubelet& operator=(const Kubelet&) = delete;

  // pods returns the newest list, null before the first. When the kubelet stops to answer, the last one stays. Any thread.
  std::shared_ptr<const PodTable> pods() const ABSL_LOCKS_EXCLUDED(mutex_);

  // status returns how the last request went; OK before the first with these options. Any thread.
  absl::Status status() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Target is whom to ask and how.
  struct Target {
    KubeletOptions options;
    HttpUrl url;                // without a host: nobody
    std::stop_source replaced;  // requested when another target takes its place: ends a request and the wait for the next
  };

  Kubelet() = default;
  static absl::StatusOr<PodTable> Fetch(const Target& target);
  void SetTarget(std::shared_ptr<Target> target) ABSL_LOCKS_EXCLUDED(mutex_);
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  mutable Mutex mutex_;
  std::shared_ptr<Target> target_ ABSL_GUARDED_BY(mutex_);  // null: the thread shall end
  std::shared_ptr<const PodTable> pods_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_ATTRIBUTION_KUBELET_H_
