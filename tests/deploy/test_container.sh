#!/usr/bin/env bash
# Builds the image of deploy/container over a Debian root of its own, with the package of this build, and runs tlsmeter in it.
# usage: test_container.sh SCRATCH_FOLDER
#
# podman keeps its state below /run, /var and /dev/shm: it gets its own of each, in a mount namespace that ends with the test.
set -euo pipefail
build=$(cd "$(dirname "$TLSMETER")" && pwd)
scratch=$1/container
image=tlsmeter:test

skip() { echo "skipped: $*"; exit 77; }
if [ "${2:-}" != inside ]; then
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  for program in podman runc debootstrap cpack unshare; do
    command -v "$program" >/dev/null || skip "$program is not installed"
  done
  cgroups=$(awk '{for (i = 1; i < NF; ++i) if ($i == "-" && $(i + 1) == "cgroup2") {print $5; exit}}' /proc/self/mountinfo)
  [ -n "$cgroups" ] || skip "needs a mounted cgroup v2"
  export cgroups
  mkdir -p "$scratch"
  # The root is kept: the next run begins with it.
  if [ ! -s "$scratch/root.tar" ]; then
    rm -rf "$scratch/root"
    debootstrap --variant=minbase bookworm "$scratch/root" http://deb.debian.org/debian >"$scratch/debootstrap.log" 2>&1 ||
      skip "debootstrap cannot make a Debian root: $(tail -n 1 "$scratch/debootstrap.log")"
    tar -C "$scratch/root" -cf "$scratch/root.part" . && mv "$scratch/root.part" "$scratch/root.tar"
    rm -rf "$scratch/root"
  fi
  cpack --config "$build/CPackConfig.cmake" -B "$scratch/context" >"$scratch/cpack.log" || { cat "$scratch/cpack.log"; exit 1; }
  exec unshare --mount "$0" "$1" inside
fi

for folder in /run /var/lib/containers /var/lib/cni /var/cache /var/tmp /dev/shm; do
  mkdir -p "$folder"
  mount -t tmpfs tmpfs "$folder"
done
limits=(--ulimit nofile=1024:1024 --ulimit nproc=1024:1024)
podman=(podman --cgroup-manager=cgroupfs --runtime=runc --events-backend=none)

# A cgroup of our own: tlsmeter looks at no other.
name=tlsmeter-test-$$-container
watched=$cgroups/$name/watched
mkdir -p "$watched"
# podman puts containers below it, and leaves their empty cgroups behind, in every hierarchy.
clean_up() {
  local hierarchy
  awk '$0 ~ / - cgroup2? / {print $5}' /proc/self/mountinfo | while read -r hierarchy; do
    [ ! -d "$hierarchy/$name" ] || find "$hierarchy/$name" -depth -type d -exec rmdir {} +
  done
}
trap clean_up EXIT

"${podman[@]}" import --quiet "$scratch/root.tar" base:test >/dev/null
package=$(basename "$scratch"/context/tlsmeter_*.deb)
"${podman[@]}" build --quiet --isolation=chroot --network=host "${limits[@]}" --build-arg BASE=localhost/base:test \
  --build-arg PACKAGE="$package" -f "$(dirname "$0")/../../deploy/container/Containerfile" -t "$image" "$scratch/context"

run() { "${podman[@]}" run --rm --network=none --cgroup-parent="/$name" "${limits[@]}" --read-only --cap-drop=all "$@"; }
run "$image" version
least=(--cap-add=BPF --cap-add=NET_ADMIN --cap-add=PERFMON --security-opt=seccomp=unconfined -v "$cgroups:$cgroups:ro")
run "${least[@]}" "$image" check --cgroup "$watched"
# Without its capabilities it must say so.
if run -v "$cgroups:$cgroups:ro" "$image" check --cgroup "$watched" >"$scratch/refused"; then
  echo "check is content without capabilities" >&2
  exit 1
fi
grep -q 'CAP_BPF.*missing' "$scratch/refused"
