#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml deb6.1
# long: umldebug deb6.12
#
# UDP without and with replies and as a stream; ICMP and ICMPv6 questions and
# answers; errors, which belong to the flow that they quote, in both directions,
# and never make one; what neighbours tell each other, which leaves nothing.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need ping socat

no_flow_reason="ICMP error about no known flow"
a6=fd11:0000:0000:0000:0000:0000:0000:0001
b6=fd12:0000:0000:0000:0000:0000:0000:0001

udp() {
	local ab ba family name ip head a b
	for family in 4 6; do
		if [[ $family == 4 ]]; then
			ip=ip head=28 a=10.11.0.1 b=10.12.0.1
		else
			ip=ip6 head=48 a=$a6 b=$b6
		fi
		name="UDP, IPv$family"
		wire c "$ip src=$a dst=$b / udp sport=1000 dport=53"
		shows "$name: not replied" r 30 "$(udp_line \
			"$(ends $a $b 1000 53 1 $head)" "$(ends $b $a 53 1000)")"
		wire s "$ip src=$b dst=$a / udp sport=53 dport=1000 / data n=100"
		ab=$(ends $a $b 1000 53 1 $head)
		ba=$(ends $b $a 53 1000 1 $((head + 100)))
		shows "$name: replied, no stream yet" r 30 \
			"udp      17 T $ab $ba $end"
		sleep 2.5
		wire c "$ip src=$a dst=$b / udp sport=1000 dport=53"
		ab=$(ends $a $b 1000 53 2 $((2 * head)))
		shows "$name: two-way after 2 seconds: a stream" r 120 \
			"udp      17 T $ab $ba [ASSURED] $end"
		wire s "$ip src=$b dst=$a / udp sport=53 dport=1001"
		shows "$name: the other port is another flow" r 30 "$(udp_line \
			"$(ends $b $a 53 1001 1 $head)" "$(ends $a $b 1001 53)")"
	done
	# One way only, however long
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1002 dport=53"
	sleep 2.5
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1002 dport=53"
	shows "UDP: one way is never a stream" r 30 "$(udp_line \
		"$(ends 10.11.0.1 10.12.0.1 1002 53 2 56)" \
		"$(ends 10.12.0.1 10.11.0.1 53 1002)")"
	wire c "ip src=10.1.0.9 dst=255.255.255.255 / udp sport=17500 dport=17500"
	shows "UDP: to everybody" r 30 "$(udp_line \
		"$(ends 10.1.0.9 255.255.255.255 17500 17500 1 28)" \
		"$(ends 255.255.255.255 10.1.0.9 17500 17500)")"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1003 dport=53 ck=0"
	shows "UDP: without a checksum" r 30 "$(udp_line \
		"$(ends 10.11.0.1 10.12.0.1 1003 53 1 28)" \
		"$(ends 10.12.0.1 10.11.0.1 53 1003)")"
}

# query NAME QUESTION ANSWER: types, IPv4
query() {
	local ab="src=10.11.0.1 dst=10.12.0.1 type=$2 code=0 id=77"
	local ba="src=10.12.0.1 dst=10.11.0.1 type=$3 code=0 id=77" before
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / icmp type=$2 id=77 / data n=12"
	shows "ICMP $1: asked" r 30 "icmp     1 T $ab packets=1 bytes=40 [UNREPLIED] $ba packets=0 bytes=0 $end"
	wire s "ip src=10.12.0.1 dst=10.11.0.1 / icmp type=$3 id=77 / data n=12"
	shows "ICMP $1: answered" r 30 "icmp     1 T $ab packets=1 bytes=40 $ba packets=1 bytes=40 $end"
	before=$(reason r "ICMP answer without a question")
	wire s "ip src=10.12.0.1 dst=10.11.0.1 / icmp type=$3 id=78"
	wait_is "ICMP $1: an answer that nobody asked for" $((before + 1)) \
		reason r "ICMP answer without a question"
	no_flow "ICMP $1: makes no flow" r id=78
}

# query6 NAME QUESTION ANSWER
query6() {
	local ab="src=$a6 dst=$b6 type=$2 code=0 id=77"
	local ba="src=$b6 dst=$a6 type=$3 code=0 id=77"
	wire c "ip6 src=$a6 dst=$b6 / icmp6 type=$2 id=77"
	shows "ICMPv6 $1: asked" r 30 "icmpv6   58 T $ab packets=1 bytes=48 [UNREPLIED] $ba packets=0 bytes=0 $end"
	wire s "ip6 src=$b6 dst=$a6 / icmp6 type=$3 id=77"
	shows "ICMPv6 $1: answered" r 30 "icmpv6   58 T $ab packets=1 bytes=48 $ba packets=1 bytes=48 $end"
}

both_ask() {
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / icmp type=8 id=500"
	wire s "ip src=10.12.0.1 dst=10.11.0.1 / icmp type=8 id=500"
	wait_is "two hosts that ask each other under one number: two flows" 2 \
		lines r "type=8 code=0 id=500 packets=1 bytes=28 [UNREPLIED]"
}

real_ping() {
	on c ping -q -c 3 -i 0.2 -W 5 10.2.0.2 > /dev/null
	like "ping" "type=8 code=0 id=[0-9]+ packets=3 bytes=252 src=10.2.0.2 dst=10.1.0.2 type=0 code=0 id=[0-9]+ packets=3 bytes=252 mark" \
		"$(flow r src=10.1.0.2 | grep ^icmp)"
	on c ping -q -c 3 -i 0.2 -W 5 fd02::2 > /dev/null
	like "ping, IPv6" "type=128 code=0 id=[0-9]+ packets=3 bytes=312 src=.*type=129 code=0 id=[0-9]+ packets=3 bytes=312 mark" \
		"$(flow r src=fd01 | grep ^icmpv6)"
}

# error NAME TYPE CODE REST
error() {
	local before new got
	before=$(reason r "$no_flow_reason")
	new=$(column r new)
	# About the question, to who asked; about the answer, to who answered
	wire s "ip src=10.2.0.2 dst=10.11.0.1 / icmp type=$2 code=$3 rest=$4 / ip src=10.11.0.1 dst=10.12.0.1 / udp sport=2000 dport=53"
	wire c "ip src=10.1.0.2 dst=10.12.0.1 / icmp type=$2 code=$3 rest=$4 / ip src=10.12.0.1 dst=10.11.0.1 / udp sport=53 dport=2000"
	# From the middle of TCP: only eight bytes
	wire s "ip src=10.2.0.2 dst=10.11.0.1 / icmp type=$2 code=$3 rest=$4 / ip src=10.11.0.1 dst=10.12.0.1 cut=28 / tcp sport=2001 dport=80 seq=1001"
	wire s "ip src=10.2.0.2 dst=10.11.0.1 / icmp type=$2 code=$3 rest=$4 / ip src=10.11.0.1 dst=10.12.0.1 / icmp type=8 id=2002"
	# And one about nothing, which also says that the others are through
	wire s "ip src=10.2.0.2 dst=10.11.0.1 / icmp type=$2 code=$3 rest=$4 / ip src=10.11.0.1 dst=10.12.0.9 / udp sport=2000 dport=53"
	wait_is "$1: belongs to the flow that it quotes" $((before + 1)) \
		reason r "$no_flow_reason"
	is "$1: makes none" "$new" "$(column r new)"
	got=$(flow r "sport=2000 dport=53 packets=1 bytes=28 [UNREPLIED]" | wc -l)
	is "$1: changes nothing of it" 1 "$got"
}

# error6 NAME TYPE
error6() {
	local before new
	before=$(reason r "$no_flow_reason")
	new=$(column r new)
	wire s "ip6 src=fd02::2 dst=$a6 / icmp6 type=$2 rest=00000500 / ip6 src=$a6 dst=$b6 / udp sport=2000 dport=53"
	wire c "ip6 src=fd01::2 dst=$b6 / icmp6 type=$2 rest=00000500 / ip6 src=$b6 dst=$a6 / udp sport=53 dport=2000"
	wire s "ip6 src=fd02::2 dst=$a6 / icmp6 type=$2 rest=00000500 / ip6 src=$a6 dst=$b6 / icmp6 type=128 id=2002"
	wire s "ip6 src=fd02::2 dst=$a6 / icmp6 type=$2 rest=00000500 / ip6 src=$a6 dst=$b6 / udp sport=1 dport=1"
	wait_is "$1: belongs to the flow that it quotes" $((before + 1)) \
		reason r "$no_flow_reason"
	is "$1: makes none" "$new" "$(column r new)"
}

# keep SECONDS: how long the flows live that errors quote
keep() {
	local name
	for name in udp icmp icmpv6; do knob r ${name}_timeout "$1"; done
}

errors() {
	local before wrong_before kind
	keep 600
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=2000 dport=53"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=2001 dport=80 seq=1000"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / icmp type=8 id=2002"
	wire c "ip6 src=$a6 dst=$b6 / udp sport=2000 dport=53"
	wire c "ip6 src=$a6 dst=$b6 / icmp6 type=128 id=2002"
	wait_for 10 flow r id=2002
	error "ICMP port unreachable" 3 3 00000000
	error "ICMP fragmentation needed" 3 4 00000578
	error "ICMP time exceeded" 11 0 00000000
	error "ICMP parameter problem" 12 0 00000000
	error "ICMP source quench" 4 0 00000000
	error6 "ICMPv6 unreachable" 1
	error6 "ICMPv6 packet too big" 2
	error6 "ICMPv6 time exceeded" 3
	error6 "ICMPv6 parameter problem" 4

	before=$(reason r "unknown ICMP type")
	for kind in 0 5 100 127; do
		wire s "ip6 src=fd02::2 dst=$a6 / icmp6 type=$kind rest=00000500 / ip6 src=$a6 dst=$b6 / udp sport=2000 dport=53"
	done
	wait_is "ICMPv6 errors that nobody has defined are invalid" \
		$((before + 4)) reason r "unknown ICMP type"

	before=$(reason r "ICMP error not sent to the quoted source")
	wrong_before=$(column r icmp_error)
	wire s "ip src=10.2.0.2 dst=10.11.0.7 / icmp type=3 code=3 rest=00000000 / ip src=10.11.0.1 dst=10.12.0.1 / udp sport=2000 dport=53"
	wait_is "an error for somebody else" $((before + 1)) \
		reason r "ICMP error not sent to the quoted source"
	is "is in the statistics" $((wrong_before + 1)) "$(column r icmp_error)"
	no_flow "and made no flow" r 10.11.0.7
	for kind in 3 4 5 11 12; do
		no_flow "no flow of type $kind" r "type=$kind "
	done
	keep 30
}

# The hosts' own errors, as they come
real_errors() {
	local before
	before=$(reason r "$no_flow_reason")
	echo x | on c socat -t 1 - UDP:10.2.0.2:999,sourceport=2100 2> /dev/null
	shows "a port nobody listens on: not replied" r 30 "$(udp_line \
		"$(ends 10.1.0.2 10.2.0.2 2100 999 1 30)" \
		"$(ends 10.2.0.2 10.1.0.2 999 2100)")"
	on c ping -q -c 1 -t 1 -W 1 10.2.0.2 > /dev/null
	on c ping -q -c 1 -t 1 -W 1 fd02::2 > /dev/null
	echo x | on c socat -t 1 - 'UDP:[fd02::2]:999,sourceport=2101' 2> /dev/null
	is "errors of the hosts belong somewhere" "$before" \
		"$(reason r "$no_flow_reason")"
	is "and are no flows" 0 "$(lines r type=3)"
}

# Hosts that know each other ask no more: each such packet is counted below.
no_probes() {
	local place
	for place in c:c0 r:r0 r:r1 s:s0; do
		on "${place%:*}" sysctl -qw \
			"net.ipv6.neigh.${place#*:}.delay_first_probe_time=3600"
	done
}

neighbours() {
	local before kind new
	before=$(reason r "not to be tracked")
	new=$(column r new)
	for kind in 133 134 135 136 130 131 132 141 142 143 148 149 151; do
		wire c "ip6 src=fe80::9 dst=ff02::1 hop=255 / icmp6 type=$kind / data n=16"
	done
	wait_is "neighbour discovery and its kin are left alone" \
		$((before + 13)) reason r "not to be tracked"
	wire c "ip6 src=fe80::9 dst=ff02::1 hop=255 / icmp6 type=137 / data n=32"
	wait_is "a redirect that quotes nothing is talk of the link as well" \
		$((before + 14)) reason r "not to be tracked"
	before=$(reason r "ICMP error with a malformed quote")
	wire c "ip6 src=fe80::9 dst=ff02::1 hop=255 / icmp6 type=137 / data n=40"
	wait_is "a redirect whose options cannot be" $((before + 1)) \
		reason r "ICMP error with a malformed quote"
	ip -n r -6 neigh flush dev r0
	ip -n c -6 neigh flush dev c0
	on c ping -q -c 1 -W 10 fd01::1 > /dev/null
	is "the real one leaves its ping only" $((new + 1)) "$(column r new)"
	is "no flow of a link" 0 "$(lines r ff02)"
	before=$(reason r "unknown ICMP type")
	wire c "ip6 src=$a6 dst=$b6 / icmp6 type=200"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / icmp type=40"
	wait_is "unknown types" $((before + 2)) reason r "unknown ICMP type"
}

net_up
no_probes
load
wire_up
udp
query echo 8 0
query timestamp 13 14
query information 15 16
query "address mask" 17 18
query6 echo 128 129
query6 "node information" 139 140
both_ask
real_ping
errors
real_errors
neighbours
agrees "lines, count and column 1 agree" r
finish
