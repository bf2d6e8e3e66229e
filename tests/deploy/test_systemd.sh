#!/usr/bin/env bash
# Has systemd read the unit. usage: test_systemd.sh SCRATCH_FOLDER
set -euo pipefail
unit=$(cd "$(dirname "$0")/../../deploy/systemd" && pwd)/tlsmeter.service
scratch=$1/systemd

skip() { echo "skipped: $*"; exit 77; }
command -v systemd-analyze >/dev/null || skip "systemd-analyze is not installed"

# The program and its manual lie where the package will put them, not on this machine.
mkdir -p "$scratch"
sed -e "s,/usr/sbin/tlsmeter,$TLSMETER," -e '/^Documentation=/d' "$unit" >"$scratch/tlsmeter.service"
complaints=$(systemd-analyze verify "$scratch/tlsmeter.service" 2>&1)
if [ -n "$complaints" ]; then
  echo "$complaints" >&2
  exit 1
fi
python3 "$(dirname "$0")/check_unit.py" "$unit"
# 0 is no exposure, 100 all; a unit without any hardening has 96.
systemd-analyze security --offline=yes --threshold=25 "$scratch/tlsmeter.service" | tail -n 1
