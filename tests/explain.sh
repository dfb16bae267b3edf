#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: umldebug
# long: deb6.12
# timeout: 300
#
# What the tracker tells who looks: tracepoints by ftrace, perf and bpftrace, the
# log of INVALID packets and its limit, and counters that anyone can read.

# shellcheck disable=SC2119,SC2317
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need conntrack
tracing=/sys/kernel/tracing
[[ -d $tracing/events ]] || skip_all "no tracepoints in this kernel"

events=(flow_confirmed flow_destroyed flow_evicted flow_new flow_updated
	packet_invalid)

# traced REGEX: ftrace has such a line.
traced() { grep -qE -- "$1" "$tracing/trace"; }

# traces NAME REGEX
traces() {
	if wait_for 15 traced "$2"; then
		pass "$1"
	else
		fail "$1" "no line: $2" "$(grep -v '^#' "$tracing/trace" | tail -n 12)"
	fi
}

flow_by_hand() {
	wire c "ip src=10.11.0.$1 dst=10.12.0.1 / udp sport=$2 dport=53"
}

# stray: a segment of no known connection
stray() {
	wire c "repeat=${1:-1} ip src=10.11.0.8 dst=10.12.0.1 / tcp sport=77 dport=80 flags=R seq=1"
}

ftrace() {
	is "the tracepoints are there" "${events[*]}" \
		"$(cd "$tracing/events/ip_conntrack" && echo [fp]*_*)"
	echo > "$tracing/trace"
	echo 1 > "$tracing/events/ip_conntrack/enable"
	on c ping -q -c 1 -W 5 10.2.0.2 > /dev/null
	traces "a first packet" \
		'flow_new: .*proto=1 saddr=10.1.0.2 daddr=10.2.0.2 saddrv6=::ffff:10.1.0.2 .*reason=first packet'
	traces "its flow is in the table" \
		'flow_confirmed: .*proto=1 saddr=10.1.0.2 .* status=0x8 .*reason=in the table'
	traces "its reply" \
		'flow_updated: .*proto=1 saddr=10.1.0.2 .*reason=first reply'
	echo hello | on c socat -t 10 - 'TCP:[fd02::2]:7,sourceport=40001' \
		> /dev/null
	traces "TCP by IPv6" \
		'flow_new: .*proto=6 saddr=0.0.0.0 .*saddrv6=fd01::2 daddrv6=fd02::2 sport=40001 dport=7'
	traces "a connection is made" \
		'flow_updated: .*saddrv6=fd01::2 .* state=ESTABLISHED reason='
	traces "and closes" \
		'flow_updated: .*saddrv6=fd01::2 .* state=TIME_WAIT reason=state'
	stray
	traces "an INVALID packet" \
		'packet_invalid: .*proto=6 saddr=10.11.0.8 daddr=10.12.0.1 .*sport=77 dport=80 .*reason=TCP segment of no known connection'
	wire c "ip src=10.11.0.8 dst=10.12.0.1 len=24 / udp sport=1 dport=1"
	traces "one with half a header" \
		'packet_invalid: .*saddr=10.11.0.8 .*reason=truncated transport header'
	flow_by_hand 1 1001
	wait_for 10 flow r sport=1001
	on r conntrack -D -p udp --sport 1001 > /dev/null 2>&1
	traces "a flow deleted" \
		'flow_destroyed: .*saddr=10.11.0.1 .*sport=1001 .*packets=1 bytes=[0-9]* state=- reason=deleted by request'
	knob r udp_timeout 1
	flow_by_hand 2 1002
	traces "a flow whose time is over" \
		'flow_destroyed: .*saddr=10.11.0.2 .*reason=its time was over'
	knob r udp_timeout 30
	on r conntrack -F > /dev/null 2>&1
	knob r max 4
	wait_for 60 gives_up
	traces "a flow given up" \
		'flow_evicted: .*saddr=10.11.0.3 .*reason=never answered'
	traces "and why it ended" \
		'flow_destroyed: .*saddr=10.11.0.3 .*reason=given up for room'
	knob r max 0
	echo 'reason ~ "*no known*"' > \
		"$tracing/events/ip_conntrack/packet_invalid/filter"
	echo > "$tracing/trace"
	wire c "ip src=10.11.0.8 dst=10.12.0.1 len=24 / udp sport=1 dport=1"
	stray
	traces "a filter by words" 'packet_invalid: .*no known connection'
	is "lets nothing else through" "" \
		"$(grep 'truncated' "$tracing/trace")"
	echo 0 > "$tracing/events/ip_conntrack/packet_invalid/filter"
	echo 0 > "$tracing/events/ip_conntrack/enable"
	echo > "$tracing/trace"
}

# What is young is not found by every look for room: until one is.
gives_up() {
	wire c "repeat=8 ip src=10.11.0.3 dst=10.12.0.1 / udp sport=1++ dport=53"
	grep -q "flow_evicted: " "$tracing/trace"
}

# Counters, which anyone may read
counted() {
	local file=/proc/net/stat/ip_conntrack_reasons before
	is "reasons: anyone may read them" 444 "$(stat -c %a $file)"
	check "and a user can" on r setpriv --reuid=65534 --regid=65534 \
		--clear-groups grep -q "no known connection" $file
	like "why flows ended is counted" '[1-9][0-9]* flows ended: given up for room' \
		"$(on r cat $file)"
	# shellcheck disable=SC2016
	is "and adds up to the column" "$(column r delete)" \
		"$(on r awk '/ flows ended: / { n += $1 } END { print n }' $file)"
	before=$(reason r "TCP segment of no known connection")
	knob r log_invalid 6
	log_mark
	stray 200
	wait_is "log_invalid: all are counted" $((before + 200)) \
		reason r "TCP segment of no known connection"
	logs "the log has the reason" \
		"ip_conntrack: invalid, TCP segment of no known connection: .*SRC=10.11.0.8"
	at_most "but has a limit" 25 "$(log | grep -c 'ip_conntrack: invalid')"
	knob r log_invalid 0
}

by_perf() {
	local perf=/usr/bin/perf
	[[ $CT_GUEST == deb* && -x $perf ]] || return 0
	bg $perf record -q -a -e 'ip_conntrack:packet_invalid' \
		-o "$work/perf.data"
	wait_for 60 grep -q 1 "$tracing/../tracing/events/ip_conntrack/packet_invalid/enable"
	wait_for 30 test -s "$work/perf.data"
	sleep 2
	stray
	sleep 1
	kill -INT "$bg_pid"
	wait "$bg_pid"
	like "perf" 'packet_invalid: .*saddr=10.11.0.8 .*reason=TCP segment of no' \
		"$($perf script -i "$work/perf.data" 2>&1)"
}

by_bpftrace() {
	[[ $CT_GUEST == deb* ]] || return 0
	need bpftrace
	# shellcheck disable=SC2016
	bg bpftrace -e 'BEGIN { printf("ready\n"); }
		tracepoint:ip_conntrack:packet_invalid {
		printf("%s > %s: %s\n", ntop(args->saddr), ntop(args->daddr),
			args->reason); exit(); }' > "$work/bpftrace" 2>&1
	wait_for 120 grep -q ready "$work/bpftrace"
	sleep 1
	stray
	wait "$bg_pid"
	like "bpftrace" '10.11.0.8 > 10.12.0.1: TCP segment of no known connection' \
		"$(cat "$work/bpftrace")"
}

load
net_up
wire_up
echo_up
echo 1 > /proc/sys/net/netfilter/nf_log_all_netns
ftrace
counted
by_perf
by_bpftrace
check "rmmod" unload
finish
