#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml umldebug
# long: deb6.1
# shellcheck disable=SC2119,SC2317
#
# Rules that limit the number of connections, without nf_conntrack: connlimit of
# iptables and "ct count" of nft, for one rule and for each element of a set.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need nft iptables-nft iptables-legacy ip6tables-nft conntrack

# opens FAMILY LAST N [PORT]: N connections of one client begin.
opens() {
	local ends="ip src=10.11.0.$2 dst=10.12.0.1"
	[[ $1 == 6 ]] && ends="ip6 src=fd11::$2 dst=fd12::1"
	wire c "repeat=$3 $ends / tcp sport=${4:-1000}++ dport=80 flags=S seq=1"
}

# has NAME WANTED CLIENT: so many connections of this client are there.
has() { wait_is "$1" "$2" lines r "src=$3 "; }

address6=fd11:0000:0000:0000:0000:0000:0000:000

flush() { on r conntrack -F > /dev/null 2>&1; }

# limited NAME FAMILY CLIENT-PREFIX: 3 for each client, however often it tries
limited() {
	opens "$2" 1 5
	has "$1: three of five connections" 3 "${3}1"
	opens "$2" 2 2
	has "$1: another client is not meant" 2 "${3}2"
	opens "$2" 1 3
	has "$1: packets of those that are there pass" 3 "${3}1"
	flush
	sleep 0.1
	opens "$2" 1 2 2000
	has "$1: those that are gone do not count" 2 "${3}1"
	opens "$2" 1 2 3000
	has "$1: until there are three again" 3 "${3}1"
	flush
	sleep 0.1
}

by_iptables() {
	local kind=$1
	on r "iptables-$kind" -A FORWARD -p tcp --syn -m connlimit \
		--connlimit-above 3 --connlimit-mask 32 -j DROP ||
		{ fail "connlimit of iptables-$kind"; return; }
	on r "ip6tables-$kind" -A FORWARD -p tcp --syn -m connlimit \
		--connlimit-above 3 --connlimit-mask 128 -j DROP
	limited "iptables-$kind" 4 10.11.0.
	limited "ip6tables-$kind" 6 "$address6"
	on r "iptables-$kind" -F
	on r "ip6tables-$kind" -F
}

networks() {
	on r iptables-nft -A FORWARD -p tcp --syn -m connlimit \
		--connlimit-upto 3 --connlimit-mask 24 -j ACCEPT
	on r iptables-nft -A FORWARD -p tcp --syn -j DROP
	opens 4 1 2
	opens 4 2 2
	is "a mask: three of a network" 3 "$(wait_for 2 false; lines r 'src=10.11.0.')"
	flush
	on r iptables-nft -F
	on r iptables-nft -A FORWARD -p tcp --syn -m connlimit \
		--connlimit-above 3 --connlimit-mask 32 --connlimit-daddr -j DROP
	opens 4 1 2
	opens 4 2 2
	is "--connlimit-daddr: three to a server" 3 \
		"$(wait_for 2 false; lines r 'src=10.11.0.')"
	flush
	on r iptables-nft -F
}

# What is closed holds nothing any more.
closing() {
	local ends="ip src=10.11.0.9 dst=10.12.0.1" back="ip src=10.12.0.1 dst=10.11.0.9"
	on r iptables-nft -A FORWARD -p tcp --syn -m connlimit \
		--connlimit-above 1 --connlimit-mask 32 -j DROP
	wire c "$ends / tcp sport=1 dport=80 flags=S seq=1000"
	wire s "$back / tcp sport=80 dport=1 flags=SA seq=5000 ack=1001"
	wire c "$ends / tcp sport=1 dport=80 flags=A seq=1001 ack=5001"
	wire c "$ends / tcp sport=2 dport=80 flags=S seq=1000"
	has "one connection, and no other" 1 10.11.0.9
	wire c "$ends / tcp sport=1 dport=80 flags=FA seq=1001 ack=5001"
	wire s "$back / tcp sport=80 dport=1 flags=FA seq=5001 ack=1002"
	wire c "$ends / tcp sport=1 dport=80 flags=A seq=1002 ack=5002"
	wait_for 5 flow r 'TIME_WAIT src=10.11.0.9'
	wire c "$ends / tcp sport=3 dport=80 flags=S seq=1000"
	has "one in TIME_WAIT does not count" 2 10.11.0.9
	flush
	on r iptables-nft -F
}

by_nft() {
	on r nft -f - <<-'NFT'
	table inet t {
		set clients {
			type ipv4_addr
			flags dynamic
			size 1000
		}
		set clients6 {
			type ipv6_addr
			flags dynamic
			size 1000
		}
		chain f {
			type filter hook forward priority 0
			tcp flags & (syn | ack) == syn add @clients { ip saddr ct count over 3 } drop
			tcp flags & (syn | ack) == syn add @clients6 { ip6 saddr ct count over 3 } drop
		}
	}
	NFT
	limited "nft set" 4 10.11.0.
	limited "nft set, IPv6" 6 "$address6"
	opens 4 4 1
	like "the list shows it" 'ct count over 3' "$(on r nft list set inet t clients)"
	on r nft flush ruleset
	flush
	on r nft -f - <<-'NFT'
	table ip t {
		chain f {
			type filter hook forward priority 0
			tcp dport 80 tcp flags & (syn | ack) == syn ct count over 3 counter drop
		}
	}
	NFT
	opens 4 1 2
	opens 4 2 3
	is "one rule: three of all" 3 "$(wait_for 2 false; lines r 'src=10.11.0.')"
	like "and drops two" 'ct count over 3 counter packets 2 ' \
		"$(on r nft list ruleset)"
	check_not "not in an arp table" on r nft -f - <<-'NFT'
	table arp t { chain c { type filter hook input priority 0; ct count over 3 drop; }; }
	NFT
	on r nft flush ruleset
	flush
}

# A namespace goes while its rules count.
gone() {
	ip netns add gone
	on gone ip link set lo up
	# However long a busy machine takes to begin them
	knob gone udp_timeout 3000
	on gone iptables-nft -A OUTPUT -m connlimit --connlimit-above 100000 -j DROP
	on gone nft -f - <<-'NFT'
	table ip t {
		set s { type ipv4_addr; flags dynamic; timeout 1m; }
		chain o {
			type filter hook output priority 0
			add @s { ip daddr ct count over 100000 } drop
		}
	}
	NFT
	on gone ping -q -c 3 -i 0.1 127.0.0.1 > /dev/null
	on gone "$python" - <<-'END'
	import socket
	for port in range(3000):
	    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	    s.sendto(b'x', ('127.0.0.1', 10000 + port))
	    s.close()
	END
	at_least "and its lists are long" 2500 "$(knob gone count)"
	check "a namespace that counts goes" ip netns delete gone
}

load
net_up
wire_up
by_iptables nft
by_iptables legacy
networks
closing
by_nft
gone
is "nf_conntrack is not there" "" "$(lsmod | grep -E '^nf_con(ntrack|ncount)')"
finish
