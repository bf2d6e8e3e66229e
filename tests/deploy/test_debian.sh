#!/usr/bin/env bash
# Builds the Debian package, has lintian judge it, and installs, runs and removes it in a root of its own.
# usage: test_debian.sh SCRATCH_FOLDER
set -euo pipefail
build=$(cd "$(dirname "$TLSMETER")" && pwd)
scratch=$1/debian

skip() { echo "skipped: $*"; exit 77; }
for program in cpack lintian dpkg-shlibdeps; do
  command -v "$program" >/dev/null || skip "$program is not installed"
done

rm -rf "$scratch"
mkdir -p "$scratch/root/var/lib/dpkg/info" "$scratch/root/var/lib/dpkg/updates"
cpack --config "$build/CPackConfig.cmake" -B "$scratch" >"$scratch/cpack.log" || { cat "$scratch/cpack.log"; exit 1; }
package=$(echo "$scratch"/tlsmeter_*.deb)
lintian --fail-on error,warning "$package"

# An empty root has none of the libraries: what is tried is the package's own files and their removal.
: >"$scratch/root/var/lib/dpkg/status"
: >"$scratch/root/var/lib/dpkg/available"
in_root() { dpkg --root="$scratch/root" --force-depends --force-script-chrootless --log="$scratch/dpkg.log" "$@"; }
in_root --install "$package" >/dev/null 2>"$scratch/install.err" || { cat "$scratch/install.err"; exit 1; }
"$scratch/root/usr/sbin/tlsmeter" version
[ -f "$scratch/root/lib/systemd/system/tlsmeter.service" ]
[ -f "$scratch/root/usr/share/man/man8/tlsmeter.8.gz" ]
[ -f "$scratch/root/usr/share/man/man5/tlsmeter.yaml.5.gz" ]
# What the operator wrote there outlives an upgrade.
echo 'TLSMETER_OPTIONS="--listen 127.0.0.1:9744"' >"$scratch/root/etc/default/tlsmeter"
in_root --force-confold --install "$package" >/dev/null 2>"$scratch/install.err" || { cat "$scratch/install.err"; exit 1; }
grep -q 9744 "$scratch/root/etc/default/tlsmeter"
in_root --purge tlsmeter >/dev/null
left=$(find "$scratch/root" -path '*/var/lib/dpkg' -prune -o -type f -print)
if [ -n "$left" ]; then
  echo "the package leaves files behind: $left" >&2
  exit 1
fi
