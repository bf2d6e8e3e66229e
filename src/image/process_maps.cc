#include "src/image/process_maps.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace tlsmeter::agent {
namespace {

// Takes the text up to the next `separator` off `line`; false when there is none.
bool Take(std::string_view* line, char separator, std::string_view* out) {
  const size_t end = line->find(separator);
  if (end == std::string_view::npos) return false;
  *out = line->substr(0, end);
  line->remove_prefix(end + 1);
  return true;
}

template <typename T>
bool ParseNumber(std::string_view text, int base, T* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out, base);
  return error == std::errc() && end == text.data() + text.size();
}

// ADDRESS-ADDRESS PERMISSIONS OFFSET MAJOR:MINOR INODE   PATH
bool ParseLine(std::string_view line, MappedFile* file) {
  std::string_view range, permissions, offset, major, minor, inode;
  if (!Take(&line, ' ', &range) || !Take(&line, ' ', &permissions) || !Take(&line, ' ', &offset) ||
      !Take(&line, ':', &major) || !Take(&line, ' ', &minor) || !Take(&line, ' ', &inode)) {
    return false;
  }
  const bool executable = permissions.size() == 4 && permissions[2] == 'x';
  const size_t path = line.find_first_not_of(' ');
  if (!executable || path == std::string_view::npos || line[path] != '/') return false;
  if (!ParseNumber(major, 16, &file->id.major) || !ParseNumber(minor, 16, &file->id.minor) ||
      !ParseNumber(inode, 10, &file->id.inode) || file->id.inode == 0) {
    return false;
  }
  file->range = range;
  file->path = line.substr(path);
  return true;
}

void AddCgroup(const std::filesystem::path& directory, std::vector<pid_t>* pids) {
  std::ifstream procs(directory / "cgroup.procs");
  for (pid_t pid; pids->size() < kMaxMappingProcesses && procs >> pid;) pids->push_back(pid);
}

}  // namespace

std::vector<MappedFile> ParseMaps(std::string_view maps) {
  std::vector<MappedFile> files;
  while (!maps.empty() && files.size() < kMaxMappedFiles) {
    const size_t end = maps.find('\n');
    const std::string_view line = maps.substr(0, end);
    maps.remove_prefix(end == std::string_view::npos ? maps.size() : end + 1);
    MappedFile file;
    if (!ParseLine(line, &file)) continue;
    const bool known = std::any_of(files.begin(), files.end(), [&](const MappedFile& other) { return other.id == file.id; });
    if (!known) files.push_back(std::move(file));
  }
  return files;
}

std::vector<pid_t> ListProcesses(const std::string& proc) {
  std::vector<pid_t> pids;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(proc, error), end;
       !error && entry != end && pids.size() < kMaxMappingProcesses; entry.increment(error)) {
    pid_t pid;
    if (ParseNumber(std::string_view(entry->path().filename().native()), 10, &pid) && pid > 0) pids.push_back(pid);
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

std::vector<pid_t> ListCgroupProcesses(const std::string& cgroup) {
  std::vector<pid_t> pids;
  AddCgroup(cgroup, &pids);
  std::error_code error;
  size_t groups = 1;
  for (std::filesystem::recursive_directory_iterator entry(cgroup, error), end;
       !error && entry != end && groups < kMaxCgroups; entry.increment(error)) {
    std::error_code gone;
    if (!entry->is_directory(gone)) continue;
    ++groups;
    AddCgroup(entry->path(), &pids);
  }
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

}  // namespace tlsmeter::agent
