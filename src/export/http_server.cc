#include "src/export/http_server.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "src/export/http_session.h"
#include "src/export/listen_address.h"

namespace tlsmeter::agent {
namespace {

namespace asio = boost::asio;
using Error = boost::system::error_code;
using tcp = boost::asio::ip::tcp;

// Connections that the kernel completes before the server takes them: a burst of a thousand waits here, none is turned away.
constexpr int kBacklog = 1024;

// How long to leave the listener alone when a connection cannot be taken (no file descriptors): it would report that without
// end.
constexpr std::chrono::milliseconds kAcceptPause{100};

constexpr std::string_view kBusy =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n";

absl::Status ListenError(std::string_view listen, const Error& error) {
  std::string_view remedy = "check the address";
  if (error == asio::error::address_in_use) {
    remedy = "another program listens there: stop it, or choose another port";
  } else if (error == asio::error::access_denied) {
    remedy = "ports below 1024 need CAP_NET_BIND_SERVICE: choose another port";
  } else if (error.value() == EADDRNOTAVAIL) {
    remedy = "this machine has no such address: choose one of its own, or :PORT for all";
  }
  return absl::UnavailableError(absl::StrFormat("cannot listen on %s: %s; %s", listen, error.message(), remedy));
}

Error ListenOn(const tcp::endpoint& endpoint, bool both_families, tcp::acceptor* acceptor) {
  Error error;
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.protocol() == tcp::v6()) acceptor->set_option(asio::ip::v6_only(!both_families), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(kBacklog, error);
  Error ignored;
  if (error) acceptor->close(ignored);
  return error;
}

}  // namespace

struct HttpServer::State {
  asio::io_context io{1};
  HttpShared shared;
  tcp::acceptor acceptor{io};
  asio::steady_timer pause{io};
  std::vector<std::shared_ptr<HttpSession>> sessions;  // at most limits.max_connections
  uint16_t port = 0;
  std::thread thread;

  void Accept();
  void Admit(tcp::socket socket);
  bool MakeRoom();
};

void HttpServer::State::Accept() {
  acceptor.async_accept([this](Error error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      Admit(std::move(socket));
      Accept();
      return;
    }
    pause.expires_after(kAcceptPause);
    pause.async_wait([this](Error cancelled) {
      if (!cancelled) Accept();
    });
  });
}

void HttpServer::State::Admit(tcp::socket socket) {
  if (!MakeRoom()) {
    Error ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(kBusy.data(), kBusy.size()), ignored);
    return;
  }
  if (shared.security != nullptr) shared.security->Refresh(std::chrono::steady_clock::now());
  sessions.push_back(std::make_shared<HttpSession>(std::move(socket), &shared));
  sessions.back()->Start();
}

// Closes the session that has waited for its client the longest when all places are taken; false when all are being
// answered.
bool HttpServer::State::MakeRoom() {
  sessions.erase(std::remove_if(sessions.begin(), sessions.end(), [](const auto& session) { return session->closed(); }),
                 sessions.end());
  if (sessions.size() < shared.limits.max_connections) return true;
  const auto slower = [](const auto& a, const auto& b) {
    if (a->answering() != b->answering()) return b->answering();
    return a->waiting_since() < b->waiting_since();
  };
  const auto slowest = std::min_element(sessions.begin(), sessions.end(), slower);
  if (slowest == sessions.end() || (*slowest)->answering()) return false;
  (*slowest)->Close();
  sessions.erase(slowest);
  return true;
}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Listen(std::string_view listen, HttpHandler handler,
                                                               HttpLimits limits, std::unique_ptr<WebSecurity> security) {
  const absl::StatusOr<ListenAddress> address = ParseListenAddress(listen);
  if (!address.ok()) return address.status();

  auto state = std::make_unique<State>();
  state->shared.limits = limits;
  state->shared.handler = std::move(handler);
  state->shared.security = std::move(security);

  Error error;
  if (address->host.empty()) {
    error = ListenOn(tcp::endpoint(tcp::v6(), address->port), /*both_families=*/true, &state->acceptor);
    // A kernel without IPv6 has no family, or no address, to bind to.
    if (error == asio::error::address_family_not_supported || error.value() == EADDRNOTAVAIL) {
      error = ListenOn(tcp::endpoint(tcp::v4(), address->port), /*both_families=*/false, &state->acceptor);
    }
  } else {
    const asio::ip::address host = asio::ip::make_address(address->host, error);
    if (!error) error = ListenOn(tcp::endpoint(host, address->port), /*both_families=*/false, &state->acceptor);
  }
  if (error) return ListenError(listen, error);
  const tcp::endpoint bound = state->acceptor.local_endpoint(error);
  if (error) return ListenError(listen, error);
  state->port = bound.port();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

void HttpServer::Serve() {
  state_->Accept();
  // Signals are the main thread's business.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  if (state_->shared.security != nullptr) state_->shared.auth.emplace(&state_->io);
  state_->thread = std::thread([io = &state_->io] {
    pthread_setname_np(pthread_self(), "tlsmeter-http");  // by another thread it would be a file opened for writing
    io->run();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpServer::~HttpServer() { Stop(); }

void HttpServer::Stop() {
  if (!state_->thread.joinable()) return;
  state_->io.stop();
  state_->thread.join();
  // The thread is gone: what it owned is ours now.
  Error ignored;
  state_->acceptor.close(ignored);
  for (const auto& session : state_->sessions) session->Close();
  state_->sessions.clear();
}

uint16_t HttpServer::port() const { return state_->port; }

}  // namespace tlsmeter::agent
