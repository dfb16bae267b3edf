#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml
# long: umldebug deb6.1 deb6.12
#
# The rarer protocols: SCTP from INIT to SHUTDOWN COMPLETE with its tags, GRE
# with and without calls, and everything else by its addresses.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

a6=fd11:0000:0000:0000:0000:0000:0000:0001
b6=fd12:0000:0000:0000:0000:0000:0000:0001
port=3000

# Chunks; the client's tag is 0x11111111, the server's 0x22222222
init="chunk type=1 hex=1111111100010000000100010000000a"
init_ack="chunk type=2 hex=2222222200010000000100010000000b"
echo="chunk type=10 hex=aabbccdd"
to_s="vtag=0x22222222" to_c="vtag=0x11111111"

from_a() { wire c "ip src=10.11.0.1 dst=10.12.0.1 / sctp sport=$port dport=80 $*"; }
from_b() { wire s "ip src=10.12.0.1 dst=10.11.0.1 / sctp sport=80 dport=$port $*"; }

# sctp NAME SECONDS STATE PACKETS-A BYTES-A PACKETS-B BYTES-B [ASSURED]
sctp() {
	local unreplied=''
	(($6)) || unreplied='[UNREPLIED] '
	shows "SCTP $1" r "$2" "sctp     132 T $3 $(ends 10.11.0.1 10.12.0.1 \
		$port 80 "$4" "$5") $unreplied$(ends 10.12.0.1 10.11.0.1 80 \
		$port "$6" "$7") ${8:+[$8] }$end"
}

association() {
	local knob
	# Three seconds are too short for a slow machine
	for knob in closed cookie_wait cookie_echoed shutdown_sent \
		shutdown_recd shutdown_ack_sent; do
		knob r sctp_timeout_$knob 100
	done
	from_a "vtag=0 / $init"
	sctp "INIT: CLOSED" 100 CLOSED 1 52 0 0
	from_b "$to_c / $init_ack"
	sctp "INIT ACK: COOKIE_WAIT" 100 COOKIE_WAIT 1 52 1 52
	from_a "$to_s / $echo"
	sctp "COOKIE ECHO: COOKIE_ECHOED" 100 COOKIE_ECHOED 2 92 1 52
	from_b "$to_c / chunk type=11"
	sctp "COOKIE ACK: ESTABLISHED" 210 ESTABLISHED 2 92 2 88 ASSURED
	from_a "$to_s / chunk type=0 hex=0000000100000000000000006869"
	sctp "DATA" 210 ESTABLISHED 3 144 2 88 ASSURED
}

shut_down() {
	from_a "$to_s / chunk type=7 hex=00000001"
	sctp "SHUTDOWN: SHUTDOWN_SENT" 100 SHUTDOWN_SENT 4 184 2 88 ASSURED
	from_b "$to_c / chunk type=8"
	sctp "SHUTDOWN ACK" 100 SHUTDOWN_ACK_SENT 4 184 3 124 ASSURED
	from_a "$to_s / chunk type=14"
	sctp "SHUTDOWN COMPLETE: CLOSED" 100 CLOSED 5 220 3 124 ASSURED
	from_a "vtag=0 / $init"
	sctp "INIT: another association" 100 CLOSED 1 52 0 0
}

wrong_tags() {
	local before
	before=$(reason r "wrong SCTP verification tag")
	from_b "vtag=0x12345678 / chunk type=0 hex=000000010000000000000000"
	from_a "vtag=0x12345678 / chunk type=6"
	wait_is "SCTP: wrong tags have a reason" $((before + 2)) \
		reason r "wrong SCTP verification tag"
	sctp "and change nothing" 210 ESTABLISHED 3 144 2 88 ASSURED
}

aborted() {
	from_b "$to_c / chunk type=6"
	sctp "ABORT: CLOSED" 100 CLOSED 3 144 3 124 ASSURED
}

out_of_the_blue() {
	local before
	before=$(reason r "SCTP chunk out of state")
	port=$((port + 1))
	from_a "$to_s / chunk type=0 hex=000000010000000000000000"
	wait_is "SCTP: data of no association" $((before + 1)) \
		reason r "SCTP chunk out of state"
	no_flow "SCTP: makes no flow" r "sport=$port "
	from_a "$to_s / chunk type=4 hex=00010008aabbccdd"
	sctp "HEARTBEAT: HEARTBEAT_SENT" 30 HEARTBEAT_SENT 1 44 0 0
	from_b "$to_c / chunk type=5 hex=00010008aabbccdd"
	sctp "HEARTBEAT ACK: ESTABLISHED" 210 ESTABLISHED 1 44 1 44 ASSURED
	wire c "ip6 src=$a6 dst=$b6 / sctp sport=9 dport=80 vtag=0 / $init"
	shows "SCTP, IPv6" r 100 "sctp     132 T CLOSED $(ends $a6 $b6 9 80 1 72) [UNREPLIED] $(ends $b6 $a6 80 9) $end"
}

gre_ends() { echo "src=$1 dst=$2 srckey=0x$3 dstkey=0x$4 packets=$5 bytes=$6"; }

gre() {
	local head="gre      47 T timeout=30, stream_timeout=180"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / gre / data n=16"
	shows "GRE" r 30 "$head $(gre_ends 10.11.0.1 10.12.0.1 0 0 1 40) [UNREPLIED] $(gre_ends 10.12.0.1 10.11.0.1 0 0 0 0) $end"
	wire s "ip src=10.12.0.1 dst=10.11.0.1 / gre / data n=16"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / gre flags=0x2000 hex=00001234 / data n=16"
	shows "GRE both ways: a stream; a key is not looked at" r 180 "$head $(gre_ends 10.11.0.1 10.12.0.1 0 0 2 84) $(gre_ends 10.12.0.1 10.11.0.1 0 0 1 40) [ASSURED] $end"
	wire c "ip src=10.11.0.2 dst=10.12.0.1 / gre flags=0x3001 proto=0x880b hex=000400420000000061626364"
	shows "GRE of PPTP: a call" r 30 "$head $(gre_ends 10.11.0.2 10.12.0.1 0 42 1 36) [UNREPLIED] $(gre_ends 10.12.0.1 10.11.0.2 42 0 0 0) $end"
	wire c "ip6 src=$a6 dst=$b6 / gre / data n=16"
	shows "GRE, IPv6" r 30 "$head $(gre_ends $a6 $b6 0 0 1 60) [UNREPLIED] $(gre_ends $b6 $a6 0 0 0 0) $end"
	knob r gre_timeout 90
	wire c "ip src=10.11.0.3 dst=10.12.0.1 / gre / data n=16"
	shows "GRE: a flow keeps the timeouts of its beginning" r 90 "gre      47 T timeout=90, stream_timeout=180 $(gre_ends 10.11.0.3 10.12.0.1 0 0 1 40) [UNREPLIED] $(gre_ends 10.12.0.1 10.11.0.3 0 0 0 0) $end"
	knob r gre_timeout 30
}

# other NUMBER: a protocol known by its number alone
other() {
	wire c "ip src=10.11.0.1 dst=10.12.0.1 proto=$1 / data n=10"
	shows "protocol $1" r 600 "unknown  $1 T src=10.11.0.1 dst=10.12.0.1 packets=1 bytes=30 [UNREPLIED] src=10.12.0.1 dst=10.11.0.1 packets=0 bytes=0 $end"
	wire s "ip src=10.12.0.1 dst=10.11.0.1 proto=$1 / data n=10"
	shows "protocol $1, replied" r 600 "unknown  $1 T src=10.11.0.1 dst=10.12.0.1 packets=1 bytes=30 src=10.12.0.1 dst=10.11.0.1 packets=1 bytes=30 $end"
	wire c "ip6 src=$a6 dst=$b6 nh=$1 / data n=10"
	shows "protocol $1, IPv6" r 600 "unknown  $1 T src=$a6 dst=$b6 packets=1 bytes=50 [UNREPLIED] src=$b6 dst=$a6 packets=0 bytes=0 $end"
}

others() {
	local number
	for number in 89 99 253; do other $number; done
	# Of the other family
	wire c "ip src=10.11.0.1 dst=10.12.0.1 proto=58 / data n=10"
	shows "ICMPv6 in IPv4 is unknown" r 600 "unknown  58 T src=10.11.0.1 dst=10.12.0.1 packets=1 bytes=30 [UNREPLIED] src=10.12.0.1 dst=10.11.0.1 packets=0 bytes=0 $end"
	wire c "ip6 src=$a6 dst=$b6 nh=1 / data n=10"
	shows "ICMP in IPv6 is unknown" r 600 "unknown  1 T src=$a6 dst=$b6 packets=1 bytes=50 [UNREPLIED] src=$b6 dst=$a6 packets=0 bytes=0 $end"
	wire c "ip src=0.0.0.0 dst=224.0.0.1 proto=2 opts=94040000 / data hex=1100eeff00000000"
	shows "the IGMP of the manuals" r 600 "unknown  2 T src=0.0.0.0 dst=224.0.0.1 packets=1 bytes=32 [UNREPLIED] src=224.0.0.1 dst=0.0.0.0 packets=0 bytes=0 $end"
}

net_up
load
wire_up
association
wrong_tags
shut_down
port=$((port + 1))
association
aborted
out_of_the_blue
gre
others
agrees "lines, count and column 1 agree" r
finish
