// FakeTree: a folder with files like those of /proc, /run and /var, removed at the end of the test.
#ifndef TLSMETER_TESTS_BASE_FAKE_TREE_H_
#define TLSMETER_TESTS_BASE_FAKE_TREE_H_

#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace tlsmeter::agent {

class FakeTree {
 public:
  FakeTree() {
    std::string path = std::filesystem::temp_directory_path() / "tlsmeter-test-XXXXXX";
    root_ = mkdtemp(path.data());
  }
  ~FakeTree() { std::filesystem::remove_all(root_); }
  FakeTree(const FakeTree&) = delete;
  FakeTree& operator=(const FakeTree&) = delete;

  const std::string& root() const { return root_; }

  // Write creates or replaces the file root() + path.
  void Write(const std::string& path, std::string_view text) const {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }

  // AddProcess writes /proc/PID of a process that started `ticks` hundredths of a second after boot.
  void AddProcess(uint32_t pid, uint64_t ticks, const std::string& cgroup, const std::string& executable,
                  const std::string& comm = "a) R (b") const {
    const std::string folder = "/proc/" + std::to_string(pid);
    Write(folder + "/stat", std::to_string(pid) + " (" + comm + ") S 1 2 3 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 " +
                                std::to_string(ticks) + " 10000 200 18446744073709551615 1 2\n");
    Write(folder + "/cgroup", cgroup);
    if (!executable.empty()) std::filesystem::create_symlink(executable, root_ + folder + "/exe");
  }

  void Remove(const std::string& path) const { std::filesystem::remove_all(root_ + path); }

 private:
  std::string root_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_TESTS_BASE_FAKE_TREE_H_
