#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml umldebug deb6.12
# long: deb6.1
#
# A packet's way: what rules drop makes no flow, loopback counts once, untracked
# packets are left alone, fragments are one packet, translation shows in the
# reply direction, errors about translated flows belong to them, queued packets
# are not lost, and two first packets at once are one flow. Then all of it again
# with no packet carrying an answer (the parameter "forget"), but for loopback: a
# packet without an answer that comes in has not been seen.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need nft iptables ip6tables socat ping conntrack

port=1000
tag=''

# rules: replaces those of the router by what is on standard input.
rules() {
	{ echo "flush ruleset"; cat; } | on r nft -f - || fail "rules"
}

no_rules() { on r nft flush ruleset; }

# hits: packets that the rule with "counter" has seen.
hits() { on r nft list ruleset | sed -n 's/.*counter packets \([0-9]*\).*/\1/p'; }

# dropped NAME WIRE-TEXT: a rule drops it, and no flow is there.
dropped() {
	wire c "$2"
	wait_is "$tag$1: the rule drops it" 1 hits
	no_flow "$tag$1: and no flow is made" r "port=$port "
	is "$tag$1: not even for a moment" "$3" "$(column r new)"
}

drops() {
	local new to_s="ip src=10.11.0.1 dst=10.12.0.1"
	port=$((port + 1))
	new=$(column r new)
	rules <<-END
	table ip t {
		chain f {
			type filter hook forward priority 0
			udp dport $port counter drop
		}
	}
	END
	dropped "nft, forward" "$to_s / udp sport=9 dport=$port" "$new"
	rules <<-END
	table ip t {
		chain i {
			type filter hook input priority 0
			udp dport $port counter drop
		}
	}
	END
	dropped "nft, input" "ip src=10.11.0.1 dst=10.1.0.1 / udp sport=9 dport=$port" "$new"
	rules <<-END
	table ip t {
		chain p {
			type filter hook postrouting priority 300
			udp dport $port counter drop
		}
	}
	END
	dropped "nft, late in postrouting" "$to_s / udp sport=9 dport=$port" "$new"
	rules <<-END
	table ip6 t {
		chain f {
			type filter hook forward priority 0
			tcp dport $port counter drop
		}
	}
	END
	dropped "nft, forward, IPv6, a SYN" \
		"ip6 src=fd11::1 dst=fd12::1 / tcp sport=9 dport=$port flags=S" "$new"
	no_rules
	on r iptables -A FORWARD -p udp --dport $port -j DROP
	wire c "$to_s / udp sport=9 dport=$port"
	wait_for 10 sh -c "nsenter --net=/run/netns/r iptables -vnL FORWARD |
		grep -q '^ *1 .*DROP'"
	no_flow "${tag}iptables, forward" r "port=$port "
	on r iptables -F FORWARD
	wire c "$to_s / udp sport=9 dport=$port"
	shows "${tag}without a rule there is a flow" r 30 "$(udp_line \
		"$(ends 10.11.0.1 10.12.0.1 9 $port 1 28)" \
		"$(ends 10.12.0.1 10.11.0.1 $port 9)")"
}

loopback() {
	local line got
	port=$((port + 1))
	on r ping -q -c 3 -i 0.2 -W 5 127.0.0.1 > "$work/ping"
	wait_for 5 flow r "src=127.0.0.1 dst=127.0.0.1 type=8"
	line=$(flow r "dst=127.0.0.1 type=8" | tail -n 1)
	got=$(sed -n 's/.* \([0-9]\) received.*/\1/p' "$work/ping")
	is "${tag}ping 127.0.0.1 is answered" 3 "$got"
	like "${tag}ping over loopback is counted once" \
		"type=8 code=0 id=[0-9]+ packets=3 bytes=252 src=.*type=0 code=0 id=[0-9]+ packets=3 bytes=252 mark" \
		"$line"
	on r ping -6 -q -c 2 -i 0.2 -W 5 ::1 > /dev/null
	like "${tag}ping ::1 too" \
		"packets=2 bytes=208 src=.*packets=2 bytes=208 mark" \
		"$(flow r "id=" | grep '^icmpv6.*0001 type=128' | tail -n 1)"
	got=$(echo hello | on r timeout 30 socat -t 10 - \
		"TCP:127.0.0.1:7,sourceport=$port")
	is "${tag}TCP to itself works" hello "$got"
	# SYN, ACK, data, ACK, FIN, ACK, more or less, and only once each
	like "${tag}TCP over loopback is counted once" \
		"^tcp .* src=127.0.0.1 dst=127.0.0.1 sport=$port dport=7 packets=[4-6] bytes=[23][0-9]{2} src=127.0.0.1 dst=127.0.0.1 sport=7 dport=$port packets=[3-5] bytes=[12][0-9]{2} \[ASSURED\]" \
		"$(flow r "sport=$port ")"
	got=$(on r timeout 30 "$python" - $port <<-'END'
	import socket, sys
	here = ('127.0.0.1', int(sys.argv[1]) + 20000)
	s = socket.socket()
	s.bind(here)
	s.connect(here)
	s.sendall(b'hello')
	print(s.recv(10).decode())
	END
	)
	is "${tag}a socket connected to itself works" hello "$got"
	is "${tag}and is one flow" 1 \
		"$(flow r "sport=$((port + 20000)) dport=$((port + 20000)) " | wc -l)"
}

# ignored SINCE: packets were left alone; the talk of neighbours is among them.
ignored() { (($(column r ignore) > $1)); }

untracked() {
	local before
	port=$((port + 1))
	rules <<-END
	table ip t {
		chain p {
			type filter hook prerouting priority raw
			udp dport $port notrack
		}
	}
	END
	before=$(column r ignore)
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=9 dport=$port"
	check "${tag}nft notrack: ignored" wait_for 15 ignored "$before"
	no_flow "${tag}nft notrack: no flow" r "port=$port "
	no_rules
	on r iptables -t raw -A PREROUTING -p udp --dport $port -j CT --notrack
	before=$(column r ignore)
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=9 dport=$port"
	check "${tag}iptables CT --notrack: ignored" wait_for 15 ignored "$before"
	no_flow "${tag}iptables CT --notrack: no flow" r "port=$port "
	on r iptables -t raw -F
}

fragments() {
	port=$((port + 1))
	wire c "ip src=10.11.0.1 dst=10.12.0.1 id=$port split=800 / udp sport=9 dport=$port / data n=2000"
	shows "${tag}fragments are one packet" r 30 "$(udp_line \
		"$(ends 10.11.0.1 10.12.0.1 9 $port 1 2028)" \
		"$(ends 10.12.0.1 10.11.0.1 $port 9)")"
	wire c "ip6 src=fd11::1 dst=fd12::1 id=$port split=800 / udp sport=9 dport=$port / data n=2000"
	wait_is "${tag}fragments are one packet, IPv6" "packets=1 bytes=2048" \
		sh -c "nsenter --net=/run/netns/r cat /proc/net/ip6_conntrack |
			grep -o 'dport=$port packets.*UNR' | cut -d' ' -f2,3"
}

masquerade() {
	local line before known
	port=$((port + 1))
	on r iptables -t nat -A POSTROUTING -o r1 -j MASQUERADE
	on r ip6tables -t nat -A POSTROUTING -o r1 -j MASQUERADE
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=$port dport=53"
	shows "${tag}masquerade: the reply goes to the router" r 30 "$(udp_line \
		"$(ends 10.11.0.1 10.12.0.1 $port 53 1 28)" \
		"$(ends 10.12.0.1 10.2.0.1 53 $port)")"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=$port dport=53 / data n=2"
	wire s "ip src=10.12.0.1 dst=10.2.0.1 / udp sport=53 dport=$port / data n=10"
	shows "${tag}masquerade: replies count" r 30 "udp      17 T $(ends \
		10.11.0.1 10.12.0.1 $port 53 2 58) $(ends \
		10.12.0.1 10.2.0.1 53 $port 1 38) $end"

	before=$(column r new)
	known=$(reason r "ICMP error about no known flow")
	wire s "ip src=10.2.0.2 dst=10.2.0.1 / icmp type=3 code=3 rest=00000000 / ip src=10.2.0.1 dst=10.12.0.1 / udp sport=$port dport=53"
	wire s "ip src=10.2.0.2 dst=10.2.0.1 / icmp type=3 code=3 rest=00000000 / ip src=10.2.0.1 dst=10.12.0.1 / udp sport=$port dport=54"
	wait_is "${tag}masquerade: errors about it belong to it, others do not" \
		$((known + 1)) reason r "ICMP error about no known flow"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / icmp type=3 code=3 rest=00000000 / ip src=10.12.0.1 dst=10.11.0.1 / udp sport=53 dport=$port"
	wait_is "${tag}masquerade: errors from the client too" \
		$((known + 1)) reason r "ICMP error about no known flow"
	is "${tag}masquerade: errors make no flow" "$before" "$(column r new)"

	line=$(echo hello | on c timeout 30 socat -t 10 - \
		"TCP:10.2.0.2:7,sourceport=$port")
	is "${tag}masquerade: TCP works" hello "$line"
	wait_for 10 flow r "TIME_WAIT src=10.1.0.2 dst=10.2.0.2 sport=$port"
	like "${tag}masquerade: and its line" \
		"^tcp      6 1?[0-9]{2} TIME_WAIT src=10.1.0.2 dst=10.2.0.2 sport=$port dport=7 packets=[4-7] bytes=[0-9]+ src=10.2.0.2 dst=10.2.0.1 sport=7 dport=$port packets=[3-6] bytes=[0-9]+ \[ASSURED\] $end\$" \
		"$(flow r "sport=$port dport=7 ")"
	line=$(echo hello | on c timeout 30 socat -t 10 - \
		"TCP:[fd02::2]:7,sourceport=$((port + 30000))")
	is "${tag}masquerade: TCP works, IPv6" hello "$line"
	like "${tag}masquerade: and its line, IPv6" \
		"src=fd01:0000:0000:0000:0000:0000:0000:0002 dst=fd02:0000:0000:0000:0000:0000:0000:0002 .*src=fd02:0000:0000:0000:0000:0000:0000:0002 dst=fd02:0000:0000:0000:0000:0000:0000:0001 .*ASSURED" \
		"$(flow r "sport=$((port + 30000)) dport=7 ")"
	on c ping -q -c 2 -i 0.2 -W 5 10.2.0.2 > /dev/null
	like "${tag}masquerade: ping" \
		"src=10.1.0.2 dst=10.2.0.2 type=8 code=0 id=[0-9]+ packets=2 bytes=168 src=10.2.0.2 dst=10.2.0.1 type=0 code=0 id=[0-9]+ packets=2 bytes=168 mark" \
		"$(flow r "src=10.2.0.2 dst=10.2.0.1 type=0" | tail -n 1)"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 id=$port split=800 / udp sport=$port dport=54 / data n=2000"
	shows "${tag}masquerade: fragments" r 30 "$(udp_line \
		"$(ends 10.11.0.1 10.12.0.1 $port 54 1 2028)" \
		"$(ends 10.12.0.1 10.2.0.1 54 $port)")"

	# The port is taken, so another one is given
	port=$((port + 1))
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=$port dport=55"
	wire c "ip src=10.11.0.2 dst=10.12.0.1 / udp sport=$port dport=55"
	wait_is "${tag}masquerade: two clients with one port are two flows" 2 \
		sh -c "nsenter --net=/run/netns/r cat /proc/net/ip_conntrack |
			grep -c ' sport=$port dport=55 .* dst=10.2.0.1 sport=55 '"
	is "${tag}masquerade: with different ports for the server" 2 \
		"$(flow r " sport=$port dport=55 " |
			grep -o 'sport=55 dport=[0-9]*' | sort -u | wc -l)"
	on r iptables -t nat -F
	on r ip6tables -t nat -F
}

destination() {
	local before
	port=$((port + 1))
	on r iptables -t nat -A PREROUTING -p udp --dport $port \
		-j DNAT --to-destination 10.12.0.1:53
	wire c "ip src=10.11.0.1 dst=10.1.0.1 / udp sport=$port dport=$port"
	shows "${tag}DNAT: the reply comes from the server" r 30 "$(udp_line \
		"$(ends 10.11.0.1 10.1.0.1 $port $port 1 28)" \
		"$(ends 10.12.0.1 10.11.0.1 53 $port)")"
	wire s "ip src=10.12.0.1 dst=10.11.0.1 / udp sport=53 dport=$port"
	shows "${tag}DNAT: which counts" r 30 "udp      17 T $(ends \
		10.11.0.1 10.1.0.1 $port $port 1 28) $(ends \
		10.12.0.1 10.11.0.1 53 $port 1 28) $end"
	# The error is about what the server got
	before=$(reason r "ICMP error about no known flow")
	wire s "ip src=10.2.0.2 dst=10.11.0.1 / icmp type=3 code=1 rest=00000000 / ip src=10.11.0.1 dst=10.12.0.1 / udp sport=$port dport=53"
	wire s "ip src=10.2.0.2 dst=10.11.0.1 / icmp type=3 code=1 rest=00000000 / ip src=10.11.0.1 dst=10.12.0.1 / udp sport=$port dport=54"
	wait_is "${tag}DNAT: errors about it belong to it, others do not" \
		$((before + 1)) reason r "ICMP error about no known flow"
	on r iptables -t nat -F
}

# redirect ADDRESS: where the rule leads to now
redirect() {
	on r iptables -t nat -F
	on r iptables -t nat -A PREROUTING -p udp --dport $port \
		-j DNAT --to-destination "$1:53"
}

# deleted HOW COMMAND...: the next packet takes the rule as it is then.
deleted() {
	local how=$1
	shift
	redirect 10.12.0.2
	wire c "ip src=10.11.0.1 dst=10.1.0.1 / udp sport=$port dport=$port"
	wait_is "${tag}$how: the old rule" 1 lines r "src=10.12.0.2 dst=10.11.0.1 sport=53 dport=$port"
	redirect 10.12.0.3
	wire c "ip src=10.11.0.1 dst=10.1.0.1 / udp sport=$port dport=$port"
	is "${tag}$how: which stays while the flow is there" 1 \
		"$(lines r "src=10.12.0.2 dst=10.11.0.1 sport=53 dport=$port")"
	check "${tag}$how" on r "$@"
	wire c "ip src=10.11.0.1 dst=10.1.0.1 / udp sport=$port dport=$port"
	shows "${tag}$how: the next packet takes the new rule" r 30 "$(udp_line \
		"$(ends 10.11.0.1 10.1.0.1 $port $port 1 28)" \
		"$(ends 10.12.0.3 10.11.0.1 53 $port)")"
	on r iptables -t nat -F
}

refusals() {
	local before
	port=$((port + 1))
	before=$(reason r "wrong checksum")
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=9 dport=$port ck=0x1234"
	wait_is "${tag}a wrong checksum is refused" $((before + 1)) \
		reason r "wrong checksum"
	no_flow "${tag}and makes no flow" r "port=$port "
}

# queue NUMBER HOLD: in the forward path, see nfqueue.py
queue() {
	rules <<-END
	table inet t {
		chain f {
			type filter hook forward priority 0
			meta l4proto udp udp dport $1 counter queue num 5
		}
	}
	END
	: > "$work/queue"
	# On the processor of the packets: their memory is there
	bg @r taskset -c 0 "$python" "$here/nfqueue.py" 5 "$2" > "$work/queue"
	wait_for 60 grep -q ready "$work/queue"
}

queues() {
	local failed raced listener
	port=$((port + 1))
	# It has an opinion of its own on two first packets
	check "${tag}nf_conntrack is not there" nf_conntrack_out
	raced=$(reason r "first packets that joined another's flow (not refused)")
	failed=$(column r insert_failed)
	if ! queue $port 2; then
		skip "${tag}queued packets" "no queue here: $(cat "$work/queue")"
		no_rules
		return
	fi
	listener=$bg_pid
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=9 dport=$port"
	wait_is "${tag}a queued packet" 1 hits
	no_flow "${tag}has no flow while it waits" r "port=$port "
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=9 dport=$port / data n=1"
	wait_for 20 grep -q released "$work/queue"
	if [[ $tag ]]; then	# the second may or may not be counted
		wait_is "${tag}two first packets at once are one flow" 1 \
			lines r "port=$port "
	else
		shows "two first packets at once are one flow" r 30 \
			"$(udp_line "$(ends 10.11.0.1 10.12.0.1 9 $port 2 57)" \
			"$(ends 10.12.0.1 10.11.0.1 $port 9)")"
		is "the second joined it" $((raced + 1)) "$(reason r \
			"first packets that joined another's flow (not refused)")"
	fi
	is "${tag}none failed" "$failed" "$(column r insert_failed)"
	bg_end "$listener"
	no_rules
}

# Two processes send the first packets of the same flows as fast as they can.
races() {
	local wanted=200 name packets
	name="${tag}two senders: each flow once, each packet counted"
	port=$((port + 1))
	on c "$python" - $port $wanted <<-'END'
	import os, socket, sys
	port, flows = int(sys.argv[1]), int(sys.argv[2])
	socks = []
	for i in range(flows):
	    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	    s.bind(('10.1.0.2', 30000 + i))
	    s.connect(('10.2.0.2', port))
	    socks.append(s)
	ready, go = os.pipe(), os.pipe()
	child = os.fork()
	if child:
	    os.read(ready[0], 1)
	    os.write(go[1], b'x')
	else:
	    os.write(ready[1], b'x')
	    os.read(go[0], 1)
	for s in socks:
	    try:
	        s.send(b'hello')
	    except OSError:
	        s.send(b'hello')    # the error of the one before
	if child:
	    os.waitpid(child, 0)
	END
	packets=2
	[[ $tag ]] && packets='[12]'	# the second may or may not be counted
	wait_is "$name" "$wanted" sh -c \
		"nsenter --net=/run/netns/r cat /proc/net/ip_conntrack |
		grep -c 'src=10.1.0.2 dst=10.2.0.2 .* dport=$port packets=$packets '"
}

story() {
	queues
	drops
	[[ $tag ]] || loopback
	untracked
	fragments
	refusals
	races
	masquerade
	destination
	port=$((port + 1))
	deleted "deleting a flow" conntrack -D -p udp --orig-port-src $port
	port=$((port + 1))
	deleted "deleting all flows" conntrack -F
	agrees "${tag}lines, count and column 1 agree" r
}

net_up
load nat=0
wire_up
echo_up s
echo_up r
story
lost=$(reason r "packets looked up again at the last hook (not refused)")
param forget 1
tag="forgetting: "
port=2000
story
at_least "forgetting: packets were looked up again" $((lost + 100)) \
	"$(reason r "packets looked up again at the last hook (not refused)")"
finish
