#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml
# long: umldebug deb6.1 deb6.12
# timeout: 200
#
# What somebody without privileges can do, and who is root in a user namespace of
# his own; what files, numbers and messages give away. docs/security.md has the
# claims.

# shellcheck disable=SC2016 # for the inner shell
# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need setpriv unshare conntrack

# nobody COMMAND...: as a user without privileges
nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"; }

# inside SCRIPT [ARG...]: the same user, root in user and network namespaces of
# his own. One after the other: files of a network namespace belong to who is root
# when it is made.
inside() {
	nobody unshare --user --map-root-user unshare --net bash -c \
		'ip link set lo up; cd /; dir=$0; '"$1" "$sys_dir" "${@:2}" 2>&1
}

# send TEXT: a Python fragment that sends COUNT datagrams from here to here
send='send() { /usr/bin/python3 -c "
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(1000, 1000 + int(sys.argv[1])):
    try: s.sendto(b\"x\", (\"127.0.0.1\", port))
    except OSError: pass
" "$1"; }; '

# Flows of the machine itself, which are nobody else's business. They outlive the
# test, however long it takes.
own_flows() {
	knob - udp_timeout 600
	bash -c "$send send 50"
	at_least "the machine has flows" 50 "$(knob - count)"
}

no_privileges() {
	check_not "nobody reads the table" nobody cat /proc/net/ip_conntrack
	check_not "nor that of IPv6" nobody cat /proc/net/ip6_conntrack
	check_not "nor by ctnetlink" nobody conntrack -L
	check_not "nor ends flows" nobody conntrack -F
	check_not "nor listens" nobody timeout 2 conntrack -E
	check "the count is for everybody" nobody cat $sys_dir/ip_conntrack_count
	check "so are reasons, which name nobody" nobody cat \
		/proc/net/stat/ip_conntrack_reasons
	check_not "nobody sets a limit" nobody sh -c "echo 1 > $sys_dir/ip_conntrack_max"
	is "what everybody may write" "" "$(find $sys_dir/ip_conntrack_* $param_dir \
		/proc/net/*ip_conntrack* /proc/net/stat/ip_conntrack* \
		-type f -perm /022)"
}

root_elsewhere() {
	local before after
	is "root of a user namespace sees his own table" 0 \
		"$(inside 'cat /proc/net/ip_conntrack | wc -l')"
	is "and fills it" 20 "$(inside "$send"'send 20
		grep -c dport=1 /proc/net/ip_conntrack')"
	is "his statistics are his own" 0 "$(inside \
		'sed -n 2p /proc/net/stat/ip_conntrack | cut -d" " -f1' |
		sed 's/^0*//; s/^$/0/')"
	is "he sets his timeouts" 7 "$(inside 'echo 7 > $dir/ip_conntrack_udp_timeout
		cat $dir/ip_conntrack_udp_timeout')"
	is "and nobody else's" 600 "$(knob - udp_timeout)"
	for knob in buckets buckets_auto buckets_min buckets_max; do
		check_not "$knob is not his" inside \
			"echo 2048 > \$dir/ip_conntrack_$knob"
	done
	check_not "hashsize is not his" inside "echo 2048 > $param_dir/hashsize"
	before=$(knob - count)
	inside 'conntrack -F' > /dev/null
	after=$(knob - count)
	at_least "he ends no flow but his own" $((before - 5)) "$after"
	is "he lists none but his own" 0 "$(inside 'conntrack -L' |
		grep -c 127.0.0.1)"
	check_not "a namespace by number is not to be had" inside \
		'nsenter --net=/proc/1/ns/net true'
}

# exhausts MAX-INSIDE: how many flows he gets to, wherever he sets his limit
exhausts() {
	inside "$send"'echo "$1" > $dir/ip_conntrack_max
		send 400; cat $dir/ip_conntrack_count' "$1" | tail -n 1
}

limits() {
	local got before
	knob - max 100
	before=$(lines - "dst=127.0.0.1")
	for limit in 0 100; do
		got=$(exhausts $limit)
		at_least "max=$limit inside: no more than the first namespace allows" \
			"$got" 100
	done
	check_not "more than that cannot be set" inside \
		'echo 101 > $dir/ip_conntrack_max'
	check_not "nor in one within" inside 'unshare --net \
		sh -c "echo 101 > $dir/ip_conntrack_max"'
	is "the machine's flows are all there" "$before" \
		"$(lines - "dst=127.0.0.1")"
	knob - max 0
}

in_slab() { awk '$1 == "ip_conntrack" { n = $2 } END { print n + 0 }' /proc/slabinfo; }

gone() { (($(in_slab) <= 2400)); }

# What goes with its namespace is gone.
leaves() {
	# Slabs count what a processor holds ready as in use.
	for _ in 1 2 3 4 5 6 7 8; do inside "$send"'send 900' > /dev/null; done
	wait_for 30 gone
	at_least "of 7200 flows nothing stays behind" "$(in_slab)" 2400
}

# order: the ports of the flows, as they come in the list
order() { grep -o 'dport=1[0-9]*' /proc/net/ip_conntrack | awk '!seen[$0]++'; }

ids() { conntrack -L -o id 2> /dev/null | grep -o 'id=[0-9]*' | sort; }

# Nothing that is the same, or says where something is, from load to load
secrets() {
	local first first_ids all
	first=$(order) first_ids=$(ids)
	is "each flow has a number of its own" "$(wc -l <<< "$first_ids")" \
		"$(sort -u <<< "$first_ids" | wc -l)"
	unload
	load hashsize=4096
	modprobe ip_conntrack_netlink
	own_flows
	check_not "the same flows, the key of another load: in another order" \
		test "$(order)" == "$first"
	is "and under other numbers" "" "$(comm -12 <(echo "$first_ids") <(ids))"
	all=$(cat /proc/net/ip_conntrack /proc/net/stat/ip_conntrack* \
		$sys_dir/ip_conntrack_* $param_dir/* 2> /dev/null
		dmesg | grep ip_conntrack; conntrack -L -o id,extended 2> /dev/null)
	is "no address of the kernel's memory anywhere" 0 \
		"$(grep -cE '(0x)?ffff[89a-f][0-9a-f]{11}' <<< "$all")"
}

load hashsize=4096
modprobe ip_conntrack_netlink
ip link set lo up
nobody unshare --user --map-root-user --net true 2> /dev/null ||
	skip_all "no unprivileged user namespaces here"
own_flows
no_privileges
root_elsewhere
limits
leaves
secrets
finish
