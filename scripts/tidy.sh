#!/usr/bin/env bash
# Runs clang-tidy with the checks of .clang-tidy; silent when there is nothing to say. Wants the build of the preset release for its
# headers and commands.
#   scripts/tidy.sh           all of src/: some 15 minutes of processor time, hence no part of scripts/test.sh
#   scripts/tidy.sh FILE...   these
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_packages.sh build test
scripts/build.sh release
files=("$@")
[ $# -gt 0 ] || mapfile -t files < <(git ls-files 'src/*.cc')
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" clang-tidy -p build/release --quiet >"$log" 2>/dev/null; then
  cat "$log" >&2
  echo "tidy.sh: clang-tidy has found something" >&2
  exit 1
fi
