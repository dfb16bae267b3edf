#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml deb6.1
# long: umldebug deb6.12
#
# What only IPv6 has: link-local addresses, of which each link has its own, and
# checksums that are over addresses which are not in the IP header.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need ping socat conntrack
need_module

host=fe80:0000:0000:0000:0000:0000:0000:0002
router=fe80:0000:0000:0000:0000:0000:0000:0001
a6=fd11:0000:0000:0000:0000:0000:0000:0001
b6=fd12:0000:0000:0000:0000:0000:0000:0001

# Both ports of the router are fe80::1, and both neighbours fe80::2.
links_up() {
	local dev
	for dev in r0 r1; do
		ip -n r addr add fe80::1/64 dev $dev nodad
		ip -n r neigh replace fe80::2 dev $dev \
			lladdr "02:00:00:00:0$((${dev#r} + 1)):02"
	done
	ip -n c addr add fe80::2/64 dev c0 nodad
	ip -n s addr add fe80::2/64 dev s0 nodad
}

# flows N PORT: how many flows say so of packets from that port to port 53
flows_of() { lines r "src=$host dst=$router sport=$2 dport=53 packets=$1 "; }

other_link() {
	wire c "ip6 src=fe80::2 dst=fe80::1 / udp sport=1000 dport=53"
	wait_is "link-local: a flow, its addresses as they are" 1 flows_of 1 1000
	wire s "ip6 src=fe80::2 dst=fe80::1 / udp sport=1000 dport=53"
	wait_is "link-local: another link's is a flow of its own" 2 \
		flows_of 1 1000
	wire c "ip6 src=fe80::2 dst=fe80::1 / udp sport=1000 dport=53"
	wait_is "link-local: and stays so" 1 flows_of 2 1000
	is "link-local: whoever sends on" 1 "$(flows_of 1 1000)"
}

other_answers() {
	local question="src=$router dst=$host sport=1001 dport=53 packets=1 "
	echo x | on r socat -t 0 - \
		'UDP6:[fe80::2%r0]:53,bind=[fe80::1%r0]:1001' 2> /dev/null
	wait_is "link-local: a question" 1 lines r "$question"
	wire s "ip6 src=fe80::2 dst=fe80::1 / udp sport=53 dport=1001"
	wait_is "link-local: what another link says is no answer" 1 \
		lines r "src=$host dst=$router sport=53 dport=1001 packets=1 bytes=48 [UNREPLIED]"
	is "link-local: the question has none" 1 \
		"$(flow r "$question" | grep -c UNREPLIED)"
	wire c "ip6 src=fe80::2 dst=fe80::1 / udp sport=53 dport=1001"
	wait_is "link-local: who was asked answers" 0 \
		unanswered "$question"
}

unanswered() { flow r "$1" | grep -c UNREPLIED; }

# The key of a flow has the number of its interface in the address.
written_index() {
	local n
	n=$(printf %x "$(ip -n r -o link show r0 | cut -d: -f1)")
	wire s "ip6 src=fe80:0:0:$n::2 dst=fe80:0:0:$n::1 / udp sport=1000 dport=53"
	wire s "ip6 src=fe80::2 dst=fe80::1 / udp sport=1002 dport=53"
	wait_is "link-local: packets have gone by" 1 flows_of 1 1002
	is "link-local: no one can write another link into his address" 1 \
		"$(flows_of 2 1000)"
}

deleted() {
	local n
	for n in 1 2; do
		check "link-local: deleted by its numbers, $n" on r conntrack \
			-D -f ipv6 -p udp -s fe80::2 -d fe80::1 --sport 1002 --dport 53
		is "link-local: gone" 0 "$(flows_of 1 1002)"
		wire s "ip6 src=fe80::2 dst=fe80::1 / udp sport=1002 dport=53"
		wait_is "link-local: another" 1 flows_of 1 1002
	done
}

pings() {
	local dev what
	for dev in r0 r1; do
		on r ping -6 -q -c 2 -i 0.2 -W 5 "fe80::1%$dev" > /dev/null
	done
	what="src=$router dst=$router type=128 code=0"
	is "link-local: to itself, by two links: answered" 2 \
		"$(flow r "$what" | grep -c "packets=2 .*packets=2 ")"
	on c ping -6 -q -c 3 -i 0.2 -W 5 'fe80::1%c0' > /dev/null
	on s ping -6 -q -c 3 -i 0.2 -W 5 'fe80::1%s0' > /dev/null
	what="src=$host dst=$router type=128 code=0"
	is "link-local: pings of two links: answered" 2 \
		"$(flow r "$what" | grep -c "packets=3 .*packets=3 ")"
}

tcp() {
	bg @r socat 'TCP6-LISTEN:80,fork,reuseaddr' EXEC:cat
	wait_for 10 listens r 80
	echo x | on c socat -t 5 - 'TCP6:[fe80::1%c0]:80' > "$work/answer"
	is "link-local: a connection" x "$(cat "$work/answer")"
	wait_is "link-local: assured" 1 assured "src=$host dst=$router"
	echo x | on r socat -t 5 - 'TCP6:[fe80::1%r1]:80' > "$work/answer"
	is "link-local: a connection to itself" x "$(cat "$work/answer")"
	wait_is "link-local: assured as well" 1 assured \
		"src=$router dst=$router"
	bg_end "$bg_pid"
}

assured() { flow r "$1" | grep -c "^tcp.*ASSURED"; }

# A VRF hands on what comes in by its ports as if it had come in by itself.
vrf() {
	ip -n r link add v0 type vrf table 77 2> /dev/null || {
		skip "link-local: in a VRF" "no VRF here"
		return
	}
	ip -n r link set v0 up
	ip -n r link set r0 master v0
	ip -n r addr replace fe80::1/64 dev r0 nodad
	ip -n r neigh replace fe80::2 dev r0 lladdr 02:00:00:00:01:02
	on r conntrack -F 2> /dev/null
	on c ping -6 -q -c 3 -i 0.2 -W 5 'fe80::1%c0' > /dev/null
	is "link-local: in a VRF: one flow, answered" 1 \
		"$(flow r "src=$host dst=$router type=128" |
			grep -c "packets=3 .*packets=3 ")"
	on r ping -6 -q -c 2 -i 0.2 -W 5 'fe80::2%r0' > /dev/null
	is "link-local: from a VRF: one flow, answered" 1 \
		"$(flow r "src=$router dst=$host type=128" |
			grep -c "packets=2 .*packets=2 ")"
	ip -n r link set r0 nomaster
	ip -n r link del v0
}

# way NAME PORT FIELDS HEX: fields of the IP header; an extension header
way() {
	local before
	wire c "ip6 src=$a6 dst=$b6 $3 / ext nh=17 hex=$4 / udp sport=$2 dport=53"
	shows "$1: its checksum is of the ends" r 30 "$(udp_line \
		"$(ends $a6 $b6 "$2" 53 1 72)" "$(ends $b6 $a6 53 "$2")")"
	before=$(reason r "wrong checksum")
	wire c "ip6 src=$a6 dst=$b6 nh=${3#*nh=} / ext nh=17 hex=$4 / udp sport=$2 dport=54"
	wait_is "$1: of the header's addresses it is wrong" \
		$((before + 1)) reason r "wrong checksum"
}

ways() {
	local there=fd150000000000000000000000000009
	way "segment routing" 1010 "final=fd15::9 nh=43" "040100000000$there"
	way "home address in a routing header" 1011 "final=fd15::9 nh=43" \
		"020100000000$there"
	way "home address of a mobile node" 1012 "home=fd15::9 nh=60" \
		"01020000c910$there"
}

net_up
links_up
load
modprobe ip_conntrack_netlink || fail "modprobe ip_conntrack_netlink"
wire_up
other_link
other_answers
written_index
deleted
pings
tcp
ways
vrf
agrees "lines, count and column 1 agree" r
finish
