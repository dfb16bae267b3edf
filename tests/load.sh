#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: umldebug deb6.1 deb6.12
#
# Loading: by name and by alias, sizes right and wrong, parameters, names and
# modes of files, what a refused load leaves behind (nothing), sizes of objects.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_module
need modprobe lsmod conntrack iptables nft

buckets() { cat $sys_dir/ip_conntrack_buckets; }

# traces: what there is of the module in this machine.
traces() {
	ls -d /proc/net/ip_conntrack /proc/net/ip6_conntrack \
		/proc/net/stat/ip_conntrack* "$sys_dir"/ip_conntrack_* \
		/proc/sys/net/ipv4/ip_conntrack_max \
		/sys/module/ip_conntrack \
		2> /dev/null
	# Not the links: the kernel leaves those of merged slabs behind.
	find /sys/kernel/slab -maxdepth 1 -type d -name 'ip_conntrack*'
	grep '^ip_conntrack' /proc/slabinfo
}

refused() {
	local status
	log_mark
	modprobe ip_conntrack "$1" 2> /dev/null
	status=$?
	is "$1 is refused" 1 $((status != 0))
	logs "$1: the log says why" "$2"
	wait_is "$1 leaves nothing behind" "" traces
}

names_and_modes() {
	load hashsize=32768
	is "ip_conntrack_buckets is 32768" 32768 "$(buckets)"
	is "the hashsize parameter says so too" 32768 "$(param hashsize)"
	is "max is four times that" 131072 "$(knob - max)"
	like "lsmod has the name" $'\nip_conntrack ' $'\n'"$(lsmod)"
	like "slabinfo has the name" $'\nip_conntrack ' \
		$'\n'"$(cat /proc/slabinfo)"
	is "mode of ip_conntrack" 440 "$(stat -c %a /proc/net/ip_conntrack)"
	is "mode of ip6_conntrack" 440 "$(stat -c %a /proc/net/ip6_conntrack)"
	is "mode of the statistics" 444 \
		"$(stat -c %a /proc/net/stat/ip_conntrack)"
	is "mode of max" 644 "$(stat -c %a $sys_dir/ip_conntrack_max)"
	is "mode of count" 444 "$(stat -c %a $sys_dir/ip_conntrack_count)"
	is "mode of the hashsize parameter" 644 \
		"$(stat -c %a $param_dir/hashsize)"
	check "loading twice is no harm" modprobe ip_conntrack hashsize=1024
	is "and changes nothing" 32768 "$(buckets)"
	check_not "insmod twice is refused" insmod "$(modinfo -n ip_conntrack)"
	is "and changes nothing either" 32768 "$(buckets)"
	check "rmmod" unload
	wait_is "rmmod leaves nothing behind" "" traces
}

aliases() {
	local name
	for name in nf_conntrack_ipv4 nf_conntrack_ipv6; do
		check "modprobe $name" modprobe "$name" hashsize=32768
		is "$name is ip_conntrack: 32768 buckets" 32768 "$(buckets)"
		check_not "and not nf_conntrack" test -d /sys/module/nf_conntrack
		unload
	done
}

# What other programs ask the kernel for brings in what it brought without us.
uninvited() {
	local alias
	is "no module of ours depends on nf_conntrack" "" "$(modinfo -F depends \
		ip_conntrack{,_netlink,_xt,_nft} 2> /dev/null |
		grep -w nf_conntrack)"
	nf_conntrack_out || { skip "uninvited" "nf_conntrack stays"; return; }
	for alias in nfnetlink-subsys-1 nfnetlink-subsys-2 xt_conntrack \
			ipt_state nft-expr-ct net-pf-16-proto-12; do
		is "nobody gets ip_conntrack for $alias" "" \
			"$(modprobe -R $alias 2> /dev/null | grep ip_conntrack)"
	done
	conntrack -L > /dev/null 2>&1
	conntrack -E -o timestamp > /dev/null 2>&1 & sleep 0.2; kill $!
	iptables -A INPUT -m conntrack --ctstate INVALID
	iptables -D INPUT -m conntrack --ctstate INVALID
	nft add table ip t
	nft add chain ip t c
	nft add rule ip t c ct state new counter
	is "conntrack -L and stateful rules bring in nothing of ours" "" \
		"$(lsmod | grep '^ip_conntrack')"
	nft delete table ip t
	nf_conntrack_out
	load
	check "who loads ip_conntrack has all of it" \
		test -d /sys/module/ip_conntrack_netlink
	check "and conntrack -L asks it" conntrack -L
	check_not "and not nf_conntrack" test -d /sys/module/nf_conntrack
	unload
}

usual_size() {
	local kib wanted
	load
	kib=$(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo)
	wanted=1024
	while ((wanted * 2 <= kib / 16 && wanted < 65536)); do
		wanted=$((wanted * 2))
	done
	((kib > 4 << 20)) && wanted=262144
	is "without hashsize: by memory ($kib kB)" "$wanted" "$(buckets)"
	is "max is four times that" $((4 * wanted)) "$(knob - max)"
	is "counters are on" 1 "$(knob - acct)"
	unload
}

rounding() {
	log_mark
	load hashsize=5000
	is "hashsize=5000 becomes 8192" 8192 "$(buckets)"
	logs "and the log says so" "hashsize 5000 becomes 8192"
	unload
	log_mark
	load hashsize=1
	is "hashsize=1 becomes 1024" 1024 "$(buckets)"
	logs "and the log says so" "hashsize 1 becomes 1024"
	unload
	log_mark
	load hashsize=0x4000
	is "hashsize=0x4000" 16384 "$(buckets)"
	logs "the first line: buckets and max" "16384 buckets, max 65536 flows"
	check_not "nothing was rounded" log_has becomes
	unload
}

bad_sizes() {
	local size
	for size in 0 -1 abc 4294967295 4294968320 18446744073709551617 12x ''; do
		refused "hashsize=$size" "hashsize '$size' refused: .*number from 1"
	done
	# A number, but the machine is too small for it
	refused hashsize=134217728 "no table of 134217728 buckets"
	refused max=-1 "max '-1' refused"
	refused max=many "max 'many' refused"
	refused max=4294967295 "max '4294967295' refused"
	load hashsize=32768
	is "a right one works straight after" 32768 "$(buckets)"
	unload
}

parameters() {
	load hashsize=2048 max=100 acct=0
	is "max=100" 100 "$(knob - max)"
	is "max=100, the other name" 100 \
		"$(cat /proc/sys/net/ipv4/ip_conntrack_max)"
	is "acct=0" 0 "$(knob - acct)"
	ip netns add c
	is "a namespace begins with acct=0" 0 "$(knob c acct)"
	is "a namespace begins with max=100" 100 "$(knob c max)"
	ip netns delete c
	unload
	load max=0
	is "max=0: no limit" 0 "$(knob - max)"
	unload
	log_mark
	load dropin=0 nf_names=1
	logs "dropin=0: observer" "ip_conntrack: version .* observer"
	unload
	load dropin=1 nf_names=0
	unload
}

# at_run_time HOW WRITE: as parameter and as sysctl
at_run_time() {
	local name=$1 size
	shift
	check "$name: 4096" "$@" 4096
	is "$name: buckets is 4096" 4096 "$(buckets)"
	is "$name: hashsize is 4096" 4096 "$(param hashsize)"
	log_mark
	check "$name: 3000" "$@" 3000
	is "$name: 3000 becomes 4096" 4096 "$(buckets)"
	logs "$name: the log says so" "hashsize 3000 becomes 4096"
	for size in 0 -1 abc 4294967295 '12 13'; do
		log_mark
		check_not "$name: $size is refused" "$@" "$size"
		logs "$name: $size: the log says why" "hashsize '.*refused"
		is "$name: $size: the old table stays" 4096 "$(buckets)"
	done
	check_not "$name: too much for this machine" "$@" 134217728
	is "$name: the old table stays" 4096 "$(buckets)"
	check "$name: 1024" "$@" 1024
	is "$name: down to 1024" 1024 "$(buckets)"
}

run_time() {
	load hashsize=2048
	at_run_time parameter param hashsize
	at_run_time sysctl knob - buckets
	is "max did not change" 8192 "$(knob - max)"
	unload
}

object_sizes() {
	local size
	if is_debug_kernel; then
		skip "sizes of objects" "debug kernel"
		return
	fi
	load
	log_mark
	size=$(awk '$1 == "ip_conntrack" { print $4 }' /proc/slabinfo)
	check "an IPv4 flow is one object of at most 128 bytes ($size)" \
		test "$size" -le 128
	size=$(awk '$1 == "ip_conntrack6" { print $4 }' /proc/slabinfo)
	check "an IPv6 flow is one object of at most 192 bytes ($size)" \
		test "$size" -le 192
	unload
}

# In and out, many times: nothing is in the way of the next.
again_and_again() {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		modprobe ip_conntrack hashsize=$((i << 10)) || break
		unload || break
	done
	is "in and out ten times" 10 "$i"
	wait_is "nothing is left" "" traces
}

unload 2> /dev/null
names_and_modes
aliases
uninvited
usual_size
rounding
bad_sizes
parameters
run_time
object_sizes
again_and_again
finish
