#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml deb6.1
# long: umldebug deb6.12
# timeout: 600
#
# Translation as time goes by (some 60 s): ports that are taken, and none left; several
# first packets at once; masquerade's devices and addresses; flows that are made by
# request; who asks for the original destination; what rules see behind a translation;
# packets that are refused but not leaked; and the module's end.

# shellcheck disable=SC2119,SC2317,SC2329 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need nft socat conntrack

# watch PLACE: what comes there from now on is $work/seen.DEVICE
watch() {
	bg "$python" "$here/natwatch.py" "$1" "$work/seen.${1#*:}"
	wait_for 90 grep -q ready "$work/seen.${1#*:}" ||
		fail "somebody watches $1"
}

# seen DEVICE REGEX: how many packets like that
seen() { grep -cE -- "$2" "$work/seen.$1"; }

udp() { wire c "ip src=$1 dst=10.12.0.1 / udp sport=$2 dport=$3"; }
syn() { wire c "ip src=$1 dst=10.12.0.1 / tcp sport=$2 dport=80 flags=S seq=1000"; }

# --- ports -------------------------------------------------------------------

# Ten ports for eleven sources; then one of the ten closes.
ports_run_out() {
	local n
	nat_rules "" "oifname r1 meta l4proto { tcp, udp } snat to 10.2.0.77:4000-4009"
	log_mark
	for n in {1..10}; do syn "10.11.1.$n" 500; done
	wait_is "ten ports: ten connections" 10 lines r "dst=10.2.0.77"
	is "ten ports: each has one" 10 "$(table r |
		grep -o 'dst=10.2.0.77 sport=80 dport=40[0-9]*' | sort -u | wc -l)"
	syn 10.11.1.11 500
	wait_is "the eleventh is dropped, and counted" 1 \
		reason r "translation: nothing is free"
	logs "and the log says of which rule" \
		"nothing is free for protocol 6, rule 10.2.0.77-10.2.0.77 ports 4000-4009"
	is "nobody lost a connection for it" 10 "$(lines r "dst=10.2.0.77")"
	crowd
	udp 10.11.1.11 501 80
	wait_is "another protocol has ports of its own" 11 lines r "dst=10.2.0.77"
	on r conntrack -D -s 10.11.1.7 > /dev/null 2>&1
	syn 10.11.1.11 500
	wait_is "the last free one is found" 1 lines r "src=10.11.1.11 dst=10.12.0.1 sport=500 dport=80"
	closing
	syn 10.11.1.12 500
	wait_is "a connection that is closing gives its place" 1 \
		lines r "src=10.11.1.12 dst=10.12.0.1 sport=500 dport=80"
	no_flow "and is gone" r "src=10.11.1.3 "
	is "with nobody else" 10 "$(table r | grep -c '^tcp.*dst=10.2.0.77')"
	flush_flows r
}

# Very many more, on two processors at once
crowd() {
	local before n cpu pids=()
	before=$(table r | grep -o 'src=10.11.1.[0-9]* ' | sort)
	n=$(pace 6000)
	for cpu in 0 1; do
		echo "c repeat=$n ip src=10.11.$((cpu + 3)).1++ dst=10.12.0.1 / tcp sport=500 dport=80 flags=S seq=1" |
			taskset -c $((cpu % $(nproc))) "$python" "$here/wire.py" \
			c:c0:02:00:00:00:01:01 > /dev/null &
		pids+=($!)
	done
	wait "${pids[@]}"
	at_least "very many more are dropped" $((n / 2)) \
		"$(reason r "translation: nothing is free")"
	is "and the ten are the ten" "$before" \
		"$(table r | grep -o 'src=10.11.1.[0-9]* ' | sort)"
}

# 10.11.1.3's connection, from a handshake to TIME_WAIT
closing() {
	local out
	out=$(flow r "src=10.11.1.3 " | sed 's/.*sport=80 dport=\([0-9]*\).*/\1/')
	there() { wire c "ip src=10.11.1.3 dst=10.12.0.1 / tcp sport=500 dport=80 $*"; }
	back() { wire s "ip src=10.12.0.1 dst=10.2.0.77 / tcp sport=80 dport=$out $*"; }
	back flags=SA seq=5000 ack=1001
	there flags=A seq=1001 ack=5001
	there flags=FA seq=1001 ack=5001
	back flags=FA seq=5001 ack=1002
	there flags=A seq=1002 ack=5002
	wait_is "one is closing" 1 lines r "TIME_WAIT src=10.11.1.3 "
}

# What this host sends itself may have a port that somebody else has by translation.
own_port_is_taken() {
	nat_rules "" "oifname r1 ip saddr 10.11.0.0/16 masquerade"
	udp 10.11.0.1 3000 80
	on r socat -t 0 -u EXEC:'echo x' UDP4:10.12.0.1:80,sourceport=3000
	wait_is "this host's own flow is another" 1 \
		lines r "src=10.2.0.1 dst=10.12.0.1 sport=3000 dport=80"
	is "and has another port outside" 0 "$(table r |
		grep 'src=10.2.0.1 dst=10.12.0.1 sport=3000' |
		grep -c 'dst=10.2.0.1 sport=80 dport=3000')"
	wire s "ip src=10.12.0.1 dst=10.2.0.1 / udp sport=80 dport=3000"
	wait_is "the answer is for who was first" 1 \
		flow_has "src=10.11.0.1 dst=10.12.0.1 sport=3000" "src=10.12.0.1 .*packets=1"
	flush_flows r
}

flow_has() { flow r "$1" | grep -cE "$2"; }

# --- several first packets ---------------------------------------------------

# All wait in a queue behind a rule that leads each to another server.
one_decision() {
	local n=6
	nat_rules "udp dport 7000 dnat to numgen inc mod 4 map {
			0: 10.12.0.10, 1: 10.12.0.11, 2: 10.12.0.12, 3: 10.12.0.13 }" \
		"oifname r1 masquerade random" "chain f {
			type filter hook forward priority 0
			udp dport 7000 queue num 5
		}"
	: > "$work/queue"
	bg @r "$python" "$here/nfqueue.py" 5 $n > "$work/queue"
	if ! wait_for 60 grep -q ready "$work/queue"; then
		skip "several first packets" "no queue here: $(cat "$work/queue")"
		return
	fi
	wire c "repeat=$n ip src=10.11.0.1 dst=10.12.0.1 / udp sport=9 dport=7000"
	wait_for 30 grep -q released "$work/queue"
	wait_for 20 server_got $n
	is "several first packets: all to one server, from one port" 1 "$(
		grep -E 'p17 ' "$work/seen.s0" | grep -oE '^10.2.0.1>10.12.0.1[0-3] .* ....1b58' |
		sort -u | wc -l)"
	is "several first packets: and one flow" 1 "$(lines r "sport=9 dport=7000")"
	bg_end "$bg_pid"
	flush_flows r
}

# The same on the way to this host itself: what a packet of another one's flow becomes
# behind all rules it still is when it comes in.
one_decision_at_home() {
	local n=4
	nat_rules "" "udp dport 7001 snat to 10.1.0.1:5000-6000 random" "chain f {
			type filter hook output priority 0
			udp dport 7001 queue num 6
		}"
	: > "$work/queue"
	bg @r "$python" "$here/nfqueue.py" 6 $n > "$work/queue"
	if ! wait_for 60 grep -q ready "$work/queue"; then
		skip "several first packets to this host" \
			"no queue here: $(cat "$work/queue")"
		return
	fi
	bg @r "$python" -u -c '
import socket
there, here = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for i in "12"]
there.bind(("10.2.0.1", 7001))
here.bind(("10.2.0.1", 7002))
for n in range(4):
	here.sendto(b"question", ("10.2.0.1", 7001))
while True:
	print(*there.recvfrom(99)[1])
' > "$work/asked"
	wait_is "several first packets to this host: all come" $n \
		grep -c "^10.1.0.1 " "$work/asked"
	is "several first packets to this host: from one port" 1 \
		"$(sort -u "$work/asked" | wc -l)"
	bg_end "$bg_pid"
	set_rules r < /dev/null
	flush_flows r
}

server_got() { (($(seen s0 '>10.12.0.1[0-3] p17 .*1b58') == $1)); }

# --- masquerade --------------------------------------------------------------

masquerade_follows() {
	nat_rules "" "oifname r1 masquerade"
	on r sysctl -qw net.ipv4.conf.r1.promote_secondaries=1
	on r conntrack -I -p udp -s 10.9.9.9 -d 10.8.8.8 --sport 1 --dport 2 -t 600 \
		> /dev/null 2>&1
	udp 10.11.0.1 3100 80
	wait_is "masqueraded" 1 lines r "dst=10.2.0.1 sport=80 dport=3100"
	ip -n r addr add 10.2.0.3/24 dev r1
	ip -n r addr del 10.2.0.1/24 dev r1
	wait_is "its address is gone: it ends" 0 lines r "dst=10.2.0.1 sport=80 dport=3100"
	udp 10.11.0.1 3100 80
	wait_is "the next packet has the new one" 1 lines r "dst=10.2.0.3 sport=80 dport=3100"
	ip -n r addr del 10.2.0.3/24 dev r1
	ip -n r addr add 10.2.0.1/24 dev r1
	wait_is "and so on" 0 lines r "dst=10.2.0.3 sport=80 dport=3100"
	routes_again
	udp 10.11.0.1 3100 80
	wait_is "masqueraded again" 1 lines r "dst=10.2.0.1 sport=80 dport=3100"
	ip -n r link set r1 down
	wait_is "its device goes down: it ends" 0 lines r "dport=3100"
	ip -n r link set r1 up
	routes_again
	another_way
	is "who was not masqueraded lives on" 1 "$(lines r "src=10.9.9.9 ")"
	flush_flows r
}

# What went with the address and the device
routes_again() {
	ip -n r neigh replace 10.2.0.66 lladdr 02:00:00:00:02:02 dev r1
	ip -n r route replace 10.12.0.0/16 via 10.2.0.66
}

# The route leads to another device: who had the first one's address ends.
another_way() {
	local n
	udp 10.11.0.1 3200 80
	wait_is "out by one device" 1 lines r "dst=10.2.0.1 sport=80 dport=3200"
	ip -n r link add d0 type dummy
	ip -n r addr add 10.3.0.1/24 dev d0
	ip -n r link set d0 up
	ip -n r neigh replace 10.3.0.66 lladdr 02:00:00:00:03:02 dev d0
	ip -n r route replace 10.12.0.0/16 via 10.3.0.66
	nat_rules "" "oifname { r1, d0 } masquerade"
	udp 10.11.0.1 3200 80
	wait_is "out by another: the flow ends, and the packet" 1 \
		reason r "translation: another way out"
	udp 10.11.0.1 3200 80
	wait_is "the next one has that one's address" 1 lines r "dst=10.3.0.1 sport=80 dport=3200"
	routes_again
	nat_rules "" "oifname r1 snat to 10.2.0.77"
	for n in 1 2 3 4; do udp 10.11.0.1 3201 80; done
	wait_is "who is translated by a rule with an address goes any way" 4 \
		seen s0 "^10.2.0.77>10.12.0.1 p17 .*0c81"
	ip -n r link del d0
}

# Out by a device that has no address, with another one's: that is what it lives by,
# whatever becomes of the rest. Each round sees the end of the one before.
borrowed_address() {
	local n
	ip -n r link add d1 type dummy
	ip -n r link set d1 up
	ip -n r route add 10.12.0.50/32 dev d1
	ip -n r neigh replace 10.12.0.50 lladdr 02:00:00:00:03:02 dev d1
	ip -n r link add d2 type dummy
	ip -n r link set d2 up
	ip -n r neigh replace 10.4.0.66 lladdr 02:00:00:00:04:02 dev d2
	nat_rules "" "oifname { d1, d2 } masquerade"
	wire c "ip src=10.11.0.1 dst=10.12.0.50 / udp sport=3150 dport=80"
	wait_is "masqueraded by another device's address" 1 \
		lines r "sport=80 dport=3150"
	for n in 1 2 3; do
		ip -n r addr add 10.4.0.1/24 dev d2
		wire c "ip src=10.11.0.1 dst=10.4.0.66 / udp sport=315$n dport=80"
		wait_for 15 flow r "dst=10.4.0.1 sport=80 dport=315$n" ||
			fail "masqueraded, round $n"
		ip -n r addr del 10.4.0.1/24 dev d2
		wait_is "an address goes, and who has it" 0 lines r "dport=315$n"
	done
	is "who has another lives on" 1 "$(lines r "sport=80 dport=3150")"
	ip -n r link set d1 down
	wait_is "and ends with its device" 0 lines r "dport=3150"
	ip -n r link del d1
	ip -n r link del d2
	flush_flows r
}

# --- by request --------------------------------------------------------------

by_request() {
	nat_rules "" ""
	check "conntrack -I --src-nat --dst-nat" on r conntrack -I -p udp -s 10.11.0.1 \
		-d 10.12.0.1 --sport 3300 --dport 80 -t 600 --src-nat 10.2.0.77 \
		--dst-nat 10.12.0.9
	wait_is "it is shown as translated" 1 flow_has "sport=3300 dport=80" \
		"src=10.12.0.9 dst=10.2.0.77 sport=80 dport=3300"
	is "conntrack -L -j finds it" 1 "$(on r conntrack -L -j 2> /dev/null | grep -c 3300)"
	udp 10.11.0.1 3300 80
	wait_is "and its packets are" 1 seen s0 "^10.2.0.77>10.12.0.9 p17 .*sum=ok"
	check_not "a range upside down is refused" on r conntrack -I -p udp -s 10.11.0.1 \
		-d 10.12.0.1 --sport 3301 --dport 80 -t 600 --src-nat 10.2.0.77-10.2.0.7
	no_flow "and makes none" r "sport=3301"
	flush_flows r
}

# --- who asks ----------------------------------------------------------------

# original FAMILY ADDRESS PORT: connects, and asks on the other side
original_dst() {
	on r timeout 30 "$python" - "$1" > "$work/original" <<-'END' &
	import socket, struct, sys
	six = sys.argv[1] == '6'
	s = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.bind(('::' if six else '0.0.0.0', 7777))
	s.listen()
	print('ready', flush=True)
	a, _ = s.accept()
	d = a.getsockopt(socket.IPPROTO_IPV6 if six else socket.SOL_IP, 80, 28)
	port, = struct.unpack('!H', d[2:4])
	print(socket.inet_ntop(s.family, d[8:24] if six else d[4:8]), port)
	END
	local pid=$!
	wait_for 90 grep -q ready "$work/original"
	on c timeout 5 socat -u /dev/null "TCP$1:$2:$3,connect-timeout=4"
	wait $pid
	sed 1d "$work/original"
}

who_asks() {
	set_rules r <<-'END'
	table inet n {
		chain pre {
			type nat hook prerouting priority -100
			tcp dport 88 redirect to :7777
		}
		chain f {
			type filter hook forward priority 0
			udp dport 81 ct original ip daddr 10.12.0.99 counter comment "original"
			udp dport 81 ct status dnat counter comment "dnat"
			udp dport 81 ct mark 9 counter comment "mark"
			udp dport 81 ct mark set 9
		}
	}
	table ip m {
		chain pre {
			type nat hook prerouting priority -100
			ip daddr 10.12.0.99 udp dport 80 dnat to 10.12.0.1:81
		}
		chain post {
			type nat hook postrouting priority 100
			oifname r1 masquerade
		}
	}
	END
	is "SO_ORIGINAL_DST" "10.12.0.5 88" "$(original_dst 4 10.12.0.5 88)"
	is "SO_ORIGINAL_DST, IPv6" "fd12::5 88" "$(original_dst 6 '[fd12::5]' 88)"
	wire c "repeat=12 ip src=10.11.0.1 dst=10.12.0.99 / udp sport=3400 dport=80"
	wait_is "behind a translation: the original destination" 12 hits_of r original
	is "behind a translation: that it is translated" 12 "$(hits_of r dnat)"
	is "behind a translation: the mark" 11 "$(hits_of r mark)"
	flush_flows r
}

# This host talks to a name that is translated. Who has that address himself is not whom
# it talks to: to a connected socket he says nothing, however early it is looked for.
not_its_socket() {
	nat_rules "" "" "chain out {
			type nat hook output priority -100
			ip daddr 10.12.0.99 udp dport 80 dnat to 10.12.0.1:8080
		}"
	bg @r "$python" -u -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.2.0.1", 3450))
s.connect(("10.12.0.99", 80))
s.send(b"question")
while True:
	try:
		print("heard", len(s.recv(99)))
	except ConnectionError:
		pass
' > "$work/heard"
	wait_is "this host asks" 1 seen s0 "^10.2.0.1>10.12.0.1 p17 .*0d7a1f90"
	wire s "ip src=10.12.0.99 dst=10.2.0.1 / udp sport=80 dport=3450 / data n=6"
	wait_is "who was not asked has a flow of his own" 1 \
		lines r "src=10.12.0.99 dst=10.2.0.1 sport=80 dport=3450"
	wire s "ip src=10.12.0.1 dst=10.2.0.1 / udp sport=8080 dport=3450 / data n=8"
	wait_for 15 grep -q "heard 8" "$work/heard"
	is "only who was asked is heard" "heard 8" "$(cat "$work/heard")"
	bg_end "$bg_pid"
	flush_flows r
}

# What is blocked is blocked by the address that it was sent to, on the way through and
# to this host.
policies() {
	if ! on r ip xfrm policy list > /dev/null 2>&1; then
		skip "policies of IPsec" "none here"
		return
	fi
	nat_rules "ip daddr 10.12.0.99 udp dport 80 dnat to 10.12.0.1
			ip daddr 10.12.0.98 udp dport 81 redirect to :3460" ""
	bg @r socat -u UDP4-RECV:3460 "OPEN:$work/came,creat,append"
	udp_to() { wire c "ip src=10.11.0.1 dst=10.12.0.$1 / udp sport=$2 dport=$3 / data n=4"; }
	came() { [[ -s $work/came ]] || udp_to 98 3461 81; [[ -s $work/came ]]; }
	wait_for 30 came || fail "policies of IPsec: to this host"
	udp_to 99 3462 80
	wait_is "policies of IPsec: through" 1 seen s0 "^10.11.0.1>10.12.0.1 p17 .*0d86"
	on r ip xfrm policy add dir fwd src 10.11.0.0/16 dst 10.12.0.99 action block
	on r ip xfrm policy add dir in src 10.11.0.0/16 dst 10.12.0.98 action block
	: > "$work/came"
	udp_to 99 3462 80
	udp_to 98 3461 81
	udp_to 97 3463 80
	wait_is "policies of IPsec: who is not blocked" 1 seen s0 "^10.11.0.1>10.12.0.97 p17 .*0d87"
	is "policies of IPsec: what was sent to who is blocked" "1 " \
		"$(seen s0 "^10.11.0.1>10.12.0.1 p17 .*0d86") $(cat "$work/came")"
	bg_end "$bg_pid"
	on r ip xfrm policy flush
	flush_flows r
}

# --- refused, but not leaked -------------------------------------------------

# A segment that is no part of the connection is INVALID, and goes where the others go.
nothing_leaks() {
	nat_rules "" "oifname r1 masquerade" "chain f {
			type filter hook forward priority 0
			tcp dport 80 ct state invalid counter comment \"invalid\"
		}"
	syn 10.11.0.1 3500
	wire s "ip src=10.12.0.1 dst=10.2.0.1 / tcp sport=80 dport=3500 flags=SA seq=5000 ack=1001"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=3500 dport=80 flags=A seq=1001 ack=5001"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=3500 dport=80 flags=A seq=900000000 ack=5001 / data n=5"
	wait_is "a segment from beyond the window is INVALID" 1 hits_of r invalid
	wait_is "and leaves with the outside address" 1 \
		seen s0 "^10.2.0.1>10.12.0.1 p6 .*7878787878$"
	is "nothing has left with the inside one" 0 "$(seen s0 '^10\.11\..* p6 ')"
	rules_go
	flush_flows r
}

# Flows outlive their rules.
rules_go() {
	udp 10.11.0.1 3600 80
	wait_is "translated" 1 seen s0 "^10.2.0.1>10.12.0.1 p17 .*0e10"
	set_rules r < /dev/null
	udp 10.11.0.1 3600 80
	wait_is "the rule has gone: translated still" 2 seen s0 "^10.2.0.1>10.12.0.1 p17 .*0e10"
	on r conntrack -D -p udp --orig-port-src 3600 > /dev/null 2>&1
	udp 10.11.0.1 3600 80
	wait_is "the flow has gone: no more" 1 seen s0 "^10.11.0.1>10.12.0.1 p17 .*0e10"
}

# --- nf_conntrack, later ------------------------------------------------------

# It is loaded, and tracks everywhere: what is translated goes on, and begins.
comes_later() {
	local name="nf_conntrack comes later"
	nat_rules "" "oifname r1 masquerade"
	udp 10.11.0.1 3800 80
	wait_is "$name: translated" 1 seen s0 "^10.2.0.1>10.12.0.1 p17 .*0ed8"
	echo_up r
	check "$name" modprobe nf_conntrack enable_hooks=1
	udp 10.11.0.1 3800 80
	wire s "ip src=10.12.0.1 dst=10.2.0.1 / udp sport=80 dport=3800"
	udp 10.11.0.1 3800 80
	wait_is "$name: so it goes on" 3 seen s0 "^10.2.0.1>10.12.0.1 p17 .*0ed8"
	wait_is "$name: and is answered" 1 flow_has "sport=3800 dport=80" \
		"packets=3 .* packets=1 "
	udp 10.11.0.1 3801 80
	wait_is "$name: others begin" 1 seen s0 "^10.2.0.1>10.12.0.1 p17 .*0ed9"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / icmp id=3802"
	# What we do not translate it tracks as well.
	echo hi | on c socat -t 10 - TCP4:10.1.0.1:7 > /dev/null
	like "$name: it tracks" '^[1-9]' \
		"$(on r sysctl -n net.netfilter.nf_conntrack_count)"
	wait_is "$name: also ping" 1 seen s0 "^10.2.0.1>10.12.0.1 p1 .*0eda"
	is "$name: nothing leaves with the inside address" 0 \
		"$(seen s0 '^10\.11\.0\.1>.* p(17|1) .*0ed[89a]')"
	led_there_by_tc
	flush_flows r
	set_rules r < /dev/null
	check "$name: and goes" nf_conntrack_out
}

# On the way in it may have got an entry of nf_conntrack's already.
led_there_by_tc() {
	local name="tc's ct"
	if ! modprobe act_ct 2> /dev/null; then
		skip "$name" "no act_ct here"
		return
	fi
	on r tc qdisc add dev r0 clsact
	on r tc filter add dev r0 ingress matchall action ct || fail "$name"
	udp 10.11.0.1 3801 80
	wait_is "$name: what is translated goes on" 2 \
		seen s0 "^10.2.0.1>10.12.0.1 p17 .*0ed9"
	udp 10.11.0.1 3803 80
	wait_is "$name: others begin" 1 seen s0 "^10.2.0.1>10.12.0.1 p17 .*0edb"
	on r tc qdisc del dev r0 clsact
	check "$name: it goes" wait_for 30 rmmod act_ct
}

# --- sizes and the end -------------------------------------------------------

slab() { awk -v name="$1" '$1 == name { print $4 }' /proc/slabinfo; }

sizes() {
	if is_debug_kernel || ! [[ $(slab ip_conntrack) ]]; then
		skip "bytes of a translated flow" "not on this kernel"
		return
	fi
	is "bytes of a translated flow, IPv4 and IPv6" "192 320" \
		"$(($(slab ip_conntrack) + $(slab ip_conntrack_alias))) $((
		$(slab ip_conntrack6) + $(slab ip_conntrack_alias6)))"
}

end_of_it() {
	local companion
	nat_rules "" "oifname r1 masquerade"
	udp 10.11.0.1 3700 80
	udp 10.11.0.1 3700 81
	wait_is "two flows" 2 lines r "sport=3700"
	set_rules r < /dev/null
	for companion in ip_conntrack_nat_nft ip_conntrack_nat_ipt4 \
		ip_conntrack_nat_ipt6 ip_conntrack_nat_xt; do
		[[ -d /sys/module/$companion ]] && rmmod $companion
	done
	check "the module goes" rmmod ip_conntrack_nat
	no_flow "and the flows that nobody translates any more" r "sport=3700"
	agrees "lines, count and column 1 agree" r
	check "it comes again" modprobe ip_conntrack_nat_nft
	nat_rules "" "oifname r1 masquerade"
	udp 10.11.0.1 3701 80
	wait_is "and translates" 1 lines r "dst=10.2.0.1 sport=80 dport=3701"
}

nf_conntrack_out || fail "nf_conntrack cannot be unloaded"
load
net_up
wire_up
watch s:s0
ports_run_out
own_port_is_taken
one_decision
one_decision_at_home
masquerade_follows
borrowed_address
by_request
who_asks
not_its_socket
policies
nothing_leaks
comes_later
sizes
end_of_it
check_not "nf_conntrack was never needed" test -d /sys/module/nf_conntrack
finish
