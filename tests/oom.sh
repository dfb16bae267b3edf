#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: umldebug
# timeout: 400
#
# Out of memory: allocations fail, in packets, at load, when namespaces are made,
# when the table is resized and read. A packet that cannot have a flow is dropped
# and counted, everything else works or says ENOMEM, and the table stays sound.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

fault=/sys/kernel/debug/failslab
[[ -d $fault ]] || mount -t debugfs debug /sys/kernel/debug 2> /dev/null
[[ -d $fault ]] || skip_all "no fault injection here"

# set_fault PROBABILITY TASK CACHE: in percent; for tasks with make-it-fail, or
# for all; for slabs that were told so, or for all
set_fault() {
	echo 0 > $fault/verbose
	echo N > $fault/ignore-gfp-wait
	echo -1 > $fault/times
	echo 0 > $fault/space
	echo 1 > $fault/interval
	echo "$2" > $fault/task-filter
	echo "$3" > $fault/cache-filter
	echo "$1" > $fault/probability
}

no_fault() { echo 0 > $fault/probability; }

# failing COMMAND...: with a third of its allocations failing
failing() {
	# shellcheck disable=SC2016
	bash -c 'echo 1 > /proc/self/make-it-fail; exec "$@"' - "$@" \
		> /dev/null 2>&1
}

# slab NAME: allocations from it fail, all of them
slab() { echo "$2" > "/sys/kernel/slab/$1/failslab"; }

packets() {
	local before_drop before_new
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1 dport=1"
	wait_is "a flow" 1 knob r count
	if ! slab ip_conntrack 1 2> /dev/null; then
		skip "packets without memory" "slabs cannot be told to fail here"
		return
	fi
	slab ip_conntrack6 1
	before_drop=$(column r drop) before_new=$(column r new)
	set_fault 100 N Y
	wire c "repeat=20 ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1 dport=100++"
	wire c "repeat=10 ip6 src=fd11::1 dst=fd12::1 / udp sport=1 dport=100++"
	wait_is "no memory for a flow: dropped and counted" $((before_drop + 30)) \
		column r drop
	is "no flow was made" "$before_new" "$(column r new)"
	is "nor is one counted" 1 "$(knob r count)"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1 dport=1"
	wait_for 10 flow r "packets=2 bytes=56"
	like "packets of flows that exist pass" "packets=2 bytes=56" "$(table r)"
	no_fault
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1 dport=100"
	wait_is "memory is back: a flow" 2 knob r count
	slab ip_conntrack 0
	slab ip_conntrack6 0
}

# Translated flows need a second node.
translated() {
	local before
	slab ip_conntrack_alias 1 2> /dev/null || return
	on r nft -f - <<-'END'
	table ip t {
		chain p {
			type filter hook postrouting priority 100
			udp dport 5353 ip saddr set 10.2.0.1
		}
	}
	END
	before=$(column r drop)
	set_fault 100 N Y
	wire c "repeat=5 ip src=10.11.0.1++ dst=10.12.0.1 / udp sport=1++ dport=5353"
	wait_is "no memory for the second node of a flow: dropped and counted" \
		$((before + 5)) column r drop
	is "nor is one counted" 2 "$(knob r count)"
	no_fault
	slab ip_conntrack_alias 0
	wire c "repeat=5 ip src=10.11.0.1++ dst=10.12.0.1 / udp sport=1++ dport=5353"
	wait_is "memory is back: flows" 7 knob r count
	on r nft flush ruleset
}

# What a process asks for: it works, or it is an error, and the next works.
processes() {
	local i refused=0
	set_fault 20 Y N
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		failing sh -c "echo $((1024 << i % 5)) > $param_dir/hashsize"
		failing nsenter --net=/run/netns/r cat /proc/net/ip_conntrack
		failing ip netns add "n$i"
		ip netns delete "n$i" 2> /dev/null
	done
	no_fault
	check "resizing, reading and namespaces: the table works" \
		on r ping -q -c 1 -W 5 127.0.0.1
	check "it can be resized" param hashsize 2048
	is "and was" 2048 "$(knob - buckets)"
	agrees "lines, count and column 1 agree" r
	unload
	set_fault 10 Y N
	for ((i = 0; i < 40; i++)); do
		failing modprobe ip_conntrack || refused=$((refused + 1))
		unload 2> /dev/null
	done
	no_fault
	at_least "loading without memory is refused ($refused times of 40)" 1 \
		"$refused"
	check_not "and leaves nothing: files" test -e /proc/net/ip_conntrack
	check_not "and leaves nothing: slabs" grep -q '^ip_conntrack' /proc/slabinfo
	load hashsize=4096
	is "a right load straight after" 4096 "$(knob - buckets)"
}

# Everything at once, with failures here and there
all_at_once() {
	net_again
	slab ip_conntrack 1
	slab ip_conntrack6 1
	set_fault 30 N Y
	noise_up packets readers resizing
	sleep 8
	noise_down
	no_fault
	at_least "packets were dropped" 1 "$(column r drop)"
	at_least "and flows were made" 1 "$(column r new)"
	agrees "lines, count and column 1 agree" r
	check "rmmod" unload
	check_not "no slab is left" grep -q '^ip_conntrack' /proc/slabinfo
}

# nth WHAT [STRIDE]: each allocation of it fails once, or one of STRIDE
nth() {
	local said
	if said=$(on r "$python" "$here/nth.py" "$@" 2>&1); then
		pass "one allocation after the other fails: $1"
	else
		fail "one allocation after the other fails: $1"
	fi
	say "$said"
}

our_conf=/etc/modprobe.d/ip_conntrack.conf

one_by_one() {
	local many=1
	[[ ${CT_LONG:-} ]] || many=7
	echo N > $fault/ignore-gfp-wait
	echo N > /sys/kernel/debug/fail_page_alloc/ignore-gfp-wait 2> /dev/null
	modprobe ip_conntrack_netlink
	on r ip link set lo up
	nth resize
	nth dump
	nth make
	nth event
	agrees "lines, count and column 1 agree" r
	nth netns $many
	modprobe ip_tables || fail "legacy tables"
	# Who finds no table for want of memory asks for nf_nat's: as it is installed, none
	cp "$here/../contrib/modprobe.conf" "$our_conf"
	nth table $many
	nth chain $many
	rm "$our_conf"
	check "tracking goes on" on r ping -q -c 1 -W 5 127.0.0.1
	unload
	# Not on the console: the kernel has its own words for a module whose image
	# or trace events it has no memory for.
	log_mark
	dmesg -n 1
	nth load $many
	unload 2> /dev/null
	dmesg -n 8
	is "nothing else was complained of" "" "$(log | grep -E \
		'BUG:|WARNING:|KASAN|UBSAN|refcount_t|circular|inconsistent' |
		grep -v 'kernel/trace/')"
	check "from the first word to the last" log_has "$module: version"
	check_not "and none without the module" grep -q '^ip_conntrack' /proc/slabinfo
	load hashsize=4096
}

# net_again: without what the tests before left in it
net_again() {
	echo_up
	check "the network works" on c ping -q -c 1 -W 10 10.2.0.2
}

net_up
load hashsize=4096
wire_up
packets
translated
processes
one_by_one
all_at_once
finish
