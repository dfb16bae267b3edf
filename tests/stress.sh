#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml umldebug
# long: kcsan
# timeout: 300
#
# Everything at once for a while: first packets, replies, resets, expiry, a full
# table, dumps, resizing and namespaces that come and go, on all processors, with
# memories of packets lost by chance. Then all must be sound.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need socat ping

net_up
load hashsize=2048 max=3000
echo_up
wire_up

# Long-lived, assured: none of them may be lost.
knob r tcp_timeout_established 86400
wire c "repeat=50 ip src=10.11.200.1 dst=10.12.0.1 / tcp sport=1++ dport=80 seq=1000"
wire s "repeat=50 ip src=10.12.0.1 dst=10.11.200.1 / tcp sport=80 dport=1++ flags=SA seq=5000 ack=1001"
wire c "repeat=50 ip src=10.11.200.1 dst=10.12.0.1 / tcp sport=1++ dport=80 flags=A seq=1001 ack=5001"
wait_is "50 assured connections" 50 \
	lines r "dst=10.11.200.1"

knob r udp_timeout 2
knob r icmp_timeout 1
knob r tcp_timeout_syn_sent 1
param forget 50
noise_up packets packets readers resizing
while_noise "ip netns add x; ip -n x link set lo up
	nsenter --net=/run/netns/x ping -q -c 2 -i 0.01 127.0.0.1
	ip netns delete x"
# Two that send the same first packets
for _ in 1 2; do
	while_noise "echo 'c repeat=200 ip src=10.11.64.1++ dst=10.12.0.7 / udp sport=1 dport=1' |
		$python $here/wire.py c:c0:02:00:00:00:01:01"
done
sleep 15
noise_down
param forget 0

is "all assured connections are still there" 50 \
	"$(lines r "dst=10.11.200.1")"
at_least "a good many flows came" "$(pace 1000)" "$(column r new)"
at_least "and went" "$(pace 500)" "$(column r delete)"
wait_for 60 agree r
agrees "lines, count and column 1 agree" r
is "every flow that came was inserted" "$(column r new)" "$(column r insert)"
wait_is "and is there or was deleted" 0 balance r
check "rmmod" unload
check_not "no slab is left" grep -q '^ip_conntrack' /proc/slabinfo
finish
