#include "src/export/basic_auth.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <sys/resource.h>

#include <boost/asio/post.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "src/base/text.h"

namespace tlsmeter::agent {
namespace {

constexpr int kRestFactor = 4;
constexpr int kLowestPriority = 19;

struct Credentials {
  std::string user;
  std::string password;
};

std::optional<Credentials> ReadHeader(std::string_view header) {
  constexpr std::string_view kScheme = "basic ";
  if (LowerAscii(header.substr(0, kScheme.size())) != kScheme) return std::nullopt;
  header.remove_prefix(kScheme.size());
  std::string text;
  if (!absl::Base64Unescape({header.data(), header.size()}, &text)) return std::nullopt;
  const size_t colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  Credentials credentials{text.substr(0, colon), text.substr(colon + 1)};
  // crypt(3) would stop there, and take what stands before it for the password.
  if (credentials.password.find('\0') != std::string::npos) return std::nullopt;
  return credentials;
}

bool Matches(const std::string& password, const std::string& hash) {
  const auto data = std::make_unique<crypt_data>();  // 32 KiB
  const char* const computed = crypt_r(password.c_str(), hash.c_str(), data.get());
  if (computed == nullptr) return false;
  const std::string_view text(computed);
  return text.size() == hash.size() && CRYPTO_memcmp(text.data(), hash.data(), hash.size()) == 0;
}

}  // namespace

BasicAuth::BasicAuth(boost::asio::io_context* io) : io_(io), rest_(*io) {
  RAND_bytes(key_.data(), static_cast<int>(key_.size()));
  boost::asio::post(worker_, [] {
    pthread_setname_np(pthread_self(), "tlsmeter-auth");
    setpriority(PRIO_PROCESS, 0, kLowestPriority);  // of this thread alone, on Linux
  });
}

BasicAuth::~BasicAuth() {
  worker_.stop();
  worker_.join();
}

BasicAuth::Digest BasicAuth::DigestOf(std::string_view user, std::string_view password, std::string_view hash) const {
  // Neither the hash nor, by ReadHeader, the password holds a NUL: no two triples give the same text.
  std::string text(hash);
  text.append(1, '\0').append(password).append(1, '\0').append(user);
  Digest digest = {};
  unsigned size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest.data(), &size);
  return digest;
}

void BasicAuth::Decide(const WebUsers& users, std::string_view authorization, Done done) {
  std::optional<Credentials> credentials = ReadHeader(authorization);
  if (!credentials.has_value() || users.empty()) {
    done(Decision::kRefused);
    return;
  }
  Attempt attempt;
  const auto user = users.find(credentials->user);
  attempt.user_exists = user != users.end();
  attempt.hash = (attempt.user_exists ? user : users.begin())->second;
  attempt.digest = DigestOf(credentials->user, credentials->password, attempt.hash);
  if (verified_.contains(attempt.digest)) {
    done(Decision::kGranted);
    return;
  }
  if (waiting_.size() >= kMaxWaiting) {
    done(Decision::kBusy);
    return;
  }
  attempt.password = std::move(credentials->password);
  attempt.done = std::move(done);
  waiting_.push_back(std::move(attempt));
  if (waiting_.size() == 1) CheckNext();
}

void BasicAuth::CheckNext() {
  const Attempt& attempt = waiting_.front();
  boost::asio::post(worker_, [this, hash = attempt.hash, password = attempt.password] {
    const auto start = std::chrono::steady_clock::now();
    const bool matches = Matches(password, hash);
    const auto took = std::chrono::steady_clock::now() - start;
    boost::asio::post(*io_, [this, matches, took] { OnChecked(matches, took); });
  });
}

void BasicAuth::OnChecked(bool matches, std::chrono::steady_clock::duration took) {
  Attempt& attempt = waiting_.front();
  const bool granted = matches && attempt.user_exists;
  if (granted) {
    if (verified_.size() >= kMaxVerified) verified_.clear();
    verified_.insert(attempt.digest);
  }
  const Done done = std::move(attempt.done);
  done(granted ? Decision::kGranted : Decision::kRefused);
  // The place is kept while the worker rests, so that Decide does not start another check.
  rest_.expires_after(granted ? std::chrono::steady_clock::duration::zero() : took * kRestFactor);
  rest_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    waiting_.pop_front();
    if (!waiting_.empty()) CheckNext();
  });
}

}  // namespace tlsmeter::agent
