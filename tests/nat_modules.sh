#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml deb6.12
# long: umldebug deb6.1
# timeout: 600
# shellcheck disable=SC2119,SC2317
#
# Who serves rules that translate (some 30 s): our modules are there when rules ask for
# them, do not go while there are rules, and keep out those that would take rules for
# nf_nat; where nf_nat is first, or nat=0, rules are its own.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

[[ ${CT_GUEST:-} ]] || skip_all "changes /etc, so only in a guest"
need nft iptables ip6tables conntrack
sets=$here/rulesets
no_nf=/etc/modprobe.d/no-nf_conntrack.conf
our_conf=/etc/modprobe.d/ip_conntrack.conf
trap 'rm -f "$no_nf" "$our_conf"; cleanup' EXIT

# fresh: a host n, with nothing in it
fresh() {
	ip netns delete n 2> /dev/null
	ip netns add n
}

no_ours() { [[ ! -d /sys/module/$module ]]; }

# of_nat: what is loaded of ours for translation
of_nat() { lsmod | sed -n 's/^ip_conntrack_nat_*\([a-z0-9]*\) .*/\1/p' | sort | xargs; }

# Eight at once want a table that is not there.
table_at_once() {
	local job jobs=()
	fresh
	for _ in 1 2 3 4 5 6 7 8; do
		on n iptables-legacy -t nat -S > /dev/null 2>> "$work/at_once" &
		jobs+=($!)
	done
	for job in "${jobs[@]}"; do wait "$job"; done
	is "a table that eight ask for at once" "" "$(cat "$work/at_once")"
}

in_use() {
	on n ip6tables-legacy -t nat -S > /dev/null
	is "what rules asked for is there" "ipt4 ipt6 nft xt" "$(of_nat)"
	fresh
	on n iptables-legacy -t nat -A POSTROUTING -j MASQUERADE
	on n nft -f - <<-'END'
	table inet t {
		chain c {
			type nat hook postrouting priority 100
			masquerade
		}
	}
	END
	for companion in xt nft ipt4; do
		check_not "$companion does not go: there are rules" \
			rmmod "ip_conntrack_nat_$companion"
	done
	check_not "nor the engine" rmmod ip_conntrack_nat
	on n nft flush ruleset
	on n iptables-legacy -t nat -F
	check "without rules a table is no hindrance" rmmod ip_conntrack_nat_xt
	is "it has gone" "" "$(on n cat /proc/net/ip_tables_names)"
	check "and can be asked for again" modprobe ip_conntrack_nat_xt
	check "which makes it anew" \
		on n iptables-legacy -t nat -A POSTROUTING -j MASQUERADE
	check "a namespace goes, with its rules" ip netns delete n
	wait_for 30 rmmod ip_conntrack_nat_xt || fail "nothing holds it then"
	check "rmmod" unload
}

# by_name MODULE...: whoever loads one of nf_nat's by name
by_name() {
	local name
	fresh
	on n nft -f "$sets/podman.nft"
	log_mark
	for name; do
		check_not "$name is refused" modprobe "$name"
		logs "$name: the log says so" "ip_conntrack_nat: $name refused"
	done
	logs "nf_nat itself came, and the log says what that means" \
		"nf_nat was loaded: it translates for who calls it"
	check "a namespace that translates can have more rules" \
		on n nft 'add table ip more; add chain ip more c { type nat hook prerouting priority 0; }'
	ip netns delete n
	fresh
	check_not "one that does not cannot begin to" \
		on n nft -f "$sets/podman.nft"
	logs "and the log says why" "refused in a namespace that had none"
	ip netns delete n
	check "nf_nat goes again" nf_conntrack_out
}

# With our modprobe.conf nothing of nf_nat's is loaded where ours serve.
by_our_modprobe() {
	local name
	cp "$here/../contrib/modprobe.conf" "$our_conf"
	for name in iptable_nat ip6table_nat xt_nat xt_MASQUERADE xt_REDIRECT \
		xt_NETMAP nft_chain_nat nft_nat nft_masq nft_redir; do
		check "modprobe.conf: $name is ours" modprobe "$name"
	done
	check_not "nf_nat did not come" test -d /sys/module/nf_nat
	fresh
	on n iptables-legacy -t nat -S > /dev/null
	ip netns delete n
	wait_for 60 modprobe -r ip_conntrack
	check "modprobe -r unloads everything" no_ours
	is "the tables' modules as well" "" "$(of_nat)"
	echo 'install nf_conntrack /bin/false' > "$no_nf"
	check_not "without ours modprobe.conf keeps to what others say" \
		modprobe nft_chain_nat
	rm "$no_nf"
	check "and lets the kernel's in" modprobe nft_chain_nat
	check "they are there" test -d /sys/module/nft_chain_nat
}

# What rules must not do, requests must not either.
by_request() {
	local ends="-p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1 --dport 2 -t 60"
	fresh
	# shellcheck disable=SC2086 # words
	{
		check_not "nat=0: no flow is translated by request" \
			on n conntrack -I $ends --src-nat 10.0.0.3
		check "nat=0: others are made" on n conntrack -I $ends
	}
}

# left_to_nf_nat WHY: rules are its own
left_to_nf_nat() {
	logs "$1: iptables" "rules of iptables that translate are not served: $1"
	logs "$1: nft" "rules of nft that translate are not served: $1"
	is "$1: nobody says that they are ours" "N N" \
		"$(cat /sys/module/ip_conntrack_nat_{xt,nft}/parameters/serving | xargs)"
	fresh
	check "$1: rules load" on n nft -f "$sets/podman.nft"
	check "$1: with the kernel's modules" test -d /sys/module/nft_chain_nat
	ip netns delete n
	check "$1: rmmod" unload
	check "$1: they go" nf_conntrack_out
}

nf_conntrack_out || fail "nf_conntrack cannot be unloaded"
printf 'install nf_%s /bin/false\n' conntrack nat > "$no_nf"
load
is "tables' modules are not there before" "nft xt" "$(of_nat)"
table_at_once
in_use
rm "$no_nf"
load
by_name iptable_nat nft_chain_nat xt_MASQUERADE
by_our_modprobe
log_mark
load
left_to_nf_nat "nf_nat was there first"
log_mark
load nat=0
by_request
left_to_nf_nat "nat=0 leaves them to nf_nat"
finish
