#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: umldebug
# time-travel: yes
#
# Timeouts with their real defaults, in a guest whose clock skips idle time: each
# state of TCP, UDP, ICMP, SCTP, GRE and the rest lives for as long as it should
# and is gone within 2 seconds; an established connection is there after hours
# with the right time left.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

[[ ${CT_TIME_TRAVEL:-} || ${CT_PATIENCE:-} ]] ||
	skip_all "takes hours where the clock does not skip idle time"

port=5000

now() { cut -d' ' -f1 /proc/uptime | tr -d .; }	# in hundredths

from_a() { wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=$port dport=80 $*"; }
from_b() { wire s "ip src=10.12.0.1 dst=10.11.0.1 / tcp sport=80 dport=$port $*"; }

# lives NAME SECONDS TEXT: the flow with TEXT, whose last packet was just now, is
# there until shortly before its time, and gone within 2 seconds of it.
lives() {
	local start left
	start=$(now)
	if ! wait_for 5 flow r "$3"; then
		fail "$1" "no flow with $3"
		return
	fi
	sleep $(($2 - 2))
	if ! flow r "$3" > /dev/null; then
		fail "$1 lives for $2 s" "it is gone after" \
			"$(($(now) - start)) hundredths of a second"
		return
	fi
	left=$(flow r "$3" | sed 's/^.........[0-9]* \([0-9]*\).*/\1/')
	sleep $((2 + 2))
	if flow r "$3"; then
		fail "$1 is gone after $2 s" "still there after" \
			"$(($(now) - start)) hundredths of a second"
	elif ((left > 2)); then
		fail "$1: time left" "$left s, 2 s before its end"
	else
		pass "$1 lives for $2 s, no more than 2 s longer"
	fi
}

open() {
	port=$((port + 1))
	from_a flags=S seq=1000
	from_b flags=SA seq=5000 ack=1001
	from_a flags=A seq=1001 ack=5001
}

tcp() {
	port=$((port + 1))
	from_a flags=S seq=1000
	lives "TCP SYN_SENT" 120 "SYN_SENT src=10.11.0.1 dst=10.12.0.1 sport=$port "
	port=$((port + 1))
	from_a flags=S seq=1000
	from_b flags=SA seq=5000 ack=1001
	lives "TCP SYN_RECV" 60 "SYN_RECV src=10.11.0.1 dst=10.12.0.1 sport=$port "
	open
	from_a flags=FA seq=1001 ack=5001
	lives "TCP FIN_WAIT" 120 "FIN_WAIT src=10.11.0.1 dst=10.12.0.1 sport=$port "
	open
	from_a flags=FA seq=1001 ack=5001
	from_b flags=A seq=5001 ack=1002
	lives "TCP CLOSE_WAIT" 60 "CLOSE_WAIT src=10.11.0.1 dst=10.12.0.1 sport=$port "
	from_b flags=FA seq=5001 ack=1002
	open
	from_a flags=FA seq=1001 ack=5001
	from_b flags=A seq=5001 ack=1002
	from_b flags=FA seq=5001 ack=1002
	lives "TCP LAST_ACK" 30 "LAST_ACK src=10.11.0.1 dst=10.12.0.1 sport=$port "
	open
	from_a flags=FA seq=1001 ack=5001
	from_b flags=A seq=5001 ack=1002
	from_b flags=FA seq=5001 ack=1002
	from_a flags=A seq=1002 ack=5002
	lives "TCP TIME_WAIT" 120 "TIME_WAIT src=10.11.0.1 dst=10.12.0.1 sport=$port "
	open
	from_a flags=RA seq=1001 ack=5001
	lives "TCP CLOSE" 10 "CLOSE src=10.11.0.1 dst=10.12.0.1 sport=$port "
	open
	from_a flags=PA seq=1001 ack=5001 / data n=10
	lives "TCP, data not acknowledged" 300 "sport=$port dport=80"
	open
	from_b flags=A seq=5001 ack=1001 win=0
	lives "TCP, closed window" 300 "sport=$port dport=80"
	port=$((port + 1))
	from_a flags=A seq=1001 ack=5001
	lives "TCP, picked up and not answered" 300 "sport=$port dport=80"
}

others() {
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1 dport=53"
	lives "UDP" 30 "udp      17"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1 dport=53"
	wire s "ip src=10.12.0.1 dst=10.11.0.1 / udp sport=53 dport=1"
	sleep 3
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1 dport=53"
	lives "UDP, a stream" 120 "udp      17"
	knob r udp_timeout_answered 5
	wire c "repeat=2 ip src=10.11.0.1 dst=10.12.0.1 / udp sport=2 dport=53"
	wire s "ip src=10.12.0.1 dst=10.11.0.1 / udp sport=53 dport=2"
	lives "UDP, one of two questions answered" 30 "udp      17"
	wire c "repeat=2 ip src=10.11.0.1 dst=10.12.0.1 / udp sport=3 dport=53"
	wire s "repeat=2 ip src=10.12.0.1 dst=10.11.0.1 / udp sport=53 dport=3"
	lives "UDP, both answered" 5 "udp      17"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=4 dport=53"
	wire s "ip src=10.12.0.1 dst=10.11.0.1 / udp sport=53 dport=4"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=4 dport=53"
	lives "UDP, asked again" 30 "udp      17"
	knob r udp_timeout_answered 0
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / icmp id=9"
	lives "ICMP" 30 "icmp     1"
	wire c "ip6 src=fd11::1 dst=fd12::1 / icmp6 id=9"
	lives "ICMPv6" 30 "icmpv6   58"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 proto=99 / data n=10"
	lives "another protocol" 600 "unknown  99"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / gre / data n=10"
	lives "GRE" 30 "gre      47"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / gre / data n=10"
	wire s "ip src=10.12.0.1 dst=10.11.0.1 / gre / data n=10"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / gre / data n=10"
	lives "GRE, a stream" 180 "gre      47"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / sctp sport=1 dport=2 vtag=0 / chunk type=1 hex=1111111100010000000100010000000a"
	lives "SCTP CLOSED" 10 "sctp     132"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / sctp sport=1 dport=2 vtag=7 / chunk type=4 hex=00010008aabbccdd"
	lives "SCTP HEARTBEAT_SENT" 30 "sctp     132"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / sctp sport=1 dport=2 vtag=7 / chunk type=4 hex=00010008aabbccdd"
	wire s "ip src=10.12.0.1 dst=10.11.0.1 / sctp sport=2 dport=1 vtag=8 / chunk type=5 hex=00010008aabbccdd"
	lives "SCTP ESTABLISHED" 210 "sctp     132"
}

# kept NAME SECONDS: the open connection is there, with that left; a few seconds
# less are all right.
kept() {
	local left
	left=$(flow r "ESTABLISHED src=10.11.0.1 dst=10.12.0.1 sport=$port " |
		sed 's/^tcp      6 \([0-9]*\) .*/\1/')
	if [[ $left ]] && ((left <= $2 && left > $2 - 20)); then
		pass "$1"
	else
		fail "$1" "expected: $2 s left, or a little less" "got: $left"
	fi
}

established() {
	local hour
	open
	wait_for 5 flow r "sport=$port dport=80"
	kept "ESTABLISHED: 5 days" 432000
	for hour in 1 2; do
		sleep 3600
		kept "ESTABLISHED: after $hour h" $((432000 - hour * 3600))
	done
	from_a flags=A seq=1001 ack=5001
	sleep 1
	kept "ESTABLISHED: a packet, and it begins anew" 432000
	# The knob is for packets that come; what is set is set.
	knob r tcp_timeout_established 5400
	sleep 600
	kept "ESTABLISHED: another timeout, not for what is set" $((432000 - 600))
	from_a flags=A seq=1001 ack=5001
	lives "ESTABLISHED: for what comes" 5400 "sport=$port dport=80"
	knob r tcp_timeout_established 432000
}

# Many at once, spread over all buckets: all gone within 2 seconds.
all_at_once() {
	wire c "repeat=2000 ip src=10.11.0.1++ dst=10.12.0.1 / udp sport=7 dport=9"
	wait_is "2000 flows" 2000 lines r dport=9
	sleep 26
	is "all there shortly before their time" 2000 "$(lines r dport=9)"
	sleep 7
	is "all gone within 2 seconds of it" "0 0 0" \
		"$(lines r) $(knob r count) $(column r entries)"
}

net_up
load
wire_up
tcp
others
established
unload
load
all_at_once
finish
