#!/usr/bin/env bash
# Installs what is needed, builds, and runs all tests: format, layers, unit and live tests with g++, a clang build with its unit
# tests under ASan+UBSan, unit tests under TSan, and every fuzz target for a moment. Live tests need root and say what they miss
# where they skip.
#   scripts/test.sh           everything
#   scripts/test.sh quick     format, and the g++ build with its unit and live tests
set -euo pipefail
cd "$(dirname "$0")/.."

step() { echo "== $* (after ${SECONDS} s)"; }

step "packages"
scripts/install_packages.sh build demo test

step "other builds of TLS libraries"
scripts/fetch_tls_builds.sh

step "format"
git ls-files '*.cc' '*.h' '*.c' | xargs clang-format --dry-run --Werror

step "g++: build"
scripts/build.sh release
step "g++: all tests"
ctest --preset release --parallel "$(nproc)" --label-exclude 'live|deploy|replay'
ctest --preset release --label-regex 'live|deploy|replay' --label-exclude slow
[ "${1:-}" = quick ] && exit 0

step "clang, with ASan and UBSan: build"
scripts/build.sh asan
step "clang, with ASan and UBSan: unit tests"
ctest --preset asan --parallel "$(nproc)" --label-exclude 'live|deploy|replay' --exclude-regex '^install$'

# Of what is not built here, ctest knows a test NAME_NOT_BUILT.
step "TSan: unit tests of what runs on two threads"
scripts/build.sh tsan attribution_test aggregate_test export_test
ctest --preset tsan --parallel "$(nproc)" --tests-regex 'Aggregator|BasicAuth|HttpServer|Kubelet|PodTable|RecentRecords|Snapshot|WebSecurity' \
  --exclude-regex '_NOT_BUILT'

seconds=${TLSMETER_FUZZ_SECONDS:-20}
step "fuzzing, $seconds s a target"
cmake --preset fuzz -DTLSMETER_FUZZ_SECONDS="$seconds" >/dev/null
scripts/build.sh fuzz fuzz_targets
ctest --test-dir build/fuzz --label-regex fuzz --output-on-failure -j "$(nproc)"

step "done"
