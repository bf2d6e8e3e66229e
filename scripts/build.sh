#!/usr/bin/env bash
# Configures and builds one preset; prints only what goes wrong. usage: build.sh PRESET [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."

preset=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { cmake --preset "$preset" && cmake --build --preset "$preset" ${1:+--target "$@"}; } >"$log" 2>&1; then
  cat "$log" >&2
  echo "build.sh: preset $preset does not build" >&2
  exit 1
fi
