#!/usr/bin/env bash
# Runs clang-tidy with the checks of .clang-tidy; silent when there is nothing to say. By the commands of the preset clang, of which
# nothing but the generated header is built.
#   scripts/tidy.sh           all of src/: 6 to 15 seconds of processor time a file, hence no part of scripts/test.sh
#   scripts/tidy.sh FILE...   these
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_packages.sh build test
scripts/build.sh clang tlsmeter_skeleton_header
files=("$@")
[ $# -gt 0 ] || mapfile -t files < <(git ls-files 'src/*.cc')
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" clang-tidy -p build/clang --quiet >"$log" 2>/dev/null; then
  cat "$log" >&2
  echo "tidy.sh: clang-tidy has found something" >&2
  exit 1
fi
