#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml deb6.1
# long: umldebug deb6.12
#
# TCP through the router, IPv4 and IPv6: every state of a connection's life and
# its line in the table, segment by segment, made by hand; resets, half-closed,
# both ends opening, reuse, pick-up in the middle, windows; and real
# connections, whose counters must be what tcpdump counts.

# shellcheck disable=SC2034,SC2119,SC2317 # used and called by name
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need tcpdump socat ethtool

# The two ends of the connections made by hand
ends4=(10.11.0.1 10.12.0.1)
ends6=(fd11:0000:0000:0000:0000:0000:0000:0001
	fd12:0000:0000:0000:0000:0000:0000:0001)

# use IP: 4 or 6, from here on.
use() {
	local -n ends=ends$1
	a=${ends[0]} b=${ends[1]} v=$1
	if [[ $1 == 4 ]]; then ip=ip head=40; else ip=ip6 head=60; fi
}

port=1000

# Segments of a connection from port $port to port 80
from_a() { wire c "$ip src=$a dst=$b / tcp sport=$port dport=80 $*"; }
from_b() { wire s "$ip src=$b dst=$a / tcp sport=80 dport=$port $*"; }

# line STATE A_PACKETS A_DATA B_PACKETS B_DATA [ASSURED | UNBELIEVED]: in the table,
# where the segments had that much data and no options, and whether one of B was
# believed
line() {
	local ab="src=$a dst=$b sport=$port dport=80"
	local ba="src=$b dst=$a sport=80 dport=$port" unreplied='' sure=${6-}
	if [[ $4 == 0 || $sure == UNBELIEVED ]]; then
		unreplied='[UNREPLIED] ' sure=''
	fi
	echo "tcp      6 T $1 $ab packets=$2 bytes=$(($2 * head + $3))" \
		"$unreplied$ba packets=$4 bytes=$(($4 * head + $5))" \
		"${sure:+[$sure] }$end"
}

# state NAME SECONDS STATE ...
state() { shows "IPv$v $1" r "$2" "$(line "${@:3}")"; }

# next_one: another port, for another connection.
next_one() { port=$((port + 1)); }

open() {
	next_one
	from_a flags=S seq=1000
	from_b flags=SA seq=5000 ack=1001
	from_a flags=A seq=1001 ack=5001
}

life() {
	next_one
	from_a flags=S seq=1000
	state "SYN: SYN_SENT, not replied" 120 SYN_SENT 1 0 0 0
	from_b flags=SA seq=5000 ack=1001
	state "SYN and ACK: SYN_RECV" 60 SYN_RECV 1 0 1 0
	from_a flags=A seq=1001 ack=5001
	state "ACK: ESTABLISHED, assured" 432000 ESTABLISHED 2 0 1 0 ASSURED
	from_a flags=PA seq=1001 ack=5001 / data n=100
	state "data, not acknowledged" 300 ESTABLISHED 3 100 1 0 ASSURED
	from_b flags=A seq=5001 ack=1101
	state "acknowledged" 432000 ESTABLISHED 3 100 2 0 ASSURED
	from_a flags=FA seq=1101 ack=5001
	state "FIN: FIN_WAIT" 120 FIN_WAIT 4 100 2 0 ASSURED
	from_b flags=A seq=5001 ack=1102
	state "its ACK: CLOSE_WAIT" 60 CLOSE_WAIT 4 100 3 0 ASSURED
	from_b flags=PA seq=5001 ack=1102 / data n=50
	from_a flags=A seq=1102 ack=5051
	state "half-closed, data comes back" 60 CLOSE_WAIT 5 100 4 50 ASSURED
	from_b flags=FA seq=5051 ack=1102
	state "the other FIN: LAST_ACK" 30 LAST_ACK 5 100 5 50 ASSURED
	from_a flags=A seq=1102 ack=5052
	state "its ACK: TIME_WAIT" 120 TIME_WAIT 6 100 5 50 ASSURED
	from_a flags=S seq=900000
	state "a SYN begins anew" 120 SYN_SENT 1 0 0 0
	agrees "IPv$v lines, count and column 1 agree" r
}

gone_in_time() {
	knob r tcp_timeout_time_wait 1
	open
	from_a flags=FA seq=1001 ack=5001
	from_b flags=FA seq=5001 ack=1002
	state "both FINs at once" 30 LAST_ACK 3 0 2 0 ASSURED
	from_a flags=A seq=1002 ack=5002
	wait_is "IPv$v TIME_WAIT ends: the flow is gone" "" \
		flow r "sport=$port dport=80"
	knob r tcp_timeout_time_wait 120
}

resets() {
	local before
	open
	from_b flags=R seq=5001
	state "reset by the server: CLOSE" 10 CLOSE 2 0 2 0 ASSURED
	open
	from_a flags=RA seq=1001 ack=5001
	state "reset by the client: CLOSE" 10 CLOSE 3 0 1 0 ASSURED
	open
	before=$(reason r "TCP sequence above the window")
	from_b flags=R seq=90005001
	wait_is "IPv$v a reset above the window has a reason" $((before + 1)) \
		reason r "TCP sequence above the window"
	state "and does nothing" 432000 ESTABLISHED 2 0 1 0 ASSURED
	before=$(reason r "TCP reset before the window")
	from_a flags=R seq=500
	wait_is "IPv$v a reset before the window has a reason" $((before + 1)) \
		reason r "TCP reset before the window"
	state "and does nothing" 432000 ESTABLISHED 2 0 1 0 ASSURED
	from_b flags=R seq=5101
	state "an inexact reset is for the ends to judge" \
		432000 ESTABLISHED 2 0 2 0 ASSURED
	from_b flags=R seq=5101
	state "and so is the same one again" 432000 ESTABLISHED 2 0 3 0 ASSURED
	next_one
	from_a flags=S seq=1000
	state "a SYN" 120 SYN_SENT 1 0 0 0
	from_b flags=RA seq=0 ack=1001
	wait_is "IPv$v refused: the flow is gone" "" \
		flow r "sport=$port dport=80"
}

# What somebody sends who sees nothing and forges the addresses
forged_resets() {
	next_one
	from_a flags=S seq=1000
	from_b flags=R seq=777000
	state "a reset that does not acknowledge the SYN changes nothing" \
		120 SYN_SENT 1 0 1 0 UNBELIEVED
	from_b flags=SA seq=5000 ack=1001
	state "the true answer is believed" 60 SYN_RECV 1 0 2 0
	open
	from_a flags=FA seq=1001 ack=5001
	from_b flags=A seq=5001 ack=1002
	from_b flags=R seq=5101
	state "an inexact reset does not end what is closing" \
		60 CLOSE_WAIT 3 0 3 0 ASSURED
	from_a flags=S seq=900000
	state "so that a SYN does not renew it" \
		60 CLOSE_WAIT 4 0 3 0 ASSURED
	from_b flags=FA seq=5001 ack=1002
	from_a flags=A seq=1002 ack=5002
	state "and the ends go on" 120 TIME_WAIT 5 0 4 0 ASSURED
}

# seconds: that the connection has left
seconds() { flow r "sport=$port dport=80" | awk '{ print $3 }'; }

knocking() {
	local left
	knob r tcp_timeout_syn_sent 1000
	next_one
	from_a flags=S seq=1000
	sleep 3
	from_a flags=S seq=1000
	wait_for 15 line_has_packets 2
	left=$(seconds)
	at_least "IPv$v a SYN again does not prolong SYN_SENT" "$left" 998
	from_a flags=S seq=7000
	wait_for 15 line_has_packets 3
	left=$(seconds)
	at_least "IPv$v nor does one with another number" "$left" 998
	knob r tcp_timeout_syn_sent 120
}

line_has_packets() { [[ $(flow r "sport=$port dport=80") == *" packets=$1 "* ]]; }

fast_open() {
	next_one
	from_a flags=S seq=1000 / data n=1000
	from_a flags=S seq=1000
	from_b flags=SA seq=5000 ack=2001
	from_a flags=A seq=2001 ack=5001
	state "a SYN again, without its data" \
		432000 ESTABLISHED 3 1000 1 0 ASSURED
}

# Rules need not drop what is INVALID: it reaches the other end.
beyond() {
	local before
	next_one
	from_a flags=S seq=1000 win=4000
	from_b flags=SA seq=5000 ack=1001 win=4000
	from_a flags=A seq=1001 ack=5001 win=4000
	before=$(reason r "TCP sequence above the window")
	from_a flags=PA seq=1001 ack=5001 win=4000 / data n=1400
	from_a flags=PA seq=5101 ack=5001 win=4000 / data n=1400
	wait_is "IPv$v data beyond the window has a reason" $((before + 1)) \
		reason r "TCP sequence above the window"
	from_b flags=A seq=5001 ack=6501 win=4000
	state "the other end took it: the connection goes on" \
		432000 ESTABLISHED 3 1400 2 0 ASSURED
	from_a flags=PA seq=6501 ack=5001 win=4000 / data n=1400
	from_b flags=A seq=5001 ack=7901 win=4000
	state "and on" 432000 ESTABLISHED 4 2800 3 0 ASSURED
}

both_open() {
	next_one
	from_a flags=S seq=1000
	from_b flags=S seq=5000
	state "both send a SYN: SYN_SENT2" 120 SYN_SENT2 1 0 1 0
	from_a flags=SA seq=1000 ack=5001
	state "SYN_RECV" 60 SYN_RECV 2 0 1 0
	from_b flags=SA seq=5000 ack=1001
	from_a flags=A seq=1001 ack=5001
	state "ESTABLISHED" 432000 ESTABLISHED 3 0 2 0 ASSURED
}

challenge() {
	open
	from_a flags=S seq=777000
	state "a SYN in a connection changes nothing" \
		432000 ESTABLISHED 3 0 1 0 ASSURED
	from_b flags=A seq=5001 ack=1001
	state "it is challenged, and lives" 432000 ESTABLISHED 3 0 2 0 ASSURED
}

windows() {
	local before
	open
	before=$(reason r "TCP sequence above the window")
	from_a flags=PA seq=200001 ack=5001 / data n=10
	wait_is "IPv$v data above the window has a reason" $((before + 1)) \
		reason r "TCP sequence above the window"
	before=$(reason r "TCP acknowledgment of data not seen")
	from_a flags=A seq=1001 ack=77777
	wait_is "IPv$v a too high acknowledgement has a reason" $((before + 1)) \
		reason r "TCP acknowledgment of data not seen"
	state "neither counts" 432000 ESTABLISHED 2 0 1 0 ASSURED
	knob r tcp_be_liberal 1
	from_a flags=PA seq=200001 ack=5001 / data n=10
	state "tcp_be_liberal lets it pass" 300 ESTABLISHED 3 10 1 0 ASSURED
	knob r tcp_be_liberal 0
}

repeats() {
	local i
	knob r tcp_timeout_max_retrans 200
	open
	for i in 1 2 3 4; do
		from_a flags=PA seq=1001 ack=5001 / data n=100
	done
	state "repeated $i times: the short timeout" \
		200 ESTABLISHED 6 400 1 0 ASSURED
	knob r tcp_timeout_max_retrans 300
}

middle() {
	local before
	next_one
	from_a flags=PA seq=1001 ack=5001 / data n=10
	state "picked up in the middle" 300 ESTABLISHED 1 10 0 0
	from_b flags=A seq=5001 ack=1011
	from_a flags=A seq=1011 ack=5001
	state "and answered: assured" 432000 ESTABLISHED 2 10 1 0 ASSURED
	knob r tcp_loose 0
	before=$(reason r "TCP segment of no known connection")
	next_one
	from_a flags=PA seq=1001 ack=5001 / data n=10
	wait_is "IPv$v tcp_loose=0: INVALID" $((before + 1)) \
		reason r "TCP segment of no known connection"
	no_flow "IPv$v tcp_loose=0: no flow" r "sport=$port "
	knob r tcp_loose 1
	before=$(reason r "TCP segment of no known connection")
	from_b flags=SA seq=5000 ack=1001
	from_a flags=FA seq=5000 ack=1001
	from_a flags=R seq=5000
	wait_is "IPv$v only an ACK is picked up" $((before + 3)) \
		reason r "TCP segment of no known connection"
	no_flow "IPv$v and nothing else" r "sport=$port "
}

# seen FILE ADDRESS: "packets=N bytes=N" of what tcpdump saw from there.
seen() {
	tcpdump -r "$1" -nn -v "src $2" 2> /dev/null |
		grep -oE '(payload )?length: [0-9]+\)|, length [0-9]+\)' |
		awk '{
			gsub(/[^0-9]* ?length:? |\)/, "", $0)
			bytes += $0 + extra; n++
		} END { printf "packets=%d bytes=%d\n", n, bytes }' \
			extra="$([[ $v == 6 ]] && echo 40 || echo 0)"
}

# ended CLIENT SERVER CLIENT-SHORT SERVER-SHORT: the connection is over, and both
# halves of its line say what tcpdump has in $work/dump. On a busy machine segments
# are sent twice, and the server resets one that comes when its end is closed.
ended() {
	last=TIME_WAIT
	tcpdump -r "$work/dump" -nn 2> /dev/null | grep -qF 'Flags [R' && last=CLOSE
	tcpdump_has="$(seen "$work/dump" "$3") $(seen "$work/dump" "$4")"
	line=$(flow r "src=$1 dst=$2 ")
	[[ $line =~ (packets=[0-9]+ bytes=[0-9]+).*(packets=[0-9]+ bytes=[0-9]+) ]]
	counted=${BASH_REMATCH[*]:1}
	[[ $counted == "$tcpdump_has" && $line == *" $last "* ]]
}

# real NUMBER CLIENT SERVER CLIENT-SHORT SERVER-SHORT URL
real() {
	local got dump last line counted tcpdump_has
	bg @r tcpdump -i r0 -Z root --immediate-mode -U -w "$work/dump" \
		tcp port 7 2> "$work/tcpdump"
	dump=$bg_pid
	wait_for 30 grep -q listening "$work/tcpdump"
	got=$(head -c 60000 /dev/zero | on c socat -t 300 - "$5" | wc -c)
	is "IPv$v 60000 bytes there and back" 60000 "$got"
	wait_for 20 ended "$1" "$2" "$3" "$4"
	is "IPv$v the counters are what tcpdump counts" "$tcpdump_has" "$counted"
	like "IPv$v which is all of it" "bytes=[6-9][0-9]{4} .*bytes=[6-9][0-9]{4}" \
		"$tcpdump_has"
	like "IPv$v it ends in $last" "^tcp      6 [0-9]+ $last .*\[ASSURED\] " \
		"$line"
	bg_end "$dump"
}

net_up
load
wire_up
for family in 4 6; do
	use $family
	life
	gone_in_time
	resets
	forged_resets
	knocking
	fast_open
	beyond
	both_open
	challenge
	windows
	repeats
	middle
done

offloads_off
echo_up
use 4
real 10.1.0.2 10.2.0.2 10.1.0.2 10.2.0.2 TCP:10.2.0.2:7
use 6
real fd01:0000:0000:0000:0000:0000:0000:0002 \
	fd02:0000:0000:0000:0000:0000:0000:0002 fd01::2 fd02::2 'TCP:[fd02::2]:7'
finish
