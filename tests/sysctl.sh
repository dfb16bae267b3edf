#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: umldebug deb6.1
# long: deb6.12
#
# Sysctls: every name with its default, what may be written and what may not,
# each namespace for itself; and the limit: what is given up when the table is
# full, what never is, and what happens when there is nothing to give up.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Name, default, highest value; a dash: no number is too high below 2^31 / HZ
knobs='checksum 1 1
log_invalid 0 255
acct 1 1
timestamp 0 1
events 1 2
tcp_loose 1 3
tcp_be_liberal 0 1
tcp_max_retrans 3 255
tcp_ignore_invalid_rst 0 1
tcp_timeout_syn_sent 120 -
tcp_timeout_syn_recv 60 -
tcp_timeout_established 432000 -
tcp_timeout_fin_wait 120 -
tcp_timeout_close_wait 60 -
tcp_timeout_last_ack 30 -
tcp_timeout_time_wait 120 -
tcp_timeout_close 10 -
tcp_timeout_max_retrans 300 -
tcp_timeout_unacknowledged 300 -
udp_timeout 30 -
udp_timeout_answered 0 -
full_policy 0 2
max_per_source 0 -
source_prefix4 32 32
source_prefix6 64 128
udp_timeout_stream 120 -
icmp_timeout 30 -
icmpv6_timeout 30 -
generic_timeout 600 -
sctp_timeout_closed 10 -
sctp_timeout_cookie_wait 3 -
sctp_timeout_cookie_echoed 3 -
sctp_timeout_established 210 -
sctp_timeout_shutdown_sent 3 -
sctp_timeout_shutdown_recd 3 -
sctp_timeout_shutdown_ack_sent 3 -
sctp_timeout_heartbeat_sent 30 -
gre_timeout 30 -
gre_timeout_stream 180 -'

# try NAME DEFAULT HIGHEST: prints what is wrong, else nothing. One process per
# knob, for the sake of slow machines.
try() {
	# shellcheck disable=SC2016
	on r bash -c '
	cd "$4" 2> /dev/null || { echo "no $4"; exit; }
	file=ip_conntrack_$1
	now() { local got; IFS= read -r -d "" got < $file; printf %s "$got"; }
	expect() { [[ $(now; echo .) == "$1"$'"'\n'"'. ]] ||
		echo "$2: expected $1, got $(now)"; }
	write() { printf %s "$1" > $file; } 2> /dev/null
	expect "$2" default
	[[ $(stat -c %a $file) == 644 ]] || echo "mode $(stat -c %a $file)"
	high=$3 above=$(($3 + 1))
	if [[ $3 == - ]]; then high=1000000 above=4294967295; fi
	for good in 0 1 $high; do
		write $good$'"'\n'"' || echo "$good is refused"
		expect $good "after $good"
	done
	write " 1 " || echo "blanks around it are refused"
	expect 1 "after blanks"
	for bad in -1 abc 1.5 "" "0 1" 1x 0x $above 99999999999999999999 +1 \
		"$(printf %4000d 1)"; do
		if [[ $bad ]] && write "$bad"; then
			echo "\"${bad:0:30}\" is taken"
		fi
		expect 1 "after \"${bad:0:30}\""
	done
	write "$2"' try "$1" "$2" "$3" $sys_dir
}

names() {
	local name usual high
	while read -r name usual high; do
		is "$name: $usual; right and wrong values" "" \
			"$(try "$name" "$usual" "${high/-/-}")"
	done <<< "$knobs"
	is "no others than those and max, count*, buckets*" "" \
		"$(on r ls $sys_dir | sed -n 's/^ip_conntrack_//p' |
		grep -vxFf <(cut -d' ' -f1 <<< "$knobs"; printf '%s\n' max \
			count{,_assured,_unreplied} buckets{,_auto,_min,_max}))"
	is "an error is EINVAL" 22 "$(on r "$python" - <<-END
	try:
	    open('$sys_dir/ip_conntrack_udp_timeout', 'w', 1).write('-1\n')
	except OSError as error:
	    print(error.errno)
	END
	)"
	check_not "count cannot be written" knob r count 5
	check_not "buckets cannot be written in a namespace" knob r buckets 2048
}

# Each namespace for itself
namespaces() {
	knob r udp_timeout 77
	is "what is set in one namespace stands there" 77 "$(knob r udp_timeout)"
	is "and not in another" 30 "$(knob c udp_timeout)"
	is "nor in the first" 30 "$(knob - udp_timeout)"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1 dport=1"
	shows "and counts there" r 77 "$(udp_line "$(ends 10.11.0.1 10.12.0.1 1 \
		1 1 28)" "$(ends 10.12.0.1 10.11.0.1 1 1)")"
	knob r udp_timeout 30
}

limits() {
	local file=/proc/sys/net/ipv4/ip_conntrack_max
	knob - max 5000
	is "ip_conntrack_max has two names" 5000 "$(cat $file)"
	echo 6000 > $file
	is "both can be written" 6000 "$(knob - max)"
	check "a namespace may have less" knob r max 500
	is "less" 500 "$(on r cat $file)"
	check_not "but not more than the first" knob r max 6001
	is "so it stays" 500 "$(knob r max)"
	check_not "max=-1" knob r max -1
	check_not "max=many" knob r max many
	check_not "max=4294967295" knob r max 4294967295
	is "so it stays" 500 "$(knob r max)"
	check "max=0: that of the first" knob r max 0
	is "max=0" 0 "$(knob r max)"
	knob - max 0
	is "max=0 for the first: no limit" 0 "$(knob - max)"
}

# connect FIRST-PORT COUNT: assured connections
connect() {
	local ports="sport=$1++ dport=80" back="sport=80 dport=$1++"
	wire c "repeat=$2 ip src=10.11.1.1 dst=10.12.0.1 / tcp $ports seq=1000"
	wire s "repeat=$2 ip src=10.12.0.1 dst=10.11.1.1 / tcp $back flags=SA seq=5000 ack=1001"
	wire c "repeat=$2 ip src=10.11.1.1 dst=10.12.0.1 / tcp $ports flags=A seq=1001 ack=5001"
	wait_is "$2 assured connections" "$2" assured "$1"
}

# assured: how many there are
assured() { lines r '[ASSURED]'; }

# between LOW HIGH COMMAND...: what it prints is.
between() {
	local got
	got=$("${@:3}")
	((got >= $1 && got <= $2)) || { echo "got: $got"; return 1; }
}

# A table of 1024 buckets in which 2000 flows may be
full_table() {
	local drop
	knob r max 2000
	connect 1000 50
	knob r udp_timeout 3000
	wire c "repeat=1950 ip src=10.11.2.1++ dst=10.12.0.1 / udp sport=1 dport=53"
	wait_is "the table is full" 2000 knob r count
	wire c "repeat=300 ip src=10.11.128.1++ dst=10.12.0.1 / udp sport=1 dport=53"
	# A few at a time, so that not each packet has to look for them
	check "unreplied flows are given up" \
		wait_for 15 between 300 307 column r early_drop
	check "the count stays at the limit" between 1993 2000 knob r count
	is "no packet was dropped" 0 "$(column r drop)"
	is "assured ones all stay" 50 "$(assured)"
	is "new ones are there" 300 "$(lines r 'src=10.11.12')"
	agrees "lines, count and column 1 agree in a full table" r
	drop=$(column r early_drop)
	knob r max $(($(knob r count) + 100))
	wire c "repeat=100 ip src=10.11.160.1++ dst=10.12.0.1 / udp sport=1 dport=53"
	wait_is "a higher limit counts at once" "$(knob r max)" knob r count
	is "and nothing was given up" "$drop" "$(column r early_drop)"
}

# Nothing but assured connections: the packet is dropped.
nothing_to_give_up() {
	knob r max 60
	connect 3000 60
	log_mark
	on s nft -f - <<-'END'
	table ip t {
		chain p {
			type filter hook prerouting priority 0
			udp dport 53 counter
		}
	}
	END
	wire c "repeat=5 ip src=10.11.2.1++ dst=10.12.0.1 / udp sport=1 dport=53"
	wait_is "nothing can be given up: packets are dropped, and counted" 5 \
		column r drop
	logs "and the log says what to do" "table full .*: 60 flows, 60 of them assured.*raise.*ip_conntrack_max"
	is "they did not go on" 0 "$(on s nft list ruleset |
		sed -n 's/.*counter packets \([0-9]*\).*/\1/p')"
	is "assured ones stay" 60 "$(assured)"
	wire c "ip src=10.11.1.1 dst=10.12.0.1 / tcp sport=3000 dport=80 flags=A seq=1001 ack=5001"
	wait_is "and their packets pass" 3 sh -c "nsenter --net=/run/netns/r \
		cat /proc/net/ip_conntrack | sed -n 's/.*sport=3000 .*packets=\([0-9]*\) .*src=.*/\1/p'"
	knob r max 0
	wire c "repeat=100 ip src=10.11.2.1++ dst=10.12.0.1 / udp sport=1 dport=53"
	wait_is "max=0: no limit" 160 knob r count
	knob - max 100
	wire c "repeat=5 ip src=10.11.3.1++ dst=10.12.0.1 / tcp sport=1 dport=53"
	sleep 0.5
	check "no namespace has more than the first allows" \
		test "$(knob r count)" -le 160
	agrees "lines, count and column 1 agree" r
}

# fresh PARAMETER...: an empty table
fresh() {
	unload
	load "$@"
}

net_up
load hashsize=1024
wire_up
names
namespaces
limits
fresh hashsize=1024 max=0
full_table
fresh hashsize=1024 max=0
nothing_to_give_up
finish
