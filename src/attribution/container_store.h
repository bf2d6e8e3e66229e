// What Docker and podman keep of a container outside its OCI bundle, which names it nowhere: the names that people gave or
// were given. Files of root only: the engines' own sockets would start them, and grant far more than reading. One thread at
// a time.
#ifndef TLSMETER_SRC_ATTRIBUTION_CONTAINER_STORE_H_
#define TLSMETER_SRC_ATTRIBUTION_CONTAINER_STORE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace tlsmeter::agent {

// kMaxStoreBytes bounds each file. Docker writes some 10 KiB a container; podman half a KiB for each container of the host,
// in one file.
inline constexpr size_t kMaxStoreBytes = 2 * 1024 * 1024;

// DockerName reads the text of Docker's config.v2.json (moby, container.Container: "Name", with a leading '/') and returns
// the name; "" when it is none or of another container than `id`.
std::string DockerName(std::string_view config, std::string_view id);

// PodmanName reads the text of containers.json (containers/storage, an array of Container: "id", "names") and returns the
// first name of `id`; "" when it has none or the text is none.
std::string PodmanName(std::string_view containers, std::string_view id);

class ContainerStores {
 public:
  // ContainerStores looks below `root`: "" for the file system as it is. Of each engine only the place is known that it has
  // when root runs it and nobody moved it.
  explicit ContainerStores(std::string root) : root_(std::move(root)) {}

  // FindName returns the name of the container, "" when no engine knows it.
  std::string FindName(std::string_view container_id) const;

 private:
  std::string root_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_ATTRIBUTION_CONTAINER_STORE_H_
