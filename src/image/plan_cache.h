// PlanCache: the plans of builds that were decoded, so that each copy of a build on a host - one a container image - is not
// decoded again. One thread.
#ifndef TLSMETER_SRC_IMAGE_PLAN_CACHE_H_
#define TLSMETER_SRC_IMAGE_PLAN_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "src/image/elf_file.h"
#include "src/image/image_plan.h"

namespace tlsmeter::agent {

class PlanCache {
 public:
  // kMaxPlans: as many as images can be instrumented at a time. Beyond that a build is decoded for each of its copies.
  static constexpr size_t kMaxPlans = 128;

  struct Entry {
    uint64_t size = 0;  // of the file
    ImagePlan plan;
    std::vector<uint8_t> code;  // what lies at the probes
    bool distrusted = false;
  };

  // KeyOf names what a plan depends on: the build of a file and that of its libcrypto, null when there is none.
  static std::string KeyOf(const ElfFile& file, const ElfFile* crypto);

  // Find returns the plan kept under `key`, null when there is none or when it is another file's than the one of `size`
  // bytes open as `fd`: a build id is only a claim, so its code at the probes is compared. Valid until the next call of Add.
  const Entry* Find(const std::string& key, uint64_t size, int fd) const;

  // Add keeps the plan of that file. Does nothing for a file without build id, or when the cache is full.
  void Add(const std::string& key, uint64_t size, int fd, const ImagePlan& plan);

  // Distrust marks the plan kept under `key`, if there is one. It stays, so that the build is known again.
  void Distrust(const std::string& key);

 private:
  std::map<std::string, Entry> entries_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_IMAGE_PLAN_CACHE_H_
