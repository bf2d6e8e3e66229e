#!/usr/bin/env bash
# Installs what is needed, builds tlsmeter, runs it.
#   scripts/run.sh            metrics on 127.0.0.1:9743 and a line per handshake, of this whole machine
#   scripts/run.sh demo       the same for a cgroup of its own with sample traffic in it
#   scripts/run.sh ARG...     tlsmeter ARG...
set -euo pipefail
cd "$(dirname "$0")/.."

groups=(build)
[ "${1:-}" = demo ] && groups+=(demo)
scripts/install_packages.sh "${groups[@]}"
echo "building build/release/tlsmeter" >&2
scripts/build.sh release tlsmeter

tlsmeter=build/release/tlsmeter
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
case "${1:-}" in
  "") exec "${as_root[@]}" "$tlsmeter" serve --trace ;;
  demo) shift; exec "${as_root[@]}" scripts/demo.sh "$tlsmeter" "$@" ;;
  *) exec "${as_root[@]}" "$tlsmeter" "$@" ;;
esac
