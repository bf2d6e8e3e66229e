#!/bin/sh
# Fetches the kernels in which tests/kernels starts tlsmeter: Debian 12's own and its newest backport, small builds for virtual
# machines without hardware drivers. The machine's sources of packages are used as they are.
# usage: fetch_kernels.sh [DIRECTORY]   (build/kernels)
# What cannot be had is named, and its test skips: that is no failure.
set -eu
cd "$(dirname "$0")/.."
directory=${1:-build/kernels}
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fetch_kernel NAME METAPACKAGE: the kernel that the metapackage stands for, as vmlinuz-NAME.
fetch_kernel() {
  if [ -e "$directory/vmlinuz-$1" ]; then return; fi
  package=$(apt-cache depends "$2" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p')
  if ! (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "${package:-$2}" && dpkg-deb -x "${package:-$2}"_*.deb "$1"); then
    echo "not to be had: $2" >&2
    return
  fi
  cp "$work/$1"/boot/vmlinuz-* "$directory/vmlinuz-$1"
}

fetch_kernel 6.1 linux-image-cloud-amd64
fetch_kernel 6.12 linux-image-6.12-cloud-amd64
