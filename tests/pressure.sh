#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml umldebug
# long: deb6.1
#
# A full table: who has to go, whom a flood must not cost anything, what the
# policies do, what one source may have, a table that grows and shrinks with its
# flows, resizes that are interrupted, first packets that meet on two processors,
# and that nothing is left of all that: flows, lines, counters and memory agree.

# shellcheck disable=SC2317 # called by name
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

storms=/sys/module/ct_storm/parameters

# storm RUN: see tests/bench/ct_storm.c
storm() { on p sh -c "echo $1 > $storms/run"; }

dropped() { cat $storms/dropped; }

# went TEXT: a line of the reasons
went() {
	on p sed -n "s/^ *\([0-9]*\) $1.*/\1/p" \
		/proc/net/stat/ip_conntrack_reasons
}

# kinds: how many flows, how many never answered, how many assured
kinds() {
	echo "$(knob p count) $(knob p count_unreplied) $(knob p count_assured)"
}

# agree NAME: the count is that of the lines and of the kinds in them
agree() {
	is "$1" "$(lines p) $(lines p '[UNREPLIED]') $(lines p '[ASSURED]')" \
		"$(kinds)"
}

flush() { on p conntrack -F > /dev/null 2>&1; }

# begin MAX
begin() {
	flush
	knob p max "$1"
	knob p full_policy 0
}

by_kind() {
	begin 0
	storm "establish 100"
	storm "flood 50"
	is "100 connections and 50 SYNs" "150 50 100" "$(kinds)"
	check "count_assured can be read by anybody" on p setpriv --reuid 65534 \
		cat $sys_dir/ip_conntrack_count_assured
	check_not "count_assured cannot be written" knob p count_assured 1
	flush
	is "none is left" "0 0 0" "$(kinds)"
}

# A flood of ten times what there is room for
flooded() {
	local max=$1 invalid connections
	connections=$((max / 16))
	begin "$max"
	storm "establish $connections"
	storm "flood $((max * 10))"
	is "flood: no packet of it is dropped" 0 "$(dropped)"
	is "flood: all $connections connections are there" "$connections" \
		"$(knob p count_assured)"
	invalid=$(column p invalid)
	storm "talk $connections"
	is "flood: nothing that they say is dropped" 0 "$(dropped)"
	is "flood: nothing that they say is invalid" "$invalid" \
		"$(column p invalid)"
	at_least "flood: not more flows than there may be" "$(knob p count)" "$max"
	at_least "flood: the room is used" $((max - 64)) "$(knob p count)"
	agree "flood: lines and counters agree"
	at_least "flood: what went is counted" $((max * 9)) \
		"$(went 'unanswered flows given up')"
	is "flood: nothing else went" "0 0" \
		"$(went 'assured flows given up') $(went 'answered flows given up')"
}

# Handshakes in a flood: the SYN-ACK comes when so many SYNs have come meanwhile.
# Which flow is older is told in jiffies, and they stand still for as long as a busy
# host likes: one goes by for each sixteenth of the table. Where the round trip is three
# quarters of the time that it takes to fill what a thousand connections leave of the
# table, one of them may be lost.
handshakes() {
	local max=$1 round invalid
	for round in $((max / 32)) $((max / 3)); do
		begin "$max"
		storm "flood $max"
		invalid=$(column p invalid)
		storm "honest 200 $((max / 64)) $round $((max / 16))"
		is "200 handshakes, $round of $max SYNs in a round trip: none is lost" \
			"0 200" "$(($(column p invalid) - invalid)) $(knob p count_assured)"
	done
	begin "$max"
	round=$(((max - 1000) * 31 / 40))
	storm "flood $max"
	invalid=$(column p invalid)
	storm "honest 1000 $((max / 64)) $round $((max / 16))"
	at_most "1000 handshakes, $round of $max SYNs in a round trip: one may be lost" 1 \
		"$(($(column p invalid) - invalid))"
	at_least "and the others are made" 999 "$(knob p count_assured)"
}

# DNS and its like: younger than the flood, but with less time left. The rest of the
# flood takes the places of a quarter of the table. (Where it takes those of half of
# it, those who look at 32 flows at a time do not always find an old one.)
short_lived() {
	begin 2048
	knob p udp_timeout 30
	storm "flood 2000"
	sleep 1.1
	storm "udp 40"
	storm "flood 500"
	is "of two kinds the one goes that has been idle, not the one with less time" \
		40 "$(lines p 'udp ')"
}

policies() {
	local before
	begin 200
	storm "establish 200"
	log_mark
	storm "flood 10"
	is "policy 0: the new packet is dropped" "10 200" \
		"$(dropped) $(knob p count_assured)"
	logs "policy 0: the log says so" \
		'table full in namespace [0-9]+: 20[0-9] flows, 200 of them assured, 0 never answered.*ip_conntrack_max.*ip_conntrack_full_policy'

	knob p full_policy 2
	storm "flood 10"
	is "policy 2: the packet passes, without a flow" "0 200 200" \
		"$(dropped) $(knob p count) $(knob p count_assured)"
	is "policy 2: and is counted" 10 "$(went 'first packets that passed')"

	knob p full_policy 1
	before=$(went 'assured flows given up')
	sleep 1.1
	storm "talk 100"	# the others are idle
	storm "establish 250"	# 50 more than there are
	is "policy 1: the new flow is made" "0 200" "$(dropped) $(knob p count)"
	is "policy 1: in place of an assured one" 50 \
		$(($(went 'assured flows given up') - before))
	agree "policies: lines and counters agree"
}

# found: is there room for one more?
found() { storm "flood 1"; (($(dropped) == 0)); }

# One in hundreds can be given up: too few to be found in passing
needle() {
	begin 0
	storm "flood 3"
	storm "establish 3000"
	knob p max 3003
	sleep 2.1
	check "a flow that can be given up is found" wait_for 10 found
	is "and no other" 3000 "$(knob p count_assured)"
}

sources() {
	local limited='first packets of a source with too many' before
	begin 0
	storm "udp 10"
	check "prefix length" knob p source_prefix4 24
	check "a limit" knob p max_per_source 15
	before=$(went "unanswered flows given up")
	storm "udp 20"
	is "10 flows of a network, 5 more may come, 5 in the place of others" \
		"0 15" "$(dropped) $(knob p count)"
	is "which are counted" 5 \
		$(($(went "unanswered flows given up") - before))
	storm "flood 3"
	is "another network is not meant" "0 18" "$(dropped) $(knob p count)"
	flush
	storm "udp 20"
	is "what is gone does not count" "0 15" "$(dropped) $(knob p count)"
	flush
	storm "establish 20"
	is "15 connections of a network may be" 15 "$(knob p count_assured)"
	at_least "the rest is counted" 5 "$(went "$limited")"
	flush
	check_not "the prefix length stays while sources are counted" \
		knob p source_prefix4 32
	knob p max_per_source 0
	storm "udp 20"
	is "no limit" "0 20" "$(dropped) $(knob p count)"
	knob p source_prefix4 32
	knob p max_per_source 1
	storm "udp 20"
	is "each address for itself: no packet of a flow that is there is dropped" \
		0 "$(dropped)"
	knob p max_per_source 0
	begin 50
	storm "establish 50"
	check "networks again" knob p source_prefix4 24
	knob p max_per_source 30
	storm "udp 20"
	is "a flow that found no room" "20 50" "$(dropped) $(knob p count)"
	knob p max 0
	storm "udp 20"
	is "does not count either" "0 70" "$(dropped) $(knob p count)"
	knob p max_per_source 0
	flush
	knob p source_prefix4 32
}

# All of this is one source: what is sent in somebody's name, and what he sends.
in_the_name_of_another() {
	local invalid
	begin 0
	knob p source_prefix4 0
	knob p max_per_source 200
	storm "establish 20"
	storm "flood 1000"
	is "in another's name: no more flows than a source may have" "0 200 20" \
		"$(dropped) $(knob p count) $(knob p count_assured)"
	storm "udp 50"
	is "in another's name: his own packets are not dropped for them" "0 50" \
		"$(dropped) $(lines p 'udp ')"
	invalid=$(column p invalid)
	storm "talk 20"
	is "in another's name: his connections are all there" "0 $invalid 20" \
		"$(dropped) $(column p invalid) $(knob p count_assured)"
	storm "honest 80 10 30"
	is "in another's name: 80 handshakes, 30 SYNs in a round trip, none lost" \
		"$invalid 100" "$(column p invalid) $(knob p count_assured)"
	knob p max_per_source 0
	flush
	knob p source_prefix4 32
}

race() {
	local n=$1
	(($(nproc) > 1)) || return 0
	begin 0
	knob p udp_timeout 3600
	storm "race $n"
	is "$n times two first packets on two processors: none is dropped" 0 \
		"$(dropped)"
	is "$n flows" "$n" "$(knob p count)"
	is "all of them answered or joined, none twice" "$n" "$(lines p)"
	flush
	is "none is left after it" "0 0 0" "$(kinds)"
}

buckets_reach() { (($(knob - buckets) == $1)); }

follows() {
	begin 0
	knob - buckets_min 2000
	knob - buckets 1024
	check "auto" knob - buckets auto
	is "auto" 1 "$(knob - buckets_auto)"
	storm "udp 5000"
	wait_for 10 buckets_reach 8192
	is "the table grows with its flows" 8192 "$(knob - buckets)"
	knob - buckets_max 10000
	storm "udp 20000"
	sleep 2.5
	is "not above the bound" 8192 "$(knob - buckets)"
	flush
	if is_debug_kernel; then
		sleep 30
		is "not at once" 8192 "$(knob - buckets)"
		# A look a second, or a little later
		wait_for 90 buckets_reach 2048
		is "it shrinks when it has been too large for a minute" 2048 \
			"$(knob - buckets)"
	fi
	knob - buckets 4096
	is "a number ends that" "4096 0" \
		"$(knob - buckets) $(knob - buckets_auto)"
	check_not "buckets=auto1" knob - buckets auto1
	check_not "buckets=aut" knob - buckets aut
}

# Killed at any moment, a resize comes to its end all the same.
killed() {
	local i n
	begin 0
	storm "udp $1"
	for i in {1..10}; do
		n=$((i % 2 ? 262144 : 1024))
		timeout -s KILL "0.0$((i % 5 + 1))" sh -c \
			"echo $n > $sys_dir/ip_conntrack_buckets"
		knob p count > /dev/null
	done 2> /dev/null
	knob - buckets 4096
	is "resizes that were killed: another one" 4096 "$(knob - buckets)"
	is "resizes that were killed: all flows are there" "$1 $1" \
		"$(lines p) $(knob p count)"
	flush
}

# Resizes to any size, one behind the other, beside dumps, flushes and traffic
resizes() {
	local i pids=()
	begin 0
	touch "$work/on"
	(while [[ -e $work/on ]]; do storm "udp 500"; done) & pids+=($!)
	(while [[ -e $work/on ]]; do lines p > /dev/null; done) & pids+=($!)
	(while [[ -e $work/on ]]; do flush; sleep 0.02; done) & pids+=($!)
	ct_jobs+=("${pids[@]}")
	for ((i = 0; i < $1; i++)); do
		echo $((1024 << RANDOM % 8)) > $sys_dir/ip_conntrack_buckets ||
			break
	done
	rm "$work/on"	# whoever is killed leaves a storm behind
	wait "${pids[@]}"
	is "$1 resizes beside dumps, flushes and traffic" "$1" "$i"
	flush
	is "and nothing is left" "0 0 0 0" "$(kinds) $(lines p)"
}

# objects: in the slabs, alive or not
objects() {
	local slab=/sys/kernel/slab/ip_conntrack
	if [[ -e $slab/total_objects ]]; then
		echo 1 > $slab/shrink
		cat $slab/total_objects | cut -d' ' -f1
	fi
}

no_more_than() { (($(objects) <= $1)); }

remains() {
	local left
	flush
	left=$(objects)
	[[ $left ]] || return 0
	left=$((left + $1 / 100 + 64))
	begin 0
	storm "udp $1"
	flush
	wait_for 15 no_more_than "$left"
	at_least "memory of $1 flows is given back" "$(objects)" "$left"
}

# datagrams FIRST LAST: to these ports of its own, all from one processor
datagrams() {
	# shellcheck disable=SC2016 # for the inner shell
	on hand taskset -c 0 bash -c 'for ((p = $1; p <= $2; p++)); do
		echo > /dev/udp/127.0.0.1/$p; done' - "$1" "$2" 2> /dev/null
}

# A processor has room in hand from under a higher limit: the lower one holds at once.
lowered() {
	ip netns add hand
	on hand ip link set lo up
	knob hand max 100000
	datagrams 5001 5001
	knob hand max 5
	datagrams 6001 6024
	at_most "a limit that was lowered holds at once" 5 "$(knob hand count)"
	at_least "and flows were made under it" 2 "$(knob hand count)"
	ip netns delete hand
}

need conntrack
need_module
modprobe ct_storm || skip_all "no module ct_storm here"
load hashsize=4096 max=0
ip netns add p
on p ip link set lo up
if is_debug_kernel; then n=2048; else n=16384; fi

by_kind
flooded "$n"
handshakes "$n"
short_lived
policies
needle
lowered
sources
in_the_name_of_another
race $((n * 5))
follows
killed $((n * 2))
resizes 200
remains $((n * 4))
agree "at the end: lines and counters agree"
rmmod ct_storm
ip netns delete p
finish
