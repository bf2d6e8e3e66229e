#!/bin/sh
# The first process of the virtual machine: starts tlsmeter, makes one connection, says on the console what it saw.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
cgroup=/sys/fs/cgroup/test
mkdir $cgroup

tlsmeter check -o json --cgroup $cgroup | sed 's/^/CHECK /'
# The library sensor is started too: its programs are then verified, whatever of it can be attached.
tlsmeter trace -o json -N 2 -d 60s --library --cgroup $cgroup >/records 2>/messages &
trace=$!
until grep -q 'tlsmeter: ready' /messages || ! kill -0 $trace; do sleep 0.1; done
echo $$ >$cgroup/cgroup.procs
openssl s_server -quiet -accept 127.0.0.1:4433 -cert /leaf.pem -key /leaf.key >/dev/null 2>&1 &
server=$!
until openssl s_client -connect 127.0.0.1:4433 </dev/null >/dev/null 2>&1; do sleep 0.1; done
wait $trace
echo "TRACE $?"
kill $server
sed 's/^/RECORD /' /records
sed 's/^/MESSAGE /' /messages
echo END
poweroff -f
