#include "tests/image/private_openssl.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

namespace tlsmeter::agent {
namespace {

const std::filesystem::path kLibraries = "/usr/lib/x86_64-linux-gnu";

}  // namespace

std::string PrivateOpenSsl::Create() {
  if (geteuid() != 0) return "needs root";
  if (!std::filesystem::exists(kLibraries / "libssl.so.3")) return "there is no libssl.so.3";
  const std::string name = "tlsmeter-image-test-" + std::to_string(getpid());
  for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    if (std::filesystem::exists(std::filesystem::path(mount) / "cgroup.procs"))
      cgroup_ = std::filesystem::path(mount) / name;
  }
  if (cgroup_.empty() || mkdir(cgroup_.c_str(), 0755) != 0) return "needs a mounted cgroup v2";
  directory_ = std::filesystem::path(testing::TempDir()) / name;
  std::filesystem::create_directories(directory_);
  for (const char* file : {"libssl.so.3", "libcrypto.so.3"})
    std::filesystem::copy_file(kLibraries / file, directory_ / file);
  if (Run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=test",
           "-keyout", directory_ / "key.pem", "-out", directory_ / "cert.pem"}) != 0) {
    return "openssl makes no certificate";
  }
  return "";
}

void PrivateOpenSsl::Destroy() {
  StopServer();
  if (!cgroup_.empty()) rmdir(cgroup_.c_str());
  if (!directory_.empty()) std::filesystem::remove_all(directory_);
}

pid_t PrivateOpenSsl::Start(const std::vector<std::string>& command) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::ofstream(cgroup_ / "cgroup.procs") << 0 << std::flush;
  setenv("LD_LIBRARY_PATH", directory_.c_str(), 1);
  const int null = open("/dev/null", O_RDWR);
  for (const int fd : {0, 1, 2}) dup2(null, fd);
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

int PrivateOpenSsl::Run(const std::vector<std::string>& command) {
  int status = -1;
  waitpid(Start(command), &status, 0);
  return status;
}

void PrivateOpenSsl::StartServer() {
  port_ = 20000 + getpid() % 20000;
  server_ = Start({"openssl", "s_server", "-accept", "127.0.0.1:" + std::to_string(port_), "-cert", directory_ / "cert.pem",
                   "-key", directory_ / "key.pem", "-quiet"});
  for (int i = 0; i < 200 && Handshake() != 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(25));
}

void PrivateOpenSsl::StopServer() {
  if (server_ <= 0) return;
  kill(server_, SIGKILL);
  waitpid(server_, nullptr, 0);
  server_ = 0;
}

int PrivateOpenSsl::Handshake() { return Run({"openssl", "s_client", "-connect", "127.0.0.1:" + std::to_string(port_)}); }

}  // namespace tlsmeter::agent
