#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml
# long: umldebug deb6.1 deb6.12
# timeout: 900
# shellcheck disable=SC2119,SC2317
#
# Rules of bridge tables: what a bridge forwards, hands up to its host and gets
# from it meets the same rules with ours and with nf_conntrack (and its
# nf_conntrack_bridge), in the same guest; then the same with br_netfilter, which
# leads bridged packets to the IP layer's rules as well. States, and what the
# flows counted, are compared. Then, with ours alone: packets that nobody
# remembers, and rules that come and go.
#
# The network. r has the bridge br0, 10.1.0.1 and fd01::1; each other namespace
# has a wire to it, e0, with its number as the last part of both addresses and of
# its MAC. What is sent by hand goes
#	c (2)	to s, and s (3) to c
#	h (4)	to r itself
#	f (5)	to a MAC that nobody has, so to every port
#	b (6)	to all
# o is not at the bridge: r routes to it, 10.2.0.2 and fd02::2.

# shellcheck source=tests/compare.sh
. "$(dirname "$0")/compare.sh"

need nft socat ping python3 conntrack
need_module
modinfo bridge nf_conntrack_bridge br_netfilter > /dev/null 2>&1 ||
	skip_all "no bridges here"

host_mac=02:00:00:00:00:01
wires=("c:e0:02:00:00:00:00:03" "s:e0:02:00:00:00:00:02" "h:e0:$host_mac"
	"f:e0:02:00:00:00:00:77" "b:e0:ff:ff:ff:ff:ff:ff")

# --- the network -------------------------------------------------------------

# port NS NUMBER
port() {
	ip link add e0 netns "$1" address "02:00:00:00:00:0$2" mtu 1500 \
		type veth peer name "p$2" netns r
	ip -n r link set "p$2" master br0 up
	ip -n "$1" addr add "10.1.0.$2/24" dev e0
	ip -n "$1" addr add "fd01::$2/64" dev e0 nodad
	ip -n "$1" link set e0 up
	ip -n "$1" route add default via 10.1.0.1
	ip -n "$1" -6 route add default via fd01::1
}

side_up() {
	local ns
	: "$1"
	hosts r c s h f b o
	ip -n r link add br0 address $host_mac type bridge mcast_snooping 0
	ip -n r addr add 10.1.0.1/24 dev br0
	ip -n r addr add fd01::1/64 dev br0 nodad
	ip -n r link set br0 up
	# Of those who are played by hand r writes to h's alone.
	ip -n r neigh add 10.1.0.104 lladdr 02:00:00:00:00:04 dev br0
	ip -n r neigh add fd01::104 lladdr 02:00:00:00:00:04 dev br0
	port c 2
	port s 3
	port h 4
	port f 5
	port b 6
	ip link add e0 netns o type veth peer name q0 netns r
	ip -n r addr add 10.2.0.1/24 dev q0
	ip -n r addr add fd02::1/64 dev q0 nodad
	ip -n r link set q0 up
	ip -n o addr add 10.2.0.2/24 dev e0
	ip -n o addr add fd02::2/64 dev e0 nodad
	ip -n o link set e0 up
	ip -n o route add default via 10.2.0.1
	ip -n o -6 route add default via fd02::1
	for ns in c s; do
		ip -n "$ns" link add link e0 name e0.10 type vlan id 10
		ip -n "$ns" link set e0.10 up
	done
	ip -n c addr add 10.3.0.2/24 dev e0.10
	ip -n s addr add 10.3.0.3/24 dev e0.10
	on r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	echo_up r
	echo_up s
	echo_up o
	wait_for 20 on c ping -c 1 -W 1 10.1.0.3 || fail "IPv4 through the bridge"
	wait_for 20 on c ping -c 1 -W 1 fd01::3 || fail "IPv6 through the bridge"
	wait_for 20 on c ping -c 1 -W 1 10.2.0.2 || fail "IPv4 from the bridge"
	wait_for 20 on c ping -c 1 -W 1 fd02::2 || fail "IPv6 from the bridge"
}

side_down() {
	local ns
	for ns in r c s h f b o; do ip netns delete "$ns"; done
}

# --- the rules ---------------------------------------------------------------

states="new invalid untracked est_original est_reply rel_original rel_reply"

# chain NAME HOOK PRIORITY: counts each packet by its state and family.
chain() {
	local f s how
	echo "chain $1 {"
	echo "type filter hook $2 priority $3"
	echo "icmpv6 type { 130-136, 143 } ct state untracked counter name nd return"
	echo "icmpv6 type { 130-136, 143 } counter name nd_other return"
	for f in ip ip6; do
		for s in $states; do
			case $s in
			est_*) how="ct state established ct direction ${s#*_}" ;;
			rel_*) how="ct state related ct direction ${s#*_}" ;;
			*) how="ct state $s" ;;
			esac
			echo "meta protocol $f $how counter name $1_${f}_$s"
		done
	done
	# ARP comes when it comes: all that counts is whether it did.
	echo "meta protocol arp ct state untracked counter"
	echo "meta protocol arp ct state invalid counter"
	echo "}"
}

# counters CHAIN...
counters() {
	local c f s
	echo "counter nd {}"
	echo "counter nd_other {}"
	for c; do
		for f in ip ip6; do
			for s in $states; do echo "counter ${c}_${f}_$s {}"; done
		done
	done
}

ruleset() {
	echo "flush ruleset"
	echo "table bridge t {"
	counters pre prem forw in out post
	chain pre prerouting -199
	chain prem prerouting 0
	chain forw forward 10
	chain in input 0
	chain out output 0
	chain post postrouting 0
	cat <<-'NFT'
	counter mark_forw {}
	counter mark_post {}
	counter mark_in {}
	counter zone {}
	chain early {
		type filter hook prerouting priority -300
		udp dport 2100 notrack
		udp dport 2600 ct zone set 5
		udp sport 2600 ct zone set 5
	}
	chain says {
		type filter hook prerouting priority -100
		udp dport 2700 ct mark set 0x7
	}
	chain late {
		type filter hook forward priority 0
		udp dport 2101 notrack
		udp dport 2701 ct mark set 0x70
		udp dport 2700 ct mark 0x7 counter name mark_forw
		ct zone 5 counter name zone
	}
	chain last {
		type filter hook postrouting priority 10
		udp dport 2102 notrack
		ct mark { 0x7, 0x70 } counter name mark_post
	}
	chain up {
		type filter hook input priority 10
		udp dport 2103 notrack
		udp dport 2702 ct mark set 0x77
	}
	}
	table inet t {
	NFT
	counters ipre iin ifwd iout ipost
	chain ipre prerouting -150
	chain iin input 0
	chain ifwd forward 0
	chain iout output 0
	chain ipost postrouting 0
	cat <<-'NFT'
	counter mark_host {}
	chain early {
		type filter hook prerouting priority raw
		udp dport 2104 notrack
		udp dport 2601 ct zone set 6
	}
	chain late {
		type filter hook input priority 10
		ct mark { 0x7, 0x77 } counter name mark_host
	}
	}
	NFT
}

# --- the packets -------------------------------------------------------------

# scenario FAMILY PREFIX: with a prefix it is the shorter one.
scenario() {
	local f=$1 p=$2 ip C S H F B R all icmp echo answer unreach to cs sc
	if ((f == 4)); then
		ip=ip C=10.1.0.102 S=10.1.0.103 H=10.1.0.104 F=10.1.0.105
		B=10.1.0.106 R=10.1.0.1 all=10.1.0.255 icmp=icmp
		echo=type=8 answer=type=0 unreach="type=3 code=3 rest=00000000"
		to=10.2.0.2
	else
		ip=ip6 C=fd01::102 S=fd01::103 H=fd01::104 F=fd01::105
		B=fd01::106 R=fd01::1 all=ff02::1 icmp=icmp6
		echo=type=128 answer=type=129
		unreach="type=1 code=4 rest=00000000" to=fd02::2
	fi
	cs="c $ip src=$C dst=$S" sc="s $ip src=$S dst=$C"
	bridged_steps
	host_steps
	real_steps
}

bridged_steps() {
	cat <<-END
	= ${p}udp$f: first
	$cs / udp sport=1 dport=1001
	= ${p}udp$f: reply
	$sc / udp sport=1001 dport=1
	= ${p}udp$f: after a reply
	$cs / udp sport=1 dport=1001
	= ${p}udp$f: padded
	$cs pad=20 / udp sport=1 dport=1001
	= ${p}udp$f: wrong checksum
	$cs / udp sport=1 dport=1002 ck=0x1234
	= ${p}udp$f: error about it
	s $ip src=$S dst=$C / $icmp $unreach / $ip src=$C dst=$S / udp sport=1 dport=1001
	= ${p}udp$f: error about nothing
	s $ip src=$S dst=$C / $icmp $unreach / $ip src=$C dst=$S / udp sport=1 dport=999
	= ${p}udp$f: fragments
	$cs id=71 split=1304 / udp sport=1 dport=1003 / data n=2500
	= ${p}udp$f: fragments in reply
	$sc id=72 split=1304 / udp sport=1003 dport=1 / data n=2500
	= ${p}udp$f: a fragment without the others
	$cs id=73 $([[ $f == 4 ]] && echo "mf=1 /" || echo "/ frag more=1 /") udp sport=1 dport=1004 / data n=800
	= ${p}echo$f: question and answer
	$cs / $icmp $echo id=7
	$sc / $icmp $answer id=7
	= ${p}echo$f: answer to nothing
	$sc / $icmp $answer id=8
	= ${p}tcp$f: handshake
	$cs / tcp sport=1 dport=4001 flags=S seq=1000
	$sc / tcp sport=4001 dport=1 flags=SA seq=5000 ack=1001
	$cs / tcp sport=1 dport=4001 flags=A seq=1001 ack=5001
	= ${p}tcp$f: data
	$cs / tcp sport=1 dport=4001 flags=PA seq=1001 ack=5001 / data n=100
	= ${p}tcp$f: out of the window
	$sc / tcp sport=4001 dport=1 flags=R seq=900005001
	= ${p}tcp$f: reset
	$sc / tcp sport=4001 dport=1 flags=R seq=5001
	= ${p}tcp$f: after it
	$cs / tcp sport=1 dport=4001 flags=A seq=1101 ack=5001
	= ${p}tcp$f: impossible flags
	$cs / tcp sport=1 dport=4002 flags=SF
	= ${p}ip$f: wrong version
	$cs ver=5 / udp sport=1 dport=1005
	= ${p}ip$f: length beyond the frame
	$cs len=600 / udp sport=1 dport=1005
	= ${p}ip$f: header cut
	$cs cut=10 / udp sport=1 dport=1005
	= ${p}proto99$f
	$cs proto=99 nh=99 / data n=20
	= ${p}flood$f: first
	f $ip src=$F dst=$S / udp sport=1 dport=1101
	= ${p}flood$f: again
	f $ip src=$F dst=$S / udp sport=1 dport=1101
	= ${p}flood$f: reply
	s $ip src=$S dst=$F / udp sport=1101 dport=1
	= ${p}flood$f: after a reply
	f $ip src=$F dst=$S / udp sport=1 dport=1101
	= ${p}flood$f: fragments
	f $ip src=$F dst=$S id=74 split=1304 / udp sport=1 dport=1102 / data n=2500
	= ${p}flood$f: refused connection
	f $ip src=$F dst=$S / tcp sport=1 dport=4101 flags=S seq=1000
	s $ip src=$S dst=$F / tcp sport=4101 dport=1 flags=RA seq=0 ack=1001
	= ${p}all$f: to everybody
	b $ip src=$B dst=$all / udp sport=1 dport=1201
	= ${p}all$f: again
	b $ip src=$B dst=$all / udp sport=1 dport=1201
	= ${p}zone$f: first
	f $ip src=$F dst=$S / udp sport=1 dport=2600
	= ${p}zone$f: reply
	s $ip src=$S dst=$F / udp sport=2600 dport=1
	= ${p}zone$f: flooded in it
	f $ip src=$F dst=$S / udp sport=1 dport=2600
	= ${p}mark$f: flooded
	f $ip src=$F dst=$S / udp sport=1 dport=2700
	= ${p}mark$f: in forward
	$cs / udp sport=1 dport=2701
	= ${p}mark$f: it stays
	$cs / udp sport=1 dport=2701
	= ${p}notrack$f: in time
	$cs / udp sport=1 dport=2100
	= ${p}notrack$f: too late, forward
	$cs / udp sport=1 dport=2101
	= ${p}notrack$f: too late, postrouting
	$cs / udp sport=1 dport=2102
	= ${p}notrack$f: of what is invalid
	$cs / tcp sport=1 dport=2101 flags=SF
	END
}

host_steps() {
	cat <<-END
	= ${p}host$f: closed port
	h $ip src=$H dst=$R / udp sport=1 dport=3001
	= ${p}host$f: closed port again
	h $ip src=$H dst=$R / udp sport=1 dport=3001
	= ${p}host$f: closed TCP port
	h $ip src=$H dst=$R / tcp sport=1 dport=3002 flags=S seq=1000
	= ${p}host$f: segment of nothing
	h $ip src=$H dst=$R / tcp sport=1 dport=3003 flags=A seq=5 ack=7
	= ${p}host$f: fragments
	h $ip src=$H dst=$R id=75 split=1304 / udp sport=1 dport=3004 / data n=2500
	= ${p}host$f: mark in prerouting
	h $ip src=$H dst=$R / udp sport=1 dport=2700
	= ${p}host$f: mark in input
	h $ip src=$H dst=$R / udp sport=1 dport=2702
	= ${p}host$f: notrack in the bridge
	h $ip src=$H dst=$R / udp sport=1 dport=2100
	= ${p}host$f: notrack in its input
	h $ip src=$H dst=$R / udp sport=1 dport=2103
	= ${p}host$f: notrack in the IP layer
	h $ip src=$H dst=$R / udp sport=1 dport=2104
	= ${p}host$f: zone of the bridge
	h $ip src=$H dst=$R / udp sport=1 dport=2600
	= ${p}host$f: zone of the IP layer
	h $ip src=$H dst=$R / udp sport=1 dport=2601
	= ${p}routed$f: no hops left
	h $ip src=$H dst=$to ttl=1 hop=1 / udp sport=1 dport=3101
	= ${p}routed$f: first
	h $ip src=$H dst=$to / udp sport=1 dport=3102
	END
}

# at ADDRESS PROTOCOL: for socat
at() { [[ $f == 4 ]] && echo "$2:$1:7" || echo "$2:[$1]:7"; }

real_steps() {
	local peer=10.1.0.3 c=10.1.0.2
	[[ $f == 6 ]] && peer=fd01::3 c=fd01::2
	cat <<-END
	= ~${p}real$f: big ping
	run c ping -q -c 2 -i 0.2 -W 5 -s 3000 -e 99 $peer
	= ~${p}real$f: TCP through the bridge
	run c echo hi | socat -t 2 - $(at $peer TCP)
	= ~${p}real$f: TCP to the host
	run c echo hi | socat -t 2 - $(at $R TCP)
	END
	[[ ! $p ]] || return
	cat <<-END
	= ~${p}real$f: big ping of the host
	run c ping -q -c 2 -i 0.2 -W 5 -s 3000 -e 98 $R
	= ~${p}real$f: TCP, routed
	run c echo hi | socat -t 2 - $(at $to TCP)
	= ~${p}real$f: big ping, routed
	run c ping -q -c 2 -i 0.2 -W 5 -s 3000 -e 97 $to
	= ~${p}real$f: from the host
	run r ping -q -c 2 -i 0.2 -W 5 -s 3000 -e 96 $c
	= ~${p}real$f: from the host, UDP
	run r echo hi | socat -t 1 - $(at $peer UDP)
	= ~${p}real$f: from the host, closed port
	run r exec 3<> /dev/tcp/$c/3010
	END
	((f == 4)) || return
	cat <<-END
	= ~${p}real: tagged
	run c ping -q -c 2 -i 0.2 -W 5 10.3.0.3
	= ~${p}real: ARP
	run c ip neigh flush dev e0; ping -q -c 1 -W 5 10.1.0.3
	= ~${p}real: ARP of the host
	run r ip neigh flush dev br0; ping -q -c 1 -W 5 10.1.0.2
	= ~${p}real: to everybody
	run r echo hi | socat -u - UDP-DATAGRAM:10.1.0.255:1202,broadcast
	END
}

# sizes: which fragments reach s, by their length
sizes() {
	local n
	echo "table netdev t {"
	echo "chain c {"
	echo "type filter hook ingress device e0 priority 0"
	for n in 1324 1224; do echo "ip frag-off & 0x3fff != 0 meta length $n counter"; done
	echo "ip frag-off & 0x3fff != 0 counter"
	for n in 1352 1252; do echo "ip6 nexthdr 44 meta length $n counter"; done
	echo "ip6 nexthdr 44 counter"
	echo "}"
	echo "}"
}

# counted: flows of packets sent by hand that have not ended meanwhile, fragments,
# and what ARP was
counted() {
	flows | scrub | grep -E 'sport=1 | id=7 |unknown' | grep -v CLOSE
	on r nft list table bridge t | grep arp |
		sed 's/packets 0 .*/none/; s/packets [1-9].*/some/'
	on s nft list table netdev t | grep -o 'meta length.*\|ip.*packets.*'
	on s nft flush ruleset
}

# one_run TRACKER PREFIX
one_run() {
	on s nft -f - < <(sizes) || fail "$1: sizes"
	ruleset > "$work/table"
	on r nft -f "$work/table" || fail "$1: the table"
	on r conntrack -F 2> /dev/null
	{ scenario 4 "$2"; if [[ ! $2 && $whole ]]; then scenario 6 ""; fi; } |
		run_steps "$1" "${wires[@]}"
	counted | sed "s/^/$2/" >> "$work/$1.flows"
	on r nft flush ruleset
}

side() {
	patient "$1"
	one_run "$1" ""
	on r nft add table netdev t
	on r nft add chain netdev t c \
		'{ type filter hook ingress device p2 priority 0; }'
	on r nft add rule netdev t c ct state new counter 2>&1 |
		grep -m 1 Error > "$work/$1.netdev"
	on r nft delete table netdev t
	modprobe br_netfilter || fail "br_netfilter"
	one_run "$1" "brnf "
	rmmod br_netfilter
}

differs() { :; }

compare_flows() {
	is "flows and fragments" "" \
		"$(diff "$work/nf.flows" "$work/ours.flows")"
	at_least "flows compared" 40 "$(wc -l < "$work/ours.flows")"
	is "ct in a netdev table" "$(cat "$work/nf.netdev")" \
		"$(cat "$work/ours.netdev")"
}

# --- ours alone --------------------------------------------------------------

# Nobody remembers anything: the answers are the same, but for what only memory
# knows: which flow a reset has ended, what an error of this host is about if that
# never was a flow, and what a fragment belongs to.
memory_only() {
	case $1 in
	"host4: closed TCP port" | "host4: segment of nothing" | \
		"routed4: no hops left" | "~real4: big ping of the host" | \
		"~real4: big ping, routed" | "~real4: from the host" | \
		"host4: notrack in the IP layer" | "host4: zone of the IP layer") ;;
	*) return 1 ;;
	esac
}

forgetting() {
	local line label
	param forget 1
	ruleset > "$work/table"
	on r nft -f "$work/table" || fail "forgetting: the table"
	on r conntrack -F 2> /dev/null
	scenario 4 "" | run_steps forgot "${wires[@]}"
	on r nft flush ruleset
	param forget 0
	while IFS= read -r line; do
		label=${line%% |*}
		memory_only "$label" ||
			grep -qxF "$line" "$work/nf.states" || fail "forgetting: $label" \
			"nf:   $(grep "^$label |" "$work/nf.states")" \
			"ours: $line"
	done < "$work/forgot.states"
	at_least "steps without memory" 60 "$(wc -l < "$work/forgot.states")"
}

# send PORT: a packet through the bridge
send() {
	"$python" "$here/wire.py" "${wires[@]}" > /dev/null \
		<<< "c ip src=10.1.0.102 dst=10.1.0.103 / udp sport=1 dport=$1"
	sleep 0.3
}

tracks() {
	send "$1"
	wait_for 10 flow r "dport=$1 "
}

tracks_not() {
	local port=$((5100 + SECONDS))
	send "$port"
	! flow r "dport=$port "
}

rules_come_and_go() {
	local handle job
	send 5001
	no_flow "no rule: not tracked" r "dport=5001 "
	check "without one its module can go" \
		wait_for 10 rmmod ip_conntrack_bridge
	on r nft add table bridge u
	on r nft add chain bridge u c '{ type filter hook forward priority 0; }'
	on r nft add rule bridge u c notrack
	send 5002
	no_flow "a rule that does not ask: not tracked" r "dport=5002 "
	check_not "nor does it bring the module" \
		test -d /sys/module/ip_conntrack_bridge
	on r nft flush chain bridge u c
	on r nft add rule bridge u c ct state new counter
	on r nft add rule bridge u c ct mark set 1
	check "two rules: tracked" tracks 5003
	check_not "ours cannot be unloaded meanwhile" rmmod ip_conntrack_nft
	check_not "nor can what tracks bridged packets" \
		rmmod ip_conntrack_bridge
	handle=$(on r nft -a list chain bridge u c | sed -n 's/.*ct state.*handle //p')
	on r nft delete rule bridge u c handle "$handle"
	check "one rule: tracked" tracks 5004
	check_not "what is refused leaves nothing behind" \
		on r nft add rule bridge u c ct saddr 10.1.0.1 counter
	on r nft flush chain bridge u c
	check "the last one goes: not tracked any more" wait_for 20 tracks_not
	check "and the module can go" wait_for 10 rmmod ip_conntrack_bridge
	on r nft add rule bridge u c ct state new counter
	check "tracked again" tracks 5005
	for job in "${ct_jobs[@]}"; do bg_end "$job"; done
	side_down
	check "all of it goes with the namespace" wait_for 20 goes
}

# goes: as a user would have it, with the configuration that is installed
goes() {
	modprobe -C "$here/../contrib/modprobe.conf" -r ip_conntrack
	! loaded
}

# Emulated machines are slow: one family, and no more than the comparison.
whole=''
grep -q "User Mode" /proc/cpuinfo && whole=1
both_sides
compare_steps 90
compare_flows
[[ ! $whole ]] || forgetting
rules_come_and_go
finish
