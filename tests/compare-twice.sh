#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml
# long: deb6.1 deb6.12
# timeout: 900
# shellcheck disable=SC2119,SC2317
#
# Packets that come by the same hook twice, and copies of packets on their way: what
# tc leads to where packets come in, TEE and "dup", forwarded multicast with members
# here, looped multicast and broadcast, ipvlan, IPsec, queues, VRF. States, flows and
# their counters are as with nf_conntrack, in the same guest. What User-mode Linux has
# is tried there; the others, which are slow, what it has not.

# shellcheck source=tests/compare.sh
. "$(dirname "$0")/compare.sh"

need nft iptables socat tc python3
need_module

wires=(c:c0:02:00:00:00:01:01 s:s0:02:00:00:00:02:01)
group=239.1.2.4

# A third wire, for copies: r2 of r, d0 of d
side_up() {
	: "$1"
	net_up
	hosts d
	wire_between d d0 r r2 3
	echo_up s
	answer s 77
	answer r 77
}

# answer NS PORT [OPTION]: an echo, one packet at a time
answer() {
	bg "@$1" socat "UDP4-RECVFROM:$2,fork,reuseaddr${3:+,$3}" PIPE
	wait_for 60 is_bound "$1" "$(printf %04X "$2")"
}

is_bound() { on "$1" grep -q "^ *[0-9]*: 00000000:$2 " /proc/net/udp; }

side_down() {
	net_down
	ip netns delete d
}

chains="pre forw in out post"

# rules [NS]: count by state in each chain.
rules() {
	{
		echo "flush ruleset"
		echo "table inet t {"
		# shellcheck disable=SC2086 # a list
		chain_counters $chains
		chain pre prerouting -150
		chain forw forward 0
		chain in input 0
		chain out output 0
		chain post postrouting 0
		# Who joins a group says so when it likes
		echo "chain join { type filter hook output priority -400;"
		echo "meta l4proto igmp drop; }"
		echo "}"
	} | on "${1:-r}" nft -f - || fail "rules"
}

# part TRACKER NAME: the steps of standard input; afterwards the flows of r. How many
# segments a connection takes is chance.
part() {
	run_steps "$1" "${wires[@]}"
	flows | scrub | sed -E "s/^/$2: /; / tcp /s/(packets|bytes)=[0-9]+ //g" \
		>> "$work/$1.flows"
	on r conntrack -F > /dev/null 2>&1
}

# two_ways NAME PORT: two steps, datagrams of c, and the answer
two_ways() {
	echo "= $1"
	echo "c repeat=2 ip src=10.11.0.1 dst=10.12.0.1 / udp sport=9 dport=$2"
	echo "= $1, the answer"
	echo "s ip src=10.12.0.1 dst=10.11.0.1 / udp sport=$2 dport=9"
}

# ask NS WHOM PORT [OPTION]: a datagram from that port, and its answer
ask() {
	echo "run $1 echo hi |" \
		"socat -t 30 - UDP4:$2,sourceport=$3,readbytes=3${4:+,$4}"
}

# connect NS WHOM PORT: a connection to an echo, from its beginning to its end
connect() { echo "run $1 echo hi | socat -t 30 - TCP4:$2,sourceport=$3"; }

# add_rules: those on standard input, to r's.
add_rules() { on r nft -f - || fail "rules"; }

# What r1 sends comes in once more, by r2; so does what comes in by r0.
mirred() {
	on r tc qdisc add dev r1 clsact
	on r tc qdisc add dev r0 clsact
	on r tc filter add dev r1 egress protocol ip u32 match u8 63 0xff at 8 \
		match ip dport 3000 0xffff action mirred ingress mirror dev r2
	on r tc filter add dev r1 egress protocol ip u32 match u8 63 0xff at 8 \
		match ip dport 3001 0xffff action mirred ingress redirect dev r2
	on r tc filter add dev r0 ingress protocol ip u32 \
		match ip dport 3002 0xffff action mirred ingress redirect dev r2
	on r tc filter add dev r0 ingress protocol ip u32 \
		match ip dport 3003 0xffff action mirred egress mirror dev r2
	part "$1" mirred <<-END
	$(two_ways "mirred: sent, and in again" 3000)
	$(two_ways "mirred: sent to where packets come in" 3001)
	$(two_ways "mirred: in by another device" 3002)
	$(two_ways "mirred: in, and a copy out" 3003)
	END
	on r tc qdisc del dev r0 clsact
	on r tc qdisc del dev r1 clsact
}

copies() {
	on r iptables -t mangle -A PREROUTING -i r0 -p udp --dport 3100 \
		-j TEE --gateway 10.3.0.2
	on r iptables -t mangle -A POSTROUTING -p udp --dport 3101 \
		-j TEE --gateway 10.3.0.2
	add_rules <<-END
	table ip copy {
		chain p {
			type filter hook prerouting priority -140
			iif r0 udp dport 3102 dup to 10.3.0.2
		}
		chain o {
			type filter hook postrouting priority 50
			udp dport 3103 dup to 10.3.0.2 device r2
			udp sport 77 dup to 10.3.0.2 device r2
		}
	}
	END
	part "$1" copies <<-END
	$(two_ways "copies: TEE, coming in" 3100)
	$(two_ways "copies: TEE, going out" 3101)
	$(two_ways "copies: dup, coming in" 3102)
	$(two_ways "copies: dup, going out" 3103)
	= copies: dup, from this host
	$(ask c 10.1.0.1:77 9)
	END
	on r nft delete table ip copy
	on r iptables -t mangle -F
}

device_copies() {
	add_rules <<-END
	table netdev n {
		chain i {
			type filter hook ingress device r0 priority 0
			udp dport 3104 dup to r2
			udp dport 3105 fwd to r2
		}
	}
	END
	part "$1" "device copies" <<-END
	$(two_ways "copies: dup to a device" 3104)
	$(two_ways "copies: fwd to a device" 3105)
	END
	on r nft delete table netdev n
}

# index DEVICE: its number in r
index() { ip -n r -o link show "$1" | cut -d: -f1; }

# datagrams NS SOURCE TARGET OPTIONS: three datagrams
datagrams() {
	echo "run $1 for i in 1 2 3; do echo hi |" \
		"socat -u - UDP4-DATAGRAM:$3,bind=$2:9,$4; done"
}

routed() {
	local router
	: > "$work/router"
	bg @r "$python" "$here/mroute.py" "$group" 10.1.0.2 "$(index r0)" \
		"$(index r1)" > "$work/router"
	router=$bg_pid
	wait_for 60 grep -q ready "$work/router" || fail "multicast: a router"
	on c ip route replace 239.0.0.0/8 dev c0
	part "$1" routed <<-END
	= multicast: forwarded, and heard here
	$(datagrams c 10.1.0.2 "$group":3200 ip-multicast-ttl=4,ip-multicast-if=10.1.0.2)
	END
	bg_end "$router"
}

looped() {
	local member
	on r ip route replace 239.0.0.0/8 dev r0
	bg @r socat -u "UDP4-RECV:3201,ip-add-membership=$group:r0" \
		"CREATE:$work/$1.heard"
	member=$bg_pid
	wait_for 60 test -e "$work/$1.heard"
	part "$1" looped <<-END
	= looped: multicast that is heard here
	$(datagrams r 10.1.0.1 "$group":3201 ip-multicast-ttl=4,ip-multicast-if=10.1.0.1)
	= looped: broadcast
	$(datagrams r 10.1.0.1 10.1.0.255:3202 broadcast)
	= looped: broadcast of another
	$(datagrams c 10.1.0.2 10.1.0.255:3203 broadcast)
	END
	bg_end "$member"
}

# A queue in each place; what is held goes on from there.
queued() {
	local listener
	: > "$work/queue"
	bg @r "$python" "$here/nfqueue.py" 5 0 > "$work/queue"
	listener=$bg_pid
	wait_for 60 grep -q ready "$work/queue" || fail "a queue"
	add_rules <<-END
	table ip q {
		chain p { type filter hook prerouting priority -145; udp dport 3300 queue num 5; }
		chain f { type filter hook forward priority -5; udp dport 3301 queue num 5; }
		chain i { type filter hook input priority -5; udp dport 77 queue num 5; }
		chain o { type filter hook output priority -5; udp sport 77 queue num 5; }
		chain q { type filter hook postrouting priority 5; udp dport 3302 queue num 5; }
	}
	END
	part "$1" queued <<-END
	$(two_ways "queued: coming in" 3300)
	$(two_ways "queued: forwarded" 3301)
	= queued: for this host, and its answer
	$(ask c 10.1.0.1:77 9)
	$(two_ways "queued: going out" 3302)
	END
	on r nft delete table ip q
	bg_end "$listener"
}


# esp NS DIRECTION: tunnel between r and s for what c and s say, and nothing secret
esp() {
	local way from to
	for way in "1 2" "2 1"; do
		read -r from to <<< "$way"
		on "$1" ip xfrm state add src "10.2.0.$from" dst "10.2.0.$to" proto esp \
			spi "0x10$from" reqid 1 mode "$2" auth digest_null "" \
			enc cipher_null "" || fail "a key of $1"
	done
}

# policy NS OUT IN SELECTOR... : towards each other
policy() {
	on "$1" ip xfrm policy add src "$4" dst "$5" dir out tmpl src "$2" \
		dst "$3" proto esp reqid 1 mode "$6"
	on "$1" ip xfrm policy add src "$5" dst "$4" dir in tmpl src "$3" \
		dst "$2" proto esp reqid 1 mode "$6"
	on "$1" ip xfrm policy add src "$5" dst "$4" dir fwd tmpl src "$3" \
		dst "$2" proto esp reqid 1 mode "$6"
}

ipsec() {
	local ns
	for ns in r s; do esp "$ns" tunnel; done
	policy r 10.2.0.1 10.2.0.2 10.1.0.0/24 10.2.0.2/32 tunnel
	policy s 10.2.0.2 10.2.0.1 10.2.0.2/32 10.1.0.0/24 tunnel
	part "$1" ipsec <<-END
	= ipsec: through a tunnel
	$(ask c 10.2.0.2:77 3400)
	= ~ipsec: a connection through it
	$(connect c 10.2.0.2:7 3401)
	END
	for ns in r s; do
		on "$ns" ip xfrm policy flush
		on "$ns" ip xfrm state flush
		esp "$ns" transport
	done
	policy r 10.2.0.1 10.2.0.2 10.2.0.1/32 10.2.0.2/32 transport
	policy s 10.2.0.2 10.2.0.1 10.2.0.2/32 10.2.0.1/32 transport
	part "$1" "ipsec, transport" <<-END
	= ipsec: from this host
	$(ask r 10.2.0.2:77 3402)
	= ipsec: to this host
	$(ask s 10.2.0.1:77 3403)
	END
	for ns in r s; do
		on "$ns" ip xfrm policy flush
		on "$ns" ip xfrm state flush
	done
}

# A guest of r on its wire to s: what it sends comes by r's hooks, or by its own twice.
ipvlan() {
	hosts x
	ip -n r link add v0 link r1 type ipvlan mode l3s
	ip -n r link set v0 netns x
	ip -n x addr add 10.2.0.50/24 dev v0
	ip -n x link set v0 up
	ip -n x route add default dev v0
	ip -n s neigh replace 10.2.0.50 lladdr 02:00:00:00:02:01 dev s0
	rules x
	[[ $1 == ours ]] || on x sysctl -qw net.netfilter.nf_conntrack_acct=1
	part "$1" ipvlan <<-END
	= ipvlan: from behind it
	run x echo hi | socat -t 3 - UDP4:10.2.0.2:77,sourceport=3500
	= ipvlan: to its host
	run x echo hi | socat -t 3 - UDP4:10.2.0.1:77,sourceport=3501
	END
	on x nft list counters | awk '
		/counter/ { name = $2 }
		/packets/ && $2 { print "ipvlan: " name, $2 }' >> "$work/$1.flows"
	on x conntrack -L -o labels 2> /dev/null | scrub |
		sed "s/^/ipvlan, inside: /" >> "$work/$1.flows"
	ip netns delete x
}

vrf() {
	local dev
	ip -n r link add vrf0 type vrf table 10
	ip -n r link set vrf0 up
	for dev in r0 r1; do ip -n r link set "$dev" master vrf0; done
	answer r 78 so-bindtodevice=vrf0
	wait_for 30 on c ping -c 1 -W 1 10.2.0.2 || fail "VRF: a way"
	on r conntrack -F > /dev/null 2>&1
	part "$1" vrf <<-END
	= VRF: forwarded
	$(ask c 10.2.0.2:77 3600)
	= ~VRF: a connection, forwarded
	$(connect c 10.2.0.2:7 3601)
	= VRF: for this host
	$(ask c 10.1.0.1:78 3602)
	= VRF: nobody listens
	$(ask c 10.1.0.1:79 3603)
	= VRF: from this host
	$(ask r 10.2.0.2:77 3604 so-bindtodevice=vrf0)
	= VRF: from this host to itself
	$(ask r 10.2.0.1:78 3605 so-bindtodevice=vrf0)
	= ~VRF: a closed port of this host
	run r timeout 20 socat - TCP4:10.2.0.1:4444,sourceport=3606,so-bindtodevice=vrf0
	END
	ip -n r link del vrf0
}

side() {
	local part
	rules
	on r conntrack -F > /dev/null 2>&1
	for part in "${parts[@]}"; do "$part" "$1"; done
	on r nft flush ruleset
}

differs() { :; }

if grep -q 'User Mode Linux' /proc/cpuinfo; then
	parts=(mirred device_copies looped queued ipvlan vrf) steps=31
else
	parts=(copies routed ipsec) steps=14
fi
both_sides
compare_steps $steps
is "flows and what they counted" "$(cat "$work/nf.flows")" \
	"$(cat "$work/ours.flows")"
at_least "flows compared" 10 "$(wc -l < "$work/ours.flows")"
finish
