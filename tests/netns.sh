#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml umldebug
# long: deb6.1
# timeout: 400
#
# Network namespaces: each has its own flows, count, limit, timeouts and
# statistics; they go with live flows in them and with open files, and come and
# go in numbers while packets flow.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# twin NAME: a namespace with the same addresses as its twins, and a packet in it
twin() {
	ip netns add "$1"
	ip -n "$1" link set lo up
	knob "$1" icmp_timeout 600
	on "$1" ping -q -c 1 -W 5 127.0.0.1 > /dev/null
}

apart() {
	twin t1
	twin t2
	knob t2 icmpv6_timeout 600
	on t2 ping -q -c 1 -W 5 ::1 > /dev/null
	is "a namespace has its own flows" 1 "$(lines t1)"
	is "another has its own" 2 "$(lines t2)"
	is "and its own count" 2 "$(knob t2 count)"
	agrees "they agree in one" t1
	agrees "and in the other" t2
	is "statistics are its own" 2 "$(column t2 new)"
	is "of each" 1 "$(column t1 new)"
	knob t1 udp_timeout 5
	knob t1 acct 0
	is "timeouts too" 30 "$(knob t2 udp_timeout)"
	is "switches too" 1 "$(knob t2 acct)"
	like "lines without counters here" "id=[0-9]+ src=" "$(table t1)"
	like "and with them there" "id=[0-9]+ packets=" "$(table t2)"
	knob t1 max 3
	is "limits too" 3 "$(knob t1 max)"
	is "the machine's own namespace has none of it" 0 "$(lines - 127.0.0.1)"
	is "a new namespace begins with the defaults" "30 1 0" \
		"$(ip netns add t3; knob t3 udp_timeout) $(knob t3 acct) $(knob t3 count)"
	ip netns delete t3
}

# The same ends in two namespaces are two flows: only one is found.
same_ends() {
	local i
	for i in t1 t2; do
		on "$i" "$python" - <<-'END'
		import socket
		a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		a.bind(('127.0.0.1', 4000))
		a.sendto(b'x', ('127.0.0.1', 4001))
		END
	done
	like "the same ends here" "sport=4000 dport=4001" "$(table t1)"
	like "and there, one packet each" \
		"sport=4000 dport=4001 packets=1 " "$(table t2)"
}

# A file of a namespace stays open while it goes.
with_open_file() {
	local got
	twin t4
	exec 8< <(on t4 "$python" -u - <<-'END'
	import sys
	files = [open(name, 'rb', buffering=0) for name in (
	    '/proc/net/ip_conntrack', '/proc/net/stat/ip_conntrack',
	    '/proc/sys/net/ipv4/netfilter/ip_conntrack_count')]
	print('open', len(files[0].read(40)), flush=True)
	open('/tmp/ct-go', 'rb').read()
	for file in files:
	    try:
	        file.seek(0)
	        print('read', len(file.read(1000)) >= 0, flush=True)
	    except OSError as error:
	        print('read', error.errno, flush=True)
	END
	)
	rm -f /tmp/ct-go
	mkfifo /tmp/ct-go
	read -r -t 60 got <&8
	is "files are open and read from" "open 40" "$got"
	ip netns delete t4
	echo > /tmp/ct-go
	read -r -t 60 got <&8
	like "the namespace was told to go: the reader reads on or is told" \
		"^read" "$got"
	rm -f /tmp/ct-go
	exec 8<&-
	check "and no harm is done" on t2 cat /proc/net/ip_conntrack
}

with_flows() {
	twin t5
	on t5 "$python" - <<-'END'
	import socket
	a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	for port in range(1000, 1500):
	    a.sendto(b'x', ('127.0.0.1', port))
	END
	at_least "500 flows" 500 "$(knob t5 count)"
	ip netns delete t5
	wait_for 20 test ! -e /run/netns/t5
	pass "a namespace goes with its flows"
}

# Namespaces come and go, each with packets in it, while others talk.
many() {
	local i batch pings batches=10
	is_debug_kernel && [[ ! ${CT_LONG:-} ]] && batches=2	# half a minute each
	noise_up packets
	for ((batch = 1; batch <= batches; batch++)); do
		pings=()
		for i in 1 2 3 4 5 6 7 8 9 10; do
			ip netns add "n$i" || break 2
			ip -n "n$i" link set lo up
			on "n$i" ping -q -c 1 -W 5 127.0.0.1 > /dev/null &
			pings+=($!)
		done
		wait "${pings[@]}"
		for i in 1 2 3 4 5 6 7 8 9 10; do ip netns delete "n$i"; done
	done
	noise_down
	is "${batches}0 namespaces came and went under traffic" \
		$((batches + 1)) "$batch"
	check "tracking goes on" on r ping -q -c 1 -W 5 127.0.0.1
	agrees "lines, count and column 1 agree" r
}

ms() { echo $(($(date +%s%N) / 1000000)); }

# gone: waits until all namespaces that were deleted have ended. The kernel ends
# them in batches, and of each batch devices first: where the second of two is
# seen to begin, the one before the first is over.
gone() {
	local i
	for i in 1 2; do
		ip netns add mark
		ip -n r link add mark type veth peer name mark netns mark
		ip netns delete mark
		wait_for 100 sh -c "! ip -n r link show mark" > /dev/null 2>&1 ||
			return
	done
}

# time_of COMMAND...: how long it takes, in ms
time_of() {
	local begin
	begin=$(ms)
	"$@" > /dev/null
	echo $(($(ms) - begin))
}

# end_of: ends the 20 namespaces, and waits.
end_of() {
	local i
	for i in {1..20}; do ip netns delete "e$i"; done
	gone
}

# end_time MAKE: how long 20 namespaces take that MAKE made
end_time() {
	local i
	for i in {1..20}; do "$@" "e$i"; done
	gone
	time_of end_of
}

# Nearly all of the buckets are empty. What namespaces take to end by themselves is
# what they take with a small table.
# A machine that is busy with something else just then is asked once more.
ends_in_a_large_table() {
	local make
	for make in "ip netns add" twin; do
		check "20 namespaces end without a walk for each ($make)" \
			wait_for 60 ends_without_walks "$make"
	done
	param hashsize 4096
}

# shellcheck disable=SC2317,SC2086 # called by name; two words
ends_without_walks() {
	local walk small large
	param hashsize 1024
	small=$(end_time $1)
	param hashsize $((1 << 23))
	walk=$(time_of on r cat /proc/net/ip_conntrack)
	large=$(end_time $1)
	((large - small < 10 * walk))
}

# Loaded into namespaces that are there, and unloaded from them
at_load() {
	unload
	check_not "no file without the module" on t1 cat /proc/net/ip_conntrack
	load
	check "namespaces that were there have it" on t1 cat /proc/net/ip_conntrack
	is "empty" 0 "$(knob t1 count)"
}

net_up
echo_up
load
apart
same_ends
with_open_file
with_flows
at_load
many
is_debug_kernel || ends_in_a_large_table
finish
