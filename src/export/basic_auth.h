// BasicAuth: HTTP Basic authentication (RFC 7617) against bcrypt hashes.
//
// A bcrypt check takes 50 to 100 ms by design. It runs on a thread of its own, at the lowest priority, one at a time, so the
// server's thread goes on answering. What was right once is remembered and costs a hash look-up from then on. After a
// refusal the thread rests four times as long as the check took: guessing costs the machine a fifth of one core at most.
// All calls on the server's thread.
#ifndef TLSMETER_SRC_EXPORT_BASIC_AUTH_H_
#define TLSMETER_SRC_EXPORT_BASIC_AUTH_H_

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "src/export/web_config.h"

namespace tlsmeter::agent {

class BasicAuth {
 public:
  // kBusy: too many others are being checked; the client may come again.
  enum class Decision : uint8_t { kGranted, kRefused, kBusy };
  using Done = std::function<void(Decision)>;

  // kMaxWaiting bounds the checks that wait: the last one is through within the scrape timeout of ten seconds, at the usual
  // cost of 10 and when all the others are refused.
  static constexpr size_t kMaxWaiting = 16;

  // kMaxVerified bounds the credentials that are remembered: over it all are forgotten, and checked again.
  static constexpr size_t kMaxVerified = 2 * kMaxWebUsers;

  // BasicAuth decides on the thread that runs `io`, which must outlive it.
  explicit BasicAuth(boost::asio::io_context* io);

  // ~BasicAuth waits for a check that is running; whoever still waits gets no answer. `io` must not be running.
  ~BasicAuth();

  // Decide calls `done` once: at once where the answer is known, else when the check is through. `authorization` is the
  // header as sent. A user that does not exist costs the client as much time as a wrong password.
  void Decide(const WebUsers& users, std::string_view authorization, Done done);

 private:
  // Digest stands for a user, a password and a hash together, keyed: no password is kept.
  using Digest = std::array<uint8_t, 32>;
  struct Attempt {
    bool user_exists = false;
    std::string hash;
    std::string password;
    Digest digest = {};
    Done done;
  };

  Digest DigestOf(std::string_view user, std::string_view password, std::string_view hash) const;
  void CheckNext();
  void OnChecked(bool matches, std::chrono::steady_clock::duration took);

  boost::asio::io_context* io_;
  boost::asio::steady_timer rest_;
  boost::asio::thread_pool worker_{1};
  std::array<uint8_t, 32> key_ = {};
  std::set<Digest> verified_;
  std::deque<Attempt> waiting_;  // the first is being checked
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_BASIC_AUTH_H_
