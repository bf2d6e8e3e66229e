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

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/attribution/https_get.h"
#include "src/attribution/pod_table.h"
#include "src/base/mutex.h"

namespace tlsmeter::agent {

struct KubeletOptions {
  std::string url;         // "https://HOST[:10250][/pods]"
  std::string token_file;  // read before each request: tokens of service accounts are replaced every hour; empty: none
  std::string ca_file;     // see HttpsRequest
  std::chrono::milliseconds timeout{5000};
  // The kubelet answers from memory; 110 pods are about a megabyte.
  std::chrono::milliseconds refresh{10000};
};

class Kubelet {
 public:
  // Start begins to ask. InvalidArgument when the URL is none; a kubelet that does not answer is asked again, see status.
  static absl::StatusOr<std::unique_ptr<Kubelet>> Start(const KubeletOptions& options);

  Kubelet(const Kubelet&) = delete;
  Kubelet& operator=(const Kubelet&) = delete;

  // pods returns the newest list, null before the first. When the kubelet stops to answer, the last one stays. Any thread.
  std::shared_ptr<const PodTable> pods() const ABSL_LOCKS_EXCLUDED(mutex_);

  // status returns how the last request went; OK before the first. Any thread.
  absl::Status status() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  Kubelet(const KubeletOptions& options, HttpsUrl url);
  void Run(const std::stop_token& stop) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<PodTable> Fetch(const std::stop_token& stop) const;

  const KubeletOptions options_;
  const HttpsUrl url_;
  mutable Mutex mutex_;
  std::shared_ptr<const PodTable> pods_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_ATTRIBUTION_KUBELET_H_
