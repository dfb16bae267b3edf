#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: umldebug deb6.1
# long: uml deb6.12
# timeout: 400
#
# nf_nat beside us (some 30 s): rules behind a translation ask the right flow, what
# this host answers a translated packet is related, a translation that changes is
# followed, nobody's first packet ends another's flow, nf_conntrack may come and go
# while packets flow, and tc or a bridge may lead packets to it before us.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need nft iptables socat

port=4000

# Behind a DNAT and before a masquerade no direction of the flow has the packet's numbers.
half_translated() {
	local n
	port=$((port + 1))
	set_rules r <<-END
	table ip n {
		chain p {
			type nat hook prerouting priority -100
			ip daddr 10.1.0.1 udp dport $port dnat to 10.12.0.1:53
		}
		chain q {
			type nat hook postrouting priority 100
			oifname r1 masquerade
		}
	}
	table ip t {
		chain f {
			type filter hook forward priority 0
			udp dport 53 ct original ip daddr 10.1.0.1 counter comment "original"
			udp dport 53 ct status dnat counter comment "dnat"
			udp dport 53 ct mark 9 counter comment "mark"
			udp dport 53 ct mark set 9
		}
	}
	END
	for n in 1 2 3 4 5 6; do
		wire c "ip src=10.11.0.1 dst=10.1.0.1 / udp sport=$port dport=$port / data n=$n"
	done
	wait_is "behind a DNAT: each packet's original address" 6 hits_of r original
	wait_is "behind a DNAT: each packet's status" 6 hits_of r dnat
	wait_is "behind a DNAT: the mark that the first one set" 5 hits_of r mark
	shows "behind a DNAT: the flow" r 30 "$(udp_line \
		"$(ends 10.11.0.1 10.1.0.1 $port $port 6 189)" \
		"$(ends 10.12.0.1 10.2.0.1 53 $port)" | sed s/mark=0/mark=9/)"
	set_rules r < /dev/null
}

# What this host says of a packet that it has translated already
# A packet that its flow refuses is invalid for each rule that asks.
refused() {
	port=$((port + 1))
	set_rules r <<-END
	table ip n {
		chain q {
			type nat hook postrouting priority 100
			oifname nowhere masquerade
		}
	}
	table ip t {
		chain f {
			type filter hook forward priority 0
			tcp dport 80 ct state invalid counter comment "invalid"
			tcp dport 80 ct state established counter comment "known"
		}
	}
	END
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=$port dport=80 flags=S seq=1000"
	wire s "ip src=10.12.0.1 dst=10.11.0.1 / tcp sport=80 dport=$port flags=SA seq=5000 ack=1001 win=1000"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=$port dport=80 flags=A seq=1001 ack=5001"
	wait_is "beside nf_nat: a connection" 1 hits_of r known
	# nf_conntrack lets it through: less than one more window too far
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=$port dport=80 flags=A seq=2501 ack=5001 / data n=10"
	wait_is "beside nf_nat: what its flow refuses is invalid" 1 hits_of r invalid
	is "beside nf_nat: and not established" 1 "$(hits_of r known)"
	set_rules r < /dev/null
}

own_errors() {
	local with
	for with in "tcp reset" "icmp type port-unreachable"; do
		port=$((port + 1))
		set_rules r <<-END
		table ip n {
			chain p {
				type nat hook prerouting priority -100
				ip daddr 10.1.0.1 tcp dport $port dnat to 10.12.0.1:80
			}
		}
		table ip t {
			chain f {
				type filter hook forward priority 0
				tcp dport 80 reject with $with
			}
			chain o {
				type filter hook output priority 0; policy drop
				ct state established,related counter accept comment "related"
				ct state invalid counter comment "invalid"
			}
		}
		END
		wire c "ip src=10.11.0.1 dst=10.1.0.1 / tcp sport=$port dport=$port flags=S seq=1"
		wait_is "a translated packet rejected with $with: the answer is related" \
			1 hits_of r related
		is "and not invalid" 0 "$(hits_of r invalid)"
	done
	port=$((port + 1))
	set_rules r <<-END
	table ip n {
		chain p {
			type nat hook prerouting priority -100
			ip daddr 10.1.0.1 udp dport $port dnat to 10.12.0.1:53
		}
	}
	table ip t {
		chain o {
			type filter hook output priority 0; policy drop
			icmp type time-exceeded ct state related counter accept comment "expired"
			icmp type destination-unreachable ct state related counter accept comment "too-big"
		}
	}
	END
	wire c "ip src=10.11.0.1 dst=10.1.0.1 ttl=1 / udp sport=$port dport=$port"
	wait_is "a translated packet whose time is over: so it is" 1 hits_of r expired
	ip -n r link set r1 mtu 600
	wire c "ip src=10.11.0.1 dst=10.1.0.1 df=1 / udp sport=$port dport=$port / data n=1000"
	wait_is "a translated packet that is too big: so it is" 1 hits_of r too-big
	ip -n r link set r1 mtu 1500
	set_rules r < /dev/null
}

# readdress OLD NEW: of r on the server's side. The second goes with the first.
readdress() {
	ip -n r addr add "$2/24" dev r1
	ip -n r addr del "$1/24" dev r1
	ip -n r addr add "$2/24" dev r1 2> /dev/null
	ip -n r neigh replace 10.2.0.66 lladdr 02:00:00:00:02:02 dev r1
	ip -n r route replace 10.12.0.0/16 via 10.2.0.66
}

# The address changes while somebody sends.
masquerade_moves() {
	local n
	port=$((port + 1))
	set_masquerade r r1
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=$port dport=5060"
	wait_is "masqueraded" 1 lines r \
		"src=10.12.0.1 dst=10.2.0.1 sport=5060 dport=$port"
	readdress 10.2.0.1 10.2.0.77
	for n in 1 2 3; do
		wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=$port dport=5060"
	done
	wait_is "its address changes: the flow has the new one" 1 lines r \
		"src=10.12.0.1 dst=10.2.0.77 sport=5060 dport=$port"
	no_flow "and the old one is gone" r "dst=10.2.0.1 sport=5060"
	wire s "ip src=10.12.0.1 dst=10.2.0.77 / udp sport=5060 dport=$port"
	wait_is "and answers belong to it" 1 lines r \
		"dst=10.2.0.77 sport=5060 dport=$port packets=1"
	readdress 10.2.0.77 10.2.0.1
	set_rules r < /dev/null
}

# dnat_to ADDRESS
dnat_to() {
	set_rules r <<-END
	table ip n {
		chain p {
			type nat hook prerouting priority -100
			ip daddr 10.1.0.1 tcp dport 80 dnat to $1
		}
	}
	END
}

# A rule sends the client elsewhere while it knocks.
backend_moves() {
	port=$((port + 1))
	dnat_to 10.12.0.5
	on r sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_syn_sent=1
	wire c "ip src=10.11.0.1 dst=10.1.0.1 / tcp sport=$port dport=80 flags=S seq=1"
	wait_is "sent to a server" 1 lines r "src=10.12.0.5 dst=10.11.0.1 sport=80 dport=$port"
	dnat_to 10.12.0.6
	# The old binding goes; nf_conntrack ends it when nobody is let in for long.
	sleep 2
	wire c "ip src=10.11.0.1 dst=10.1.0.1 / tcp sport=$port dport=80 flags=S seq=1"
	wait_is "sent to another: the flow follows" 1 lines r \
		"src=10.12.0.6 dst=10.11.0.1 sport=80 dport=$port"
	no_flow "and has left the first" r "src=10.12.0.5 dst=10.11.0.1"
	set_rules r < /dev/null
}

# Two tenants with the same numbers, whose replies come by one way.
tenants() {
	local name=$1 before
	port=$((port + 1))
	set_rules r <<-END
	table ip z {
		chain p {
			type filter hook prerouting priority -300
			iifname r0 ct original zone set 101
			iifname r2 ct original zone set 102
		}
		chain f {
			type filter hook forward priority 0
			ct state invalid counter comment "invalid"
		}
	}
	$3
	END
	knob r tcp_loose 0
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=$port dport=80 flags=S seq=1000"
	wire s "ip src=10.12.0.1 dst=10.11.0.1 / tcp sport=80 dport=$port flags=SA seq=5000 ack=1001"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=$port dport=80 flags=A seq=1001 ack=5001"
	wait_is "$name: the first is established" 1 established "$port"
	before=$(reason r "replies would be those of another connection")
	on d "$python" - $port <<-'END'
	import socket, struct, sys
	def total(data):
	    value = sum(struct.unpack(f'!{len(data) // 2}H', data))
	    while value >> 16:
	        value = (value & 0xffff) + (value >> 16)
	    return 0xffff & ~value
	me, to = socket.inet_aton('10.11.0.1'), socket.inet_aton('10.12.0.1')
	tcp = struct.pack('!HHIIBBHHH', int(sys.argv[1]), 80, 7, 0, 0x50, 2, 9000, 0, 0)
	check = total(me + to + struct.pack('!HH', 6, 20) + tcp)
	tcp = tcp[:16] + struct.pack('!H', check) + tcp[18:]
	ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 40, 1, 0, 64, 6, 0, me, to)
	ip = ip[:10] + struct.pack('!H', total(ip)) + ip[12:]
	s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
	s.bind(('d0', 0))
	s.send(bytes.fromhex('020000000301') + s.getsockname()[4] + b'\x08\0' + ip + tcp)
	END
	if [[ $2 == moved ]]; then
		wait_is "$name: the second gets another port" 2 \
			lines r "sport=$port dport=80 "
	else
		wait_is "$name: the second is refused, with a reason" $((before + 1)) \
			reason r "replies would be those of another connection"
	fi
	is "$name: the first is established still" 1 "$(established "$port")"
	set_rules r < /dev/null
}

established() { table r | grep "ESTABLISHED src=10.11.0.1" | grep -c "sport=$1 .*ASSURED"; }

# nf_conntrack comes and goes in the middle of a connection.
comes_and_goes() {
	local round
	port=$((port + 1))
	set_rules r <<-END
	table ip t {
		chain f {
			type filter hook forward priority 0
			ct state invalid counter comment "invalid"
			meta l4proto tcp ct state established counter comment "known"
		}
	}
	END
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=$port dport=80 flags=S seq=1000"
	wire s "ip src=10.12.0.1 dst=10.11.0.1 / tcp sport=80 dport=$port flags=SA seq=5000 ack=1001"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=$port dport=80 flags=A seq=1001 ack=5001"
	for round in 1 2 3; do
		on r iptables -t nat -A POSTROUTING -p tcp --dport 9 -j ACCEPT
		wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=$port dport=80 flags=A seq=1001 ack=5001"
		wire s "ip src=10.12.0.1 dst=10.11.0.1 / tcp sport=80 dport=$port flags=A seq=5001 ack=1001"
		on c ping -q -c 1 -W 5 10.2.0.2 > /dev/null ||
			fail "ping, nf_nat is there, round $round"
		on r iptables -t nat -F
		on r iptables -t nat -X
		rmmod iptable_nat nft_chain_nat nft_compat 2> /dev/null
		rmmod xt_MASQUERADE xt_nat nf_nat 2> /dev/null
		rmmod nf_conntrack 2> /dev/null
		wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=$port dport=80 flags=A seq=1001 ack=5001"
		on c ping -q -c 1 -W 5 10.2.0.2 > /dev/null ||
			fail "ping, nf_nat has gone, round $round"
	done
	wait_is "nf_conntrack comes and goes: every packet is known" 11 hits_of r known
	is "and none invalid" 0 "$(hits_of r invalid)"
	is "and all are of one flow" 1 "$(lines r "sport=$port dport=80 packets=8 ")"
	set_rules r < /dev/null
}

# by_state HOOK: TCP, counted by its state
by_state() {
	set_rules r <<-END
	table ip t {
		chain c {
			type filter hook $1 priority 0
			meta l4proto tcp ct state invalid counter drop comment "invalid"
			meta l4proto tcp ct state new counter comment "new"
			meta l4proto tcp ct state established counter comment "known"
		}
	}
	END
}

# tc leads packets to nf_conntrack before our hook: they have an entry of its, one that
# is not in its table, or none (where it found them invalid).
led_there_by_tc() {
	local how dev name
	if ! modprobe act_ct 2> /dev/null; then
		skip "tc's ct" "no act_ct here"
		return
	fi
	for how in "" "commit" "commit zone 7" "clear"; do
		port=$((port + 1))
		name="tc's ct${how:+ $how}"
		for dev in r0 r1; do
			on r tc qdisc add dev $dev clsact
			# shellcheck disable=SC2086 # words
			on r tc filter add dev $dev ingress protocol ip \
				matchall action ct $how || fail "$name"
		done
		by_state forward
		wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=$port dport=80 flags=S seq=1000"
		wire s "ip src=10.12.0.1 dst=10.11.0.1 / tcp sport=80 dport=$port flags=SA seq=5000 ack=1001"
		wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=$port dport=80 flags=A seq=1001 ack=5001"
		wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=$port dport=80 flags=A seq=1001 ack=5001 / data n=10"
		wait_is "$name: a connection is known" 3 hits_of r known
		is "$name: its SYN is new, and nothing invalid" "1 0" \
			"$(hits_of r new) $(hits_of r invalid)"
		wait_is "$name: each packet counts once" 1 \
			lines r "sport=$port dport=80 packets=3 "
		for dev in r0 r1; do on r tc qdisc del dev $dev clsact; done
	done
	set_rules r < /dev/null
	check "act_ct goes" wait_for 30 rmmod act_ct
}

# An observer: nf_conntrack tracks what a bridge hands up before our hook sees it.
tracked_by_a_bridge() {
	local ours theirs invalid
	if ! modprobe nf_conntrack_bridge 2> /dev/null; then
		skip "an observer, and a bridge" "no nf_conntrack_bridge here"
		return
	fi
	hosts x
	ip link add e0 netns x type veth peer name p0 netns r
	ip -n r link add br0 type bridge
	ip -n r link set p0 master br0 up
	ip -n r addr add 10.9.0.1/24 dev br0
	ip -n r link set br0 up
	ip -n x addr add 10.9.0.2/24 dev e0
	ip -n x link set e0 up
	echo_up r
	on r sysctl -qw net.netfilter.nf_conntrack_acct=1
	set_rules r <<-END
	table bridge b {
		chain f {
			type filter hook forward priority 0
			ct state established counter
		}
	}
	END
	wait_for 30 on x ping -c 1 -W 1 10.9.0.1 || fail "a bridge"
	invalid=$(column r invalid)
	echo hi | on x socat -t 30 - TCP4:10.9.0.1:7,sourceport=4007 > /dev/null
	wait_is "an observer, and a bridge: a connection, to its end" 1 \
		closed "sport=4007 dport=7 "
	ours=$(flow r "sport=4007 dport=7 " | grep -o "packets=[0-9]* bytes=[0-9]*")
	theirs=$(on r conntrack -L -p tcp 2> /dev/null |
		grep "sport=4007 dport=7 " | grep -o "packets=[0-9]* bytes=[0-9]*")
	is "an observer, and a bridge: counts as nf_conntrack does" "$theirs" "$ours"
	is "an observer, and a bridge: nothing is invalid" "$invalid" \
		"$(column r invalid)"
	set_rules r < /dev/null
	ip netns delete x
	ip -n r link del br0
}

closed() { flow r "$1" | grep -c "TIME_WAIT.*ASSURED"; }

# As an observer: what nf_conntrack's own rules say of a packet is theirs.
observed_zones() {
	wire_down
	unload
	modprobe -a nf_conntrack nft_ct
	set_rules r <<-END
	table ip t {
		chain p {
			type filter hook prerouting priority -300
			udp dport 54 ct zone set 5
		}
		chain f {
			type filter hook forward priority 0
			udp dport 54 ct zone 5 counter comment "zone"
		}
	}
	END
	load nat=0
	wire_up
	wire c "repeat=3 ip src=10.11.0.1 dst=10.12.0.1 / udp sport=9 dport=54"
	wait_is "an observer: nf_conntrack's rules keep their zones" 3 hits_of r zone
	wait_is "an observer: and the flow counts in its own" 1 \
		lines r "sport=9 dport=54 packets=3 "
	set_rules r < /dev/null
}

net_up
nf_conntrack_out || fail "nf_conntrack cannot be unloaded"
load nat=0
wire_up
hosts d
ip link add d0 netns d type veth peer name r2 netns r
ip -n r link set r2 address 02:00:00:00:03:01
ip -n d link set d0 up
ip -n r link set r2 up
tenants "two tenants" refused ""
comes_and_goes
tenants "two tenants and an empty nat chain" refused "table ip n {
		chain q { type nat hook postrouting priority 100; }
	}"
tenants "two tenants and nf_nat" moved "table ip n {
		chain q {
			type nat hook postrouting priority 100
			oifname nowhere masquerade
		}
	}"
half_translated
refused
own_errors
masquerade_moves
backend_moves
led_there_by_tc
observed_zones
tracked_by_a_bridge
finish
