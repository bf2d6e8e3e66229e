// Which files a process runs code from: /proc/PID/maps (proc_pid_maps(5)), and which processes there are. Pure functions of
// what the proc file system says, any thread.
#ifndef TLSMETER_SRC_IMAGE_PROCESS_MAPS_H_
#define TLSMETER_SRC_IMAGE_PROCESS_MAPS_H_

#include <sys/types.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tlsmeter::agent {

// MappedFile is one file that a process maps executable.
struct MappedFile {
  // Device and inode as maps shows them: on an overlay file system those of the overlay. Unique as long as the file is
  // mapped.
  struct Id {
    uint32_t major = 0;
    uint32_t minor = 0;
    uint64_t inode = 0;

    auto operator<=>(const Id&) const = default;
    template <typename H>
    friend H AbslHashValue(H state, const Id& id) {
      return H::combine(std::move(state), id.major, id.minor, id.inode);
    }
  };
  Id id;
  std::string range;  // "55d0-55e0", its name below map_files
  std::string path;   // as the process sees it; " (deleted)" when it has no name any more
};

// MappingEvent says that a process begins to map a file, which need not yet be mapped executable and may never be.
struct MappingEvent {
  pid_t pid = 0;
  MappedFile::Id file;
  bool exec = false;  // the program of the process is another one now, from this file
};

// kMaxMappedFiles bounds the files of one process; browsers map 200.
inline constexpr size_t kMaxMappedFiles = 512;

// ParseMaps returns the files mapped executable in the text of a maps file, each once. What is no line of that form is
// passed over.
std::vector<MappedFile> ParseMaps(std::string_view maps);

// kMaxMappingProcesses bounds what the functions below return, and kMaxCgroups how many groups they look into.
inline constexpr size_t kMaxMappingProcesses = 32768;
inline constexpr size_t kMaxCgroups = 4096;

// ListProcesses returns the processes below the proc file system mounted at `proc`, ascending.
std::vector<pid_t> ListProcesses(const std::string& proc);

// ListCgroupProcesses returns the processes of the cgroup v2 directory `cgroup` and of all below it, ascending.
std::vector<pid_t> ListCgroupProcesses(const std::string& cgroup);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_IMAGE_PROCESS_MAPS_H_
