// PrivateOpenSsl: a cgroup of our own whose programs use a private copy of libssl. Probes are by inode, so no other process
// of the machine can hit them. Needs root.
#ifndef TLSMETER_TESTS_IMAGE_PRIVATE_OPENSSL_H_
#define TLSMETER_TESTS_IMAGE_PRIVATE_OPENSSL_H_

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace tlsmeter::agent {

class PrivateOpenSsl {
 protected:
  // Create makes the copy, the cgroup and a certificate; returns what this machine lacks for it, or "".
  std::string Create();
  // Destroy ends the server and removes what Create made.
  void Destroy();

  // Start starts a program in the cgroup, with the private libraries; Run waits for it and returns its status (waitpid(2)).
  pid_t Start(const std::vector<std::string>& command);
  int Run(const std::vector<std::string>& command);

  // StartServer returns when `openssl s_server` has made a first handshake.
  void StartServer();
  void StopServer();
  int Handshake();

  std::filesystem::path directory_;
  std::filesystem::path cgroup_;
  pid_t server_ = 0;
  int port_ = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_TESTS_IMAGE_PRIVATE_OPENSSL_H_
