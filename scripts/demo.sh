#!/usr/bin/env bash
# Runs tlsmeter on a cgroup of its own with sample traffic in it, so that every kind of line is seen within a minute.
#   scripts/demo.sh PATH_TO_TLSMETER [ARG...]     further arguments go to `tlsmeter serve`
# DEMO_SECONDS (60) says how long; Ctrl-C ends it sooner. Nothing but the demo's own programs is watched, all of them stay on
# loopback, and everything is removed at the end.
set -euo pipefail

if [ $# -lt 1 ]; then
  echo "usage: demo.sh PATH_TO_TLSMETER [ARG...]" >&2
  exit 2
fi
tlsmeter=$1
shift
traffic=$(dirname "$(readlink -f "$0")")/demo_traffic.py
seconds=${DEMO_SECONDS:-60}

if [ "$(id -u)" -ne 0 ]; then
  echo "demo.sh: needs root to load BPF programs and to make a cgroup; try: sudo $0 $tlsmeter" >&2
  exit 3
fi
if [ ! -x "$tlsmeter" ]; then
  echo "demo.sh: $tlsmeter is not an executable; scripts/run.sh demo builds it first" >&2
  exit 2
fi
PATH=$PATH:/usr/sbin:/sbin
for program in openssl curl nginx python3; do
  if ! command -v "$program" >/dev/null; then
    echo "demo.sh: needs the program $program; scripts/install_packages.sh demo installs it" >&2
    exit 3
  fi
done
# cgroup v2 is not mounted at the usual place in a hybrid tree.
mount=$(awk '{for (i = 6; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") {print $5; exit}}' /proc/self/mountinfo)
if [ -z "$mount" ]; then
  echo "demo.sh: needs a mounted cgroup v2" >&2
  exit 3
fi

listen=127.0.0.1:9743
own_listen=(--listen "$listen")
arguments=("$@")
for ((i = 0; i < ${#arguments[@]}; i++)); do
  case ${arguments[i]} in
    --listen) listen=${arguments[i + 1]:-} own_listen=() ;;
    --listen=*) listen=${arguments[i]#--listen=} own_listen=() ;;
  esac
done

case $listen in
  :*) url=http://127.0.0.1$listen ;;
  *) url=http://$listen ;;
esac

cgroup=$mount/tlsmeter-demo-$$
folder=
meter=
sender=

clean_up() {
  trap - EXIT INT TERM
  if [ -n "$sender" ]; then
    kill "$sender" 2>/dev/null || true
    wait "$sender" 2>/dev/null || true
  fi
  if [ -n "$meter" ]; then
    kill -INT "$meter" 2>/dev/null || true
    wait "$meter" 2>/dev/null || true
  fi
  if [ -d "$cgroup" ]; then
    if [ -e "$cgroup/cgroup.kill" ]; then echo 1 >"$cgroup/cgroup.kill"; fi
    for _ in $(seq 100); do
      rmdir "$cgroup" 2>/dev/null && break
      sleep 0.05
    done
  fi
  [ -z "$folder" ] || rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 0' INT TERM  # Ctrl-C is the ordinary way to end it

folder=$(mktemp -d -t tlsmeter-demo-XXXXXX)
mkdir "$cgroup"

"$tlsmeter" serve "${own_listen[@]}" --trace --cgroup "$cgroup" "$@" &
meter=$!
until curl -sf -o /dev/null "$url/readyz"; do
  if ! kill -0 "$meter" 2>/dev/null; then
    code=0
    wait "$meter" || code=$?
    meter=
    exit "$code"
  fi
  sleep 0.1
done

# The script moves itself into the cgroup; all that it starts is born there.
python3 "$traffic" --cgroup "$cgroup" --folder "$folder" --seconds "$seconds" &
sender=$!
code=0
wait "$sender" || code=$?
sender=
if [ "$code" -ne 0 ]; then
  echo "demo.sh: the sample traffic ended with $code" >&2
  exit "$code"
fi

echo "# a few series of $url/metrics" >&2
sleep 0.5
families='handshakes|handshake_failures|resumptions|connections_without_handshake'
curl -sS "$url/metrics" | awk -v names="^tlsmeter_($families)_total" '$1 ~ names && !/role="server"/ && $NF > 0' >&2
