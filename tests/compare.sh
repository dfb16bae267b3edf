# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2119
#
# For tests that compare: the same packets and the same rules, first with
# nf_conntrack, then with ours, in the same guest. The test has
#
#	side_up TRACKER		its network, when that tracker is there
#	side TRACKER		what is compared, into $work/TRACKER.*
#	side_down
#
# and calls both_sides. TRACKER is nf or ours.

# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

modinfo nf_conntrack > /dev/null 2>&1 || skip_all "no nf_conntrack here"

both_sides() {
	if ! modprobe nf_conntrack || ! modprobe nf_conntrack_netlink; then
		skip_all "no nf_conntrack here"
	fi
	side_up nf
	on r sysctl -qw net.netfilter.nf_conntrack_acct=1
	side nf
	side_down
	wait_for 30 nf_conntrack_out || fail "nf_conntrack goes"
	load
	side_up ours
	side ours
	check_not "our rules did not load nf_conntrack" \
		test -d /sys/module/nf_conntrack
}

# flows: the table, without what differs from one run to the next
flows() {
	on r conntrack -L -f ipv4 -o labels 2> /dev/null
	on r conntrack -L -f ipv6 -o labels 2> /dev/null
}

scrub() {
	sed -E 's/ +/ /g; s/^([a-z0-9]+ [0-9]+) [0-9]+/\1 T/; s/ use=[0-9]+//; s/ id=[0-9]+$//; s/ labels$//' |
		sort
}

# chain NAME HOOK PRIORITY: counts each packet by its state and family.
chain() {
	local f dir name
	echo "chain $1 {"
	echo "type filter hook $2 priority $3"
	# Neighbours are looked for when they are: only the states count
	echo "icmpv6 type { 130-136, 143 } ct state untracked counter name nd return"
	echo "icmpv6 type { 130-136, 143 } counter name nd_other return"
	for f in 4 6; do
		name=$1$f
		echo "meta nfproto ipv$f ct state new counter name ${name}_new"
		echo "meta nfproto ipv$f ct state invalid counter name ${name}_invalid"
		echo "meta nfproto ipv$f ct state untracked counter name ${name}_untracked"
		for dir in original reply; do
			echo "meta nfproto ipv$f ct state established ct direction $dir counter name ${name}_est_$dir"
			echo "meta nfproto ipv$f ct state related ct direction $dir counter name ${name}_rel_$dir"
		done
		echo "meta nfproto ipv$f ct state related counter name ${name}_related"
	done
	echo "}"
}

# chain_counters CHAIN...: what those count with
chain_counters() {
	local c f s
	echo "counter nd {}"
	echo "counter nd_other {}"
	for c; do
		for f in 4 6; do
			for s in new invalid untracked est_original est_reply \
				rel_original rel_reply related; do
				echo "counter $c${f}_$s {}"
			done
		done
	done
}

# run_steps TRACKER WIRE...: the scenario of standard input, on one processor;
# what each step's counters say is added to $work/TRACKER.states.
run_steps() {
	local tracker=$1
	shift
	taskset -c 0 "$python" "$here/states.py" r "$@" \
		>> "$work/$tracker.states" || fail "$tracker: the scenario"
}

# compare_steps AT_LEAST: of both. "differs NAME" prints what a line of ours may
# have instead, a glob, or nothing.
compare_steps() {
	local line theirs label n=0 other
	while IFS= read -r line; do
		label=${line%% |*}
		theirs=$(grep -F "$label |" "$work/nf.states" | head -n 1)
		n=$((n + 1))
		[[ $line == "$theirs" ]] && continue
		other=$(differs "$label")
		# shellcheck disable=SC2053 # a pattern
		[[ $other && $line == $other ]] && continue
		fail "states: $label" "nf:   ${theirs#* | }" "ours: ${line#* | }"
	done < "$work/ours.states"
	at_least "steps compared" "$1" $n
}

# patient TRACKER: flows outlive the scenario, however slow the machine is.
patient() {
	local place=net.ipv4.netfilter.ip_conntrack name
	[[ $1 == nf ]] && place=net.netfilter.nf_conntrack
	for name in udp_timeout udp_timeout_stream icmp_timeout icmpv6_timeout; do
		on r sysctl -qw "${place}_$name=3000" || fail "$1: $name"
	done
}

side_up() {
	: "$1"
	net_up
	echo_up s
	echo_up r
}

side_down() { net_down; }
