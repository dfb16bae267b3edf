#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml
# long: umldebug deb6.1 deb6.12
# timeout: 900
# shellcheck disable=SC2119,SC2317
#
# Which chains translate a first packet, and in which order (some 40 s): those of nft at
# any priority and the legacy table's, mixed, coming and going. And what each target and
# statement makes of it. All as with nf_nat, in the same guest.

# shellcheck source=tests/compare.sh
. "$(dirname "$0")/compare.sh"

need nft iptables ip6tables conntrack

side_up() {
	net_up
	wire_up
}

side_down() {
	wire_down
	net_down
}

# flow_of FAMILY SPORT DPORT
flow_of() {
	on r conntrack -L -f "$1" -p udp --sport "$2" --dport "$3" 2> /dev/null | grep .
}

# reaches NAME: where a first packet is sent to. A second one, which no rule is about,
# says when it was.
sport=2000
reaches() {
	local got
	first_packet ipv4
	got=$(flow_of ipv4 $sport 9 | grep -o 'src=[^ ]*' | sed -n 2p)
	echo "$1: ${got:-nowhere}"
}

first_packet() {
	local head="ip src=10.11.0.1 dst=10.12.0.1"
	[[ $1 == ipv6 ]] && head="ip6 src=fd11::1 dst=fd12::1"
	sport=$((sport + 1))
	# A flow that is translated to the same end would be in the way.
	on r conntrack -F > /dev/null 2>&1
	wire c "$head / udp sport=$sport dport=9"
	wire c "$head / udp sport=$sport dport=65001"
	wait_for 20 flow_of "$1" $sport 65001 || fail "packets come through"
}

# becomes FAMILY NAME: what its answers will be
becomes() {
	first_packet "$1"
	echo "$2: $(flow_of "$1" $sport 9 | sed "s/.*UNREPLIED. //; s/=$sport\\b/=its own/" |
		grep -o '^src=.*port=[0-9a-z ]*')"
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

# rules: these of standard input, and no others but one that has both track
rules() {
	{
		cat
		echo 'table inet keep { chain c { type filter hook forward priority 0; ct state new; }; }'
	} | set_rules r
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
		{ dnat a "${p% *}" 2; dnat b "${p#* }" 3; } | rules
		reaches "priorities $p"
		hits a b
	done
}

# Nobody decides: all are asked, once a flow
all_of_them() {
	{ dnat a -150; dnat b -100; dnat c 50; } | rules
	reaches "undecided"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=$sport dport=9"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=$sport dport=9"
	reaches "another"
	hits a b c
}

# The table is made when it is first asked for: later than a, and earlier than b.
with_legacy() {
	local p
	dnat a -100 2 | rules
	legacy -A PREROUTING -p udp --dport 9 -m comment --comment first
	legacy -A PREROUTING -p udp --dport 9 -j DNAT --to-destination 10.12.0.4
	reaches "the table is younger"
	hits a
	dnat b -100 3 | on r nft -f -
	reaches "the chain is younger"
	hits a b
	echo "table: $(legacy_hits)"
	for p in -101 -99; do
		dnat a $p 2 | rules
		reaches "the table beside $p"
	done
	dnat a -101 | rules
	reaches "undecided before the table"
	hits a
	echo "table: $(legacy_hits)"
	legacy -F PREROUTING
	dnat a -99 2 | rules
	reaches "the table is empty"
	}

# A chain may also accept, drop, call another; a table may sleep.
verdicts() {
	{ dnat a -150; dnat b -100 3; } | sed 's/udp dport 9 $/udp dport 9 accept/' |
		rules
	reaches "accepted by the first"
	hits a b
	{ dnat a -150; dnat b -100 3; } | sed 's/udp dport 9 $/udp dport 9 drop/' |
		rules
	reaches "dropped by the first"
	hits a b
	rules <<-'END'
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
	{ dnat a -150 2; dnat b -100 3; } | rules
	echo 'table ip na { flags dormant; }' | on r nft -f -
	reaches "asleep"
	echo 'table ip na { }' | on r nft -f -
	reaches "awake"
	on r nft delete table ip na
	reaches "gone"
	rules < /dev/null
	reaches "all gone"
}

sources() {
	local p
	for p in "150 50" "100 100"; do
		{
			dnat a "${p% *}" 2
			dnat b "${p#* }" 3
		} | sed 's/prerouting/postrouting/; s/dnat to 10.12/snat to 10.11/' |
			rules
		reaches "sources, $p"
		flow_of ipv4 $sport 9 | grep -o 'dst=[^ ]*' | sed -n 2p
		hits a b
	done
	on r nft flush ruleset
}

# As many as a hook may have, and one more
very_many() {
	local n
	echo 'table ip n { }' | rules
	for ((n = 0; n < 1025; n++)); do
		echo "add chain ip n x$n { type nat hook prerouting priority 0; }"
	done > "$work/many"
	sed 1025d "$work/many" | on r nft -f - && echo "1024 chains: taken"
	sed -n 1025p "$work/many" | on r nft -f - 2> /dev/null ||
		echo "one more: refused"
	reaches "very many, undecided"
	on r nft flush ruleset
}

# Each target and statement, whose structures have had several generations
iptables_targets() {
	local tool family rule
	while read -r tool rule; do
		family=ipv4
		[[ $tool == ip6tables ]] && family=ipv6
		for flavour in legacy nft; do
			# shellcheck disable=SC2086 # words
			on r "$tool-$flavour" -t nat -A $rule || echo "refused"
			becomes "$family" "$tool-$flavour -A $rule"
			on r "$tool-$flavour" -t nat -F
		done
	done <<-'END'
	iptables PREROUTING -p udp --dport 9 -j DNAT --to-destination 10.12.0.7
	iptables PREROUTING -p udp --dport 9 -j DNAT --to-destination 10.12.0.7:99
	iptables PREROUTING -p udp --dport 9 -j DNAT --to-destination :98
	iptables PREROUTING -p udp --dport 9 -j DNAT --to-destination 10.12.0.7:1000-1999/5
	iptables PREROUTING -p udp --dport 9 -j NETMAP --to 10.12.5.0/24
	iptables PREROUTING -p udp --dport 9 -j NETMAP --to 10.12.5.5/32
	iptables PREROUTING -p udp --dport 9 -j REDIRECT
	iptables PREROUTING -p udp --dport 9 -j REDIRECT --to-ports 7777
	iptables POSTROUTING -p udp --dport 9 -j SNAT --to-source 10.11.0.5
	iptables POSTROUTING -p udp --dport 9 -j SNAT --to-source 10.11.0.5:3333
	iptables POSTROUTING -p udp --dport 9 -j NETMAP --to 10.11.7.0/24
	iptables POSTROUTING -p udp --dport 9 -j MASQUERADE
	iptables POSTROUTING -p udp --dport 9 -j MASQUERADE --to-ports 4000
	ip6tables PREROUTING -p udp --dport 9 -j DNAT --to-destination fd12::7
	ip6tables PREROUTING -p udp --dport 9 -j DNAT --to-destination [fd12::7]:99
	ip6tables PREROUTING -p udp --dport 9 -j DNAT --to-destination [fd12::7]:1000-1999/5
	ip6tables PREROUTING -p udp --dport 9 -j NETMAP --to fd12::5:0/112
	ip6tables PREROUTING -p udp --dport 9 -j REDIRECT --to-ports 7777
	ip6tables POSTROUTING -p udp --dport 9 -j SNAT --to-source [fd11::5]:3333
	ip6tables POSTROUTING -p udp --dport 9 -j NETMAP --to fd11:0:0:7::/64
	ip6tables POSTROUTING -p udp --dport 9 -j MASQUERADE --to-ports 4000
	END
}

nft_statements() {
	local family hook rule
	while read -r family hook rule; do
		rules <<-END
		table ${family%,*} n {
			map ports {
				type inet_service : ipv4_addr . inet_service
				elements = { 9 : 10.12.0.6 . 96 }
			}
			chain c {
				type nat hook $hook priority 0
				udp dport 9 $rule
			}
		}
		END
		becomes "${family#*,}" "$family $hook $rule"
	done <<-'END'
	ip,ipv4 prerouting dnat to 10.12.0.7
	ip,ipv4 prerouting dnat to 10.12.0.7:99
	ip,ipv4 prerouting dnat to :98
	ip,ipv4 prerouting dnat to ip saddr map { 10.11.0.1 : 10.12.0.8 }
	ip,ipv4 prerouting dnat ip to udp dport map @ports
	ip,ipv4 prerouting dnat ip prefix to ip daddr map { 10.12.0.0/24 : 10.12.6.0/24 }
	ip,ipv4 prerouting redirect
	ip,ipv4 prerouting redirect to :7777
	ip,ipv4 prerouting redirect to :udp dport map { 9 : 7778 }
	ip,ipv4 postrouting snat to 10.11.0.5
	ip,ipv4 postrouting snat to 10.11.0.5:3333
	ip,ipv4 postrouting snat ip prefix to 10.11.7.0/24
	ip,ipv4 postrouting masquerade
	ip,ipv4 postrouting masquerade to :4000
	ip6,ipv6 prerouting dnat to [fd12::7]:99
	ip6,ipv6 prerouting redirect to :7777
	ip6,ipv6 postrouting snat ip6 prefix to fd11:0:0:7::/64
	ip6,ipv6 postrouting masquerade to :4000
	inet,ipv4 prerouting dnat ip to 10.12.0.7:99
	inet,ipv4 prerouting dnat ip6 to fd12::7
	inet,ipv6 prerouting dnat ip6 to [fd12::7]:99
	inet,ipv6 prerouting dnat ip to 10.12.0.7
	inet,ipv6 prerouting dnat to :98
	inet,ipv4 prerouting redirect to :7777
	inet,ipv6 postrouting snat ip6 to fd11::5
	inet,ipv4 postrouting masquerade to :4000
	inet,ipv6 postrouting masquerade
	END
}

side() {
	sport=2000
	{
		priorities
		all_of_them
		with_legacy
		verdicts
		sources
		very_many
		iptables_targets
		nft_statements
	} > "$work/$1.said" 2>&1
}

both_sides
n=0
while IFS= read -r line; do
	n=$((n + 1))
	is "${line%%:*}" "$line" "$(sed -n "${n}p" "$work/ours.said")"
done < "$work/nf.said"
at_least "lines that were compared" 120 "$n"
is "and no more" "$n" "$(wc -l < "$work/ours.said")"
finish
