#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml deb6.12
# long: umldebug deb6.1
# timeout: 400
#
# The names of nf_conntrack. With nf_names=1 the files and sysctls are there
# under them too, and say the same; nf_conntrack is refused meanwhile. Without
# it they are nf_conntrack's, which may come later and track beside us.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need nft conntrack socat ping

nf_dir=/proc/sys/net/netfilter
columns='entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart'

# nf_files NS: those of our names that are there
nf_files() {
	# shellcheck disable=SC2016
	on "$1" sh -c 'cd /proc; for file in net/nf_conntrack \
		net/stat/nf_conntrack sys/net/nf_conntrack_max \
		sys/net/netfilter/nf_conntrack_*; do
		case $file in *_frag6_*) continue ;; esac
		[ -e "$file" ] && echo "$file"; done'
}

# no_nf_files NAME NS
no_nf_files() { is "$1" "" "$(nf_files "$2")"; }

# nf_knob NS NAME [VALUE]: the sysctl nf_conntrack_NAME
nf_knob() {
	on "$1" test -e "$nf_dir/nf_conntrack_$2" || return
	if (($# > 2)); then
		# shellcheck disable=SC2016
		on "$1" sh -c 'printf "%s\n" "$1" > "$2"' - "$3" \
			"$nf_dir/nf_conntrack_$2" 2> /dev/null
	else
		on "$1" cat "$nf_dir/nf_conntrack_$2"
	fi
}

# mode FILE: of a file of the router
mode() { on r stat -c '%a %U %G' "$1"; }

traffic() {
	echo hello | on c socat -t 10 - TCP:10.2.0.2:7,sourceport=40001 > /dev/null
	echo hello | on c socat -t 1 - UDP:10.2.0.2:7,sourceport=40002 > /dev/null
	echo hello | on c socat -t 10 - 'TCP:[fd02::2]:7,sourceport=40003' \
		> /dev/null
	on c ping -q -c 1 -W 5 10.2.0.2 > /dev/null
	on c ping -q -c 1 -W 5 fd02::2 > /dev/null
}

off_by_default() {
	load
	no_nf_files "not there without nf_names" r
	unload
}

# cannot_be WHY REGEX PARAMETER...: the module is there and says why they are not
cannot_be() {
	local name=$1 line=$2
	shift 2
	log_mark
	load nf_names=1 "$@"
	logs "$name: the log says so" "ip_conntrack: nf_names=1 has no effect: $line"
	is "$name: in one line" 1 "$(log | grep -c nf_names)"
	is "$name: the parameter is off" N "$(param nf_names)"
	check "$name: the classic files are there" on r cat /proc/net/ip_conntrack
	check "$name: rmmod" unload
}

refused_names() {
	cannot_be "dropin=0" "dropin=0 leaves" dropin=0
	modprobe nf_conntrack
	cannot_be "nf_conntrack is loaded" "nf_conntrack is there"
	check "its own files are untouched" on r cat /proc/net/nf_conntrack
	check "nf_conntrack goes" nf_conntrack_out
}

files() {
	is "mode of nf_conntrack" "440 root root" "$(mode /proc/net/nf_conntrack)"
	is "mode of stat/nf_conntrack" "444 root root" \
		"$(mode /proc/net/stat/nf_conntrack)"
	is "mode of nf_conntrack_max" "644 root root" \
		"$(mode $nf_dir/nf_conntrack_max)"
	is "mode of nf_conntrack_count" "444 root root" \
		"$(mode $nf_dir/nf_conntrack_count)"
	is "mode of net/nf_conntrack_max" "644 root root" \
		"$(mode /proc/sys/net/nf_conntrack_max)"
	is "a sysctl for each classic one" \
		"$(on r ls $sys_dir | sed -n 's/^ip_conntrack_//p')" \
		"$(nf_files r | sed -n 's,.*/netfilter/nf_conntrack_,,p')"
	is "their values are the same" \
		"$(on r grep -H . -r $sys_dir | sed -n 's,.*/ip_conntrack_,,p' | sort)" \
		"$(on r grep -H . -r $nf_dir | grep -v _frag6_ |
			sed -n 's,.*/nf_conntrack_,,p' | sort)"
}

# as_nf: classic lines as nf_conntrack writes them
as_nf() {
	sed -E '/src=[0-9.]+ /s/^/ipv4     2 /
		/src=[0-9a-f]+:/s/^/ipv6     10 /
		s/ secmark=0 use=/ zone=0 use=/' | without_time | sort
}

without_time() { sed -E 's/^(.{9}[0-9]+ .{8} [0-9]+) [0-9]+ /\1 T /'; }

same_lines() {
	[[ $(table r | as_nf) == \
		"$(on r cat /proc/net/nf_conntrack | without_time | sort)" ]]
}

lines_of_nf() {
	local got
	traffic
	# A flow may end between two reads.
	if wait_for 20 same_lines; then
		pass "the lines are the classic ones in the form of nf_conntrack"
	else
		fail "the lines are the classic ones in the form of nf_conntrack" \
			"$(table r | as_nf)" "got:" \
			"$(on r cat /proc/net/nf_conntrack)"
	fi
	got=$'\n'$(on r cat /proc/net/nf_conntrack)$'\n'
	like "a TCP flow of IPv4" \
		$'\n'"ipv4     2 tcp      6 ([2-9]|1[01])[0-9] TIME_WAIT src=10.1.0.2 dst=10.2.0.2 sport=40001 dport=7 packets=[0-9]+ bytes=[0-9]+ src=10.2.0.2 dst=10.1.0.2 sport=7 dport=40001 packets=[0-9]+ bytes=[0-9]+ \[ASSURED\] mark=0 zone=0 use=1"$'\n' \
		"$got"
	like "a TCP flow of IPv6" \
		$'\n'"ipv6     10 tcp      6 ([2-9]|1[01])[0-9] TIME_WAIT src=fd01:0000:0000:0000:0000:0000:0000:0002 dst=fd02:0000:0000:0000:0000:0000:0000:0002 sport=40003 " \
		"$got"
	knob r timestamp 1
	echo hello | on c socat -t 1 - UDP:10.2.0.2:7,sourceport=40005 > /dev/null
	wait_for 10 flow r sport=40005
	like "with timestamps, how old a flow is" \
		"mark=0 zone=0 delta-time=[0-9]{1,2} use=1" \
		"$(on r grep sport=40005 /proc/net/nf_conntrack)"
	knob r timestamp 0
}

# rows FILE COLUMN...: these columns of all processors
rows() { on r cat "/proc/net/stat/$1" | tr -s ' ' | tail -n +2 | cut -d' ' "-f$2"; }

same_columns() {
	[[ $(rows ip_conntrack 1,3-7,9-) == "$(rows nf_conntrack 1,3-7,9-)" ]]
}

entries_agree() {
	[[ $(knob r count) == $((16#$(rows nf_conntrack 1 | head -n 1))) ]]
}

statistics() {
	is "the header of the statistics" "$columns" \
		"$(on r head -n 1 /proc/net/stat/nf_conntrack)"
	# A packet of neighbours may come between two reads.
	check "columns that both have are the same" wait_for 10 same_columns
	is "no chain is too long" "" "$(rows nf_conntrack 8 | grep -v '^00000000$')"
	check "entries is the count" wait_for 10 entries_agree
}

writes() {
	check "write udp_timeout" nf_knob r udp_timeout 17
	is "the classic name shows it" 17 "$(knob r udp_timeout)"
	check "write the classic udp_timeout" knob r udp_timeout 30
	is "the other name shows it" 30 "$(nf_knob r udp_timeout)"
	check_not "what is refused there is refused here" nf_knob r udp_timeout 1x
	check "write net.nf_conntrack_max" \
		on r sysctl -qw net.nf_conntrack_max=1234
	is "it is the limit, everywhere" "1234 1234 1234" \
		"$(nf_knob r max) $(knob r max) $(on r cat /proc/sys/net/ipv4/ip_conntrack_max)"
	check "write buckets" nf_knob - buckets 8192
	is "the table has them" "8192 8192" "$(param hashsize) $(knob r buckets)"
}

namespaces() {
	local got
	ip netns add n
	ip -n n link set lo up
	on n ping -q -c 1 -W 5 127.0.0.1 > /dev/null
	is "a new namespace has the names" "$(nf_files r)" "$(nf_files n)"
	is "and flows of its own" "1 1" \
		"$(nf_knob n count) $(on n grep -c '' /proc/net/nf_conntrack)"
	exec 8< <(on n bash -c 'exec 9< /proc/net/nf_conntrack
		head -c 40 <&9 | wc -c; sleep 3; cat <&9' 2> /dev/null)
	read -r -t 60 got <&8
	is "its file is open, half read" 40 "$got"
	ip netns delete n
	cat <&8 > "$work/rest"
	exec 8<&-
	check "it goes, and no harm is done" on r cat /proc/net/nf_conntrack
}

# nf_conntrack finds its names taken.
no_other() {
	log_mark
	check_not "nf_conntrack cannot be loaded" modprobe nf_conntrack
	check_not "and is not" test -d /sys/module/nf_conntrack
	logs "the log says why" "ip_conntrack: nf_conntrack refused"
	is "the kernel complains of nothing" "" "$(log | grep -i duplicate)"
	check "a rule that translates does not need it" \
		on r nft 'add table ip x; add chain ip x y { type nat hook postrouting priority 100; }; add rule ip x y masquerade'
	check "the files are there" on r cat /proc/net/nf_conntrack
	check "and packets pass" on c ping -q -c 1 -W 5 10.2.0.2
	on r nft flush ruleset
}

readers_of_today() {
	local got
	PATH+=:${CT_CACHE:-}/unpacked/prometheus-node-exporter/usr/bin
	if ! command -v prometheus-node-exporter > /dev/null; then
		skip "prometheus-node-exporter" "it is not here"
		return
	fi
	ip -n r link set lo up
	bg @r prometheus-node-exporter --collector.disable-defaults \
		--collector.conntrack --web.listen-address=127.0.0.1:9100 \
		2> "$work/exporter"
	wait_for 60 on r curl -s -o /dev/null http://127.0.0.1:9100/metrics
	check "prometheus-node-exporter: entries is the count" \
		wait_for 20 exporter_agrees
	got=$(on r curl -s http://127.0.0.1:9100/metrics)
	bg_end "$bg_pid"
	like "prometheus-node-exporter: the limit" \
		'node_nf_conntrack_entries_limit 1234' "$got"
	like "prometheus-node-exporter: statistics" \
		'node_nf_conntrack_stat_found [1-9]' "$got"
}

# exporter_agrees: what it says is the count, its reader's own connection with it.
exporter_agrees() {
	local got
	got=$(on r curl -s http://127.0.0.1:9100/metrics |
		sed -n 's/^node_nf_conntrack_entries //p')
	[[ $got && $got == "$(knob r count)" ]]
}

with_names() {
	log_mark
	load nf_names=1 hashsize=4096
	logs "the log says so" \
		"ip_conntrack: version .* drop-in for nf_conntrack, with its file names"
	is "the parameter is on" Y "$(param nf_names)"
	files
	lines_of_nf
	statistics
	writes
	namespaces
	no_other
	readers_of_today
	check "rmmod" unload
	no_nf_files "all of them are gone" r
	check_not "and the classic ones too" test -e /proc/net/ip_conntrack
	check "nf_conntrack can be loaded again" modprobe nf_conntrack
	check "and its files are its own" on r cat /proc/net/nf_conntrack
	check "it goes" nf_conntrack_out
}

# loaded_with NUMBER: all names are there, and the parameter says so, or none,
# and the log says so.
loaded_with() {
	local ns
	for ns in - c r s; do
		[[ $(nf_files "$ns" | wc -l) == "$1" ]] || return
	done
	if (($1)); then [[ $(param nf_names) == Y ]]; else
		[[ $(param nf_names) == N ]] && log_has 'nf_names=1 has no effect'
	fi
}

# load_failing N: with the Nth file that it makes failing
load_failing() {
	# shellcheck disable=SC2016
	bash -c 'echo "$1" > /proc/self/fail-nth
		exec modprobe ip_conntrack nf_names=1 hashsize=1024' - "$1" \
		> /dev/null 2>&1
	loaded
}

# The namespaces are four. Each has four classic files, and two of our names.
without_memory() {
	local n all fault=/sys/kernel/debug/failslab
	[[ -d $fault ]] || mount -t debugfs debug /sys/kernel/debug 2> /dev/null
	if ! echo 1 2> /dev/null > /sys/kernel/slab/proc_dir_entry/failslab; then
		say "files cannot be told to fail here"
		return
	fi
	load nf_names=1
	all=$(nf_files r | wc -l)
	unload
	echo 0 > $fault/verbose
	echo N > $fault/ignore-gfp-wait
	echo Y > $fault/cache-filter
	check_not "no memory for the last classic file: refused" load_failing 16
	for n in 17 20 24; do
		log_mark
		check "no memory for file $n: loaded" load_failing "$n"
		check "without any of the names" loaded_with 0
		unload
	done
	check "no memory for one more: loaded" load_failing 25
	check "with all of them" loaded_with "$all"
	unload
	echo 0 > /sys/kernel/slab/proc_dir_entry/failslab
}

# passed: packets that the old rule counted
passed() {
	on r nft list chain inet old f | sed -n 's/.*packets \([0-9]*\) .*/\1/p'
}

# It comes while we stand in for it.
beside() {
	local before
	load nat=0
	# On a line of its own: the companion may be loaded by it.
	on r nft -f - <<-'END'
	table inet old {
		chain f {
			type filter hook forward priority 0
			ct state new counter
		}
	}
	END
	check_not "the rule does not load nf_conntrack" \
		test -d /sys/module/nf_conntrack
	echo hello | on c socat -t 10 - TCP:10.2.0.2:7,sourceport=40011 > /dev/null
	before=$(passed)
	at_least "the rule counts" 1 "$before"
	log_mark
	check "nf_conntrack is loaded later" modprobe nf_conntrack
	logs "the log says that both track" \
		"ip_conntrack: nf_conntrack was loaded: both track"
	# Something must want it to track.
	on r nft 'add table ip x; add chain ip x y { type nat hook postrouting priority 100; }; add rule ip x y ip daddr 10.9.9.9 masquerade'
	is "traffic passes" hello \
		"$(echo hello | on c socat -t 10 - TCP:10.2.0.2:7,sourceport=40012)"
	is "the old rule counts on" $((before + 1)) "$(passed)"
	wait_for 10 flow r sport=40012
	like "the flow is in our table" "TIME_WAIT .*sport=40012" \
		"$(flow r sport=40012)"
	like "and in that of nf_conntrack" "TIME_WAIT .*sport=40012" \
		"$(on r grep sport=40012 /proc/net/nf_conntrack)"
	is "the log says it once" 1 "$(log | grep -c 'both track')"
	check "nf_conntrack goes" nf_conntrack_out
	check "rmmod" unload
}

net_up
echo_up
off_by_default
refused_names
with_names
without_memory
beside
finish
