#!/usr/bin/env bash
# Installs what is missing of the given groups of scripts/packages.txt. usage: install_packages.sh GROUP...
set -euo pipefail
cd "$(dirname "$0")"

wanted=()
for group in "$@"; do
  while read -r g package; do
    [ "$g" = "$group" ] && wanted+=("$package")
  done < <(grep -v '^#' packages.txt)
done

installed=$(dpkg-query -W -f='${Package} ${db:Status-Abbrev}\n' 2>/dev/null | awk '$2 == "ii" {print $1}')
missing=()
for package in "${wanted[@]}"; do
  grep -qxF "$package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif command -v sudo >/dev/null; then
  as_root=(sudo)
else
  echo "install_packages.sh: these Debian packages are missing and neither root nor sudo is at hand: ${missing[*]}" >&2
  exit 3
fi
echo "installing Debian packages: ${missing[*]}" >&2
# RUNLEVEL=1 keeps invoke-rc.d from starting a service (nginx, prometheus) on the host it is installed on.
apt=("${as_root[@]}" env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
"${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1 && exit 0
"${apt[@]}" update >/dev/null
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
  cat "$log" >&2
  echo "install_packages.sh: apt-get could not install: ${missing[*]}" >&2
  exit 3
fi
