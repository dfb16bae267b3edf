#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml deb6.12
# long: umldebug deb6.1
# timeout: 400
# shellcheck disable=SC2119,SC2317
#
# Which chains translate a first packet, and in which order (some 20 s): those of nft at
# any priority and the legacy table's, mixed, coming and going; all as with nf_nat, in
# the same guest.

# shellcheck source=tests/compare.sh
. "$(dirname "$0")/compare.sh"

need nft iptables-legacy conntrack

side_up() {
	net_up
	wire_up
}

side_down() {
	wire_down
	net_down
}

flow_of() { on r conntrack -L -p udp --sport "$1" --dport "$2" 2> /dev/null | grep .; }

# reaches NAME: where a first packet is sent to. A second one, which no rule is about,
# says when it was.
sport=2000
reaches() {
	local got
	sport=$((sport + 1))
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=$sport dport=9"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=$sport dport=65001"
	wait_for 20 flow_of $sport 65001 || fail "packets come through"
	got=$(flow_of $sport 9 | grep -o 'src=[^ ]*' | sed -n 2p)
	echo "$1: ${got:-nowhere}"
}

# dnat NAME PRIORITY HOST: a chain of nft that sends to 10.12.0.HOST
dnat() {
	cat <<-END
	table ip n$1 {
		chain $1 {
			type nat hook prerouting priority $2
			udp dport 9 counter comment "$1 asked"
			udp dport 9 ${3:+dnat to 10.12.0.$3}
			udp dport 9 counter comment "$1 went on"
		}
	}
	END
}

legacy() { on r iptables-legacy -t nat "$@"; }

# legacy_hits: of the first rule
legacy_hits() { legacy -L PREROUTING -v -n -x | awk 'NR == 3 { print $1 }'; }

# hits CHAIN...: packets that came to it, and past its rule
hits() {
	local chain
	for chain; do
		echo "$chain: $(hits_of r "$chain asked") $(hits_of r "$chain went on")"
	done
}

priorities() {
	local p
	for p in "-150 -50" "-50 -150" "-199 -100" "-100 -100" "0 300" "2000 1999"; do
		{ dnat a "${p% *}" 2; dnat b "${p#* }" 3; } | set_rules r
		reaches "priorities $p"
		hits a b
	done
}

# Nobody decides: all are asked, once a flow
all_of_them() {
	{ dnat a -150; dnat b -100; dnat c 50; } | set_rules r
	reaches "undecided"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=$sport dport=9"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=$sport dport=9"
	reaches "another"
	hits a b c
}

# The table is made when it is first asked for: later than a, and earlier than b.
with_legacy() {
	local p
	dnat a -100 2 | set_rules r
	legacy -A PREROUTING -p udp --dport 9 -m comment --comment first
	legacy -A PREROUTING -p udp --dport 9 -j DNAT --to-destination 10.12.0.4
	reaches "the table is younger"
	hits a
	dnat b -100 3 | on r nft -f -
	reaches "the chain is younger"
	hits a b
	echo "table: $(legacy_hits)"
	for p in -101 -99; do
		dnat a $p 2 | set_rules r
		reaches "the table beside $p"
	done
	dnat a -101 | set_rules r
	reaches "undecided before the table"
	hits a
	echo "table: $(legacy_hits)"
	legacy -F PREROUTING
	dnat a -99 2 | set_rules r
	reaches "the table is empty"
	}

# A chain may also accept, drop, call another; a table may sleep.
verdicts() {
	{ dnat a -150; dnat b -100 3; } | sed 's/udp dport 9 $/udp dport 9 accept/' |
		set_rules r
	reaches "accepted by the first"
	hits a b
	{ dnat a -150; dnat b -100 3; } | sed 's/udp dport 9 $/udp dport 9 drop/' |
		set_rules r
	reaches "dropped by the first"
	hits a b
	set_rules r <<-'END'
	table inet n {
		chain d { dnat ip to 10.12.0.5; }
		chain p {
			type nat hook prerouting priority -100; policy drop
			udp dport 65001 accept
			udp sport < 1000 jump d
			udp sport >= 2000 jump d
		}
	}
	END
	reaches "by a chain of a chain, inet"
	on r nft flush chain inet n d
	reaches "which is empty"
	{ dnat a -150 2; dnat b -100 3; } | set_rules r
	echo 'table ip na { flags dormant; }' | on r nft -f -
	reaches "asleep"
	echo 'table ip na { }' | on r nft -f -
	reaches "awake"
	on r nft delete table ip na
	reaches "gone"
	on r nft flush ruleset
	reaches "all gone"
}

sources() {
	local p
	for p in "150 50" "100 100"; do
		{
			dnat a "${p% *}" 2
			dnat b "${p#* }" 3
		} | sed 's/prerouting/postrouting/; s/dnat to 10.12/snat to 10.11/' |
			set_rules r
		reaches "sources, $p"
		flow_of $sport 9 | grep -o 'dst=[^ ]*' | sed -n 2p
		hits a b
	done
	on r nft flush ruleset
}

side() {
	sport=2000
	{
		priorities
		all_of_them
		with_legacy
		verdicts
		sources
	} > "$work/$1.said" 2>&1
}

both_sides
n=0
while IFS= read -r line; do
	n=$((n + 1))
	is "${line%%:*}" "$line" "$(sed -n "${n}p" "$work/ours.said")"
done < "$work/nf.said"
at_least "lines that were compared" 55 "$n"
is "and no more" "$n" "$(wc -l < "$work/ours.said")"
finish
