// Load for the overhead benchmark: prints one number, what was done per second.
//   load_client tls PORT SECONDS PROCESSES     full handshakes, one connection each
//   load_client plain PORT SECONDS PROCESSES   HTTP/1.0 requests, one connection each
//   load_client bulk SECONDS                   megabytes over one established connection to itself
// All on 127.0.0.1. Ends by itself.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::exit(1);
}

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A connection that is closed by RST: no TIME_WAIT uses up the ports.
int Connect(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const linger abort_on_close = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof(abort_on_close));
  const sockaddr_in address = Loopback(port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) Die("connect");
  return fd;
}

void TlsOnce(SSL_CTX* context, int port) {
  const int fd = Connect(port);
  SSL* ssl = SSL_new(context);
  SSL_set_fd(ssl, fd);
  SSL_set_tlsext_host_name(ssl, "example.test");
  if (SSL_connect(ssl) != 1) Die("SSL_connect");
  SSL_free(ssl);
  close(fd);
}

void PlainOnce(int port) {
  const int fd = Connect(port);
  static constexpr char kRequest[] = "GET /small HTTP/1.0\r\nHost: example.test\r\n\r\n";
  if (write(fd, kRequest, sizeof(kRequest) - 1) < 0) Die("write");
  char buffer[4096];
  while (read(fd, buffer, sizeof(buffer)) > 0) {
  }
  close(fd);
}

double Connections(bool tls, int port, double seconds, int processes) {
  auto* const done = static_cast<std::atomic<uint64_t>*>(
      mmap(nullptr, sizeof(std::atomic<uint64_t>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (done == MAP_FAILED) Die("mmap");
  const auto start = Clock::now();
  for (int i = 0; i < processes; ++i) {
    if (fork() != 0) continue;
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    while (std::chrono::duration<double>(Clock::now() - start).count() < seconds) {
      tls ? TlsOnce(context, port) : PlainOnce(port);
      ++*done;
    }
    _exit(0);
  }
  int status = 0;
  while (wait(&status) > 0) {
    if (status != 0) std::exit(1);
  }
  return static_cast<double>(*done) / std::chrono::duration<double>(Clock::now() - start).count();
}

double Bulk(double seconds) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    Die("listen");
  }
  std::vector<char> buffer(128 * 1024, 'x');
  if (fork() == 0) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) Die("connect");
    const auto start = Clock::now();
    while (std::chrono::duration<double>(Clock::now() - start).count() < seconds) {
      if (write(fd, buffer.data(), buffer.size()) < 0) Die("write");
    }
    close(fd);
    _exit(0);
  }
  const int fd = accept(listener, nullptr, nullptr);
  const auto start = Clock::now();
  uint64_t bytes = 0;
  for (ssize_t n; (n = read(fd, buffer.data(), buffer.size())) > 0;) bytes += static_cast<uint64_t>(n);
  const double passed = std::chrono::duration<double>(Clock::now() - start).count();
  wait(nullptr);
  return static_cast<double>(bytes) / 1e6 / passed;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  double rate = 0;
  if ((mode == "tls" || mode == "plain") && argc == 5) {
    rate = Connections(mode == "tls", std::atoi(argv[2]), std::atof(argv[3]), std::atoi(argv[4]));
  } else if (mode == "bulk" && argc == 3) {
    rate = Bulk(std::atof(argv[2]));
  } else {
    std::fprintf(stderr, "usage: load_client tls|plain PORT SECONDS PROCESSES | bulk SECONDS\n");
    return 2;
  }
  std::printf("%.1f\n", rate);
  return 0;
}
