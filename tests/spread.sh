#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml
# long: umldebug deb6.1 deb6.12
# timeout: 300
#
# Rules that spread connections: the match cluster and the target HMARK. What they
# make of a connection is worked out anew (spread.py), so that machines with another
# tracker would agree; compare-options.sh holds them against the kernel's own where
# there are any. 10 seconds in User-mode Linux.

# shellcheck disable=SC2119,SC2154,SC2317
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need iptables ip6tables python3

reckoned() { "$python" "$here/spread.py" "$@"; }

# hits TOOL TABLE COMMENT: packets that the rule with that comment has met
hits() {
	on r "$1" -t "$2" -L FORWARD -v -x -n |
		awk -v what="/* $3 */" 'index($0, what) { print $1 }'
}

# talk IP CLIENT SERVER PORT: a question and an answer
talk() {
	wire c "$1 src=$2 dst=$3 / udp sport=9 dport=$4"
	wire s "$1 src=$3 dst=$2 / udp sport=$4 dport=9"
	wait_for 10 flow r "dport=$4 "
}

# cluster TOOL IP CLIENT SERVER
cluster() {
	local who mask node
	node=$(reckoned node "$3" 0x5eed 4)
	for who in mine others; do
		mask=$((1 << (node - 1)))
		[[ $who == mine ]] || mask=$((15 - mask))
		on r "$1" -A FORWARD -p udp -m cluster --cluster-total-nodes 4 \
			--cluster-local-nodemask "$mask" --cluster-hash-seed 0x5eed \
			-m comment --comment "$who" ||
			fail "$1: a rule with cluster"
	done
	talk "$2" "$3" "$4" 8000
	wait_is "$1: both directions are of the node of who began" 2 \
		hits "$1" filter mine
	is "$1: and of no other" 0 "$(hits "$1" filter others)"
	check_not "$1: a node beyond the last is refused" on r "$1" -A FORWARD \
		-m cluster --cluster-total-nodes 2 --cluster-local-nodemask 4 \
		--cluster-hash-seed 1
	on r "$1" -F FORWARD
}

# hmark TOOL IP CLIENT SERVER
hmark() {
	local how port=8100 want mark
	local args=(--hmark-rnd 7 --hmark-mod 1000 --hmark-offset 5000)
	for how in "ct," ""; do
		port=$((port + 1))
		for way in sport dport; do
			on r "$1" -t mangle -A FORWARD -p udp "--$way" "$port" -j HMARK \
				--hmark-tuple "${how}src,dst,sport,dport,proto" "${args[@]}" ||
				fail "$1: a rule with HMARK"
		done
		on r "$1" -t mangle -A FORWARD -p udp --dport "$port" \
			-j CONNMARK --save-mark
		want=$(reckoned mark "$3" "$4" 9 "$port" 17 7 1000 5000)
		on r "$1" -t mangle -A FORWARD -p udp --sport "$port" \
			-m mark --mark "$want" -m comment --comment "back"
		talk "$2" "$3" "$4" "$port"
		mark=$(flow r "dport=$port " | sed 's/.* mark=\([0-9]*\).*/\1/')
		is "$1: HMARK ${how:-of the packet}: the mark" "$want" "$mark"
		wait_is "$1: HMARK ${how:-of the packet}: the same for the answer" 1 \
			hits "$1" mangle back
		on r "$1" -t mangle -F FORWARD
	done
	check_not "$1: HMARK modulo nothing is refused" on r "$1" -t mangle \
		-A FORWARD -j HMARK --hmark-src-prefix 8 --hmark-rnd 1 --hmark-mod 0
}

load
net_up
wire_up
for each in cluster hmark; do
	$each iptables ip 10.11.0.1 10.12.0.1
	flush_flows r
	$each ip6tables ip6 fd11::1 fd12::1
	flush_flows r
done
check_not "nf_conntrack stays out" test -d /sys/module/nf_conntrack
wire_down
net_down
check "rmmod" unload
finish
