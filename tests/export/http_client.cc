#include "tests/export/http_client.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace tlsmeter::agent {
namespace {

constexpr timeval kPatience = {.tv_sec = 5, .tv_usec = 0};

}  // namespace

HttpClient::HttpClient(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    close(fd_);
    fd_ = -1;
  }
}

HttpClient::~HttpClient() {
  if (fd_ >= 0) close(fd_);
}

bool HttpClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

std::string HttpClient::ReadAnswer(bool head_only) {
  std::string answer;
  char c = 0;
  while (answer.find("\r\n\r\n") == std::string::npos) {
    if (recv(fd_, &c, 1, 0) != 1) return answer;
    answer += c;
  }
  const size_t header = answer.find("Content-Length: ");
  if (head_only || header == std::string::npos) return answer;
  auto left = static_cast<size_t>(std::strtoull(answer.c_str() + header + 16, nullptr, 10));
  char buffer[65536];
  while (left > 0) {
    const ssize_t got = recv(fd_, buffer, left < sizeof(buffer) ? left : sizeof(buffer), 0);
    if (got <= 0) return answer;
    answer.append(buffer, static_cast<size_t>(got));
    left -= static_cast<size_t>(got);
  }
  return answer;
}

std::string HttpClient::ReadToEnd(bool* closed) {
  std::string bytes;
  char buffer[65536];
  while (true) {
    const ssize_t got = recv(fd_, buffer, sizeof(buffer), 0);
    if (got > 0) {
      bytes.append(buffer, static_cast<size_t>(got));
      continue;
    }
    *closed = got == 0 || errno == ECONNRESET;
    return bytes;
  }
}

std::string Get(uint16_t port, std::string_view target) {
  HttpClient client(port);
  if (!client.connected()) return "";
  client.Send("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  return client.ReadAnswer();
}

}  // namespace tlsmeter::agent
