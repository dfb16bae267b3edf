#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml
# long: deb6.12
# timeout: 1500
# shellcheck disable=SC2119,SC2317
#
# Translation in set-ups that are legal but rare: by nf_nat and by ours, in the same
# guest. Published ports of containers behind a bridge, packets translated while they
# are bridged, networks with the same addresses in zones, a VRF, routes by marks,
# queues that change packets, redirected connections whose source is taken, and IPsec.
# Who is answered, and what is listed, must be the same. What User-mode Linux has is
# tried there (two minutes); the stock kernel, where it takes seven, has IPsec.

# shellcheck source=tests/compare.sh
. "$(dirname "$0")/compare.sh"

need nft socat python3 conntrack
need_module

# --- asking ------------------------------------------------------------------

cat > "$work/ask.py" <<'END_OF_ASK'
"""Says "hi" to somebody, and prints what is answered."""
import socket
import sys

kind, host, port, sport = sys.argv[1:5]
family = socket.AF_INET6 if ':' in host else socket.AF_INET
sock = socket.socket(family, socket.SOCK_STREAM if kind == 'tcp'
                     else socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if len(sys.argv) > 5:
    sock.setsockopt(socket.SOL_SOCKET, 25, sys.argv[5].encode())
try:
    sock.bind(('', int(sport)))
    sock.settimeout(20)
    sock.connect((host, int(port)))
    sock.sendall(b'hi')
    print(sock.recv(99).decode() or 'closed')
except OSError as error:
    print(error.strerror or 'nothing')
END_OF_ASK

# told WHAT SAYS: is to be the same with both
told() { echo "$1: $2" >> "$work/$tracker.told"; }

# ask WHAT NS KIND HOST PORT SPORT [DEVICE]
ask() { told "$1" "$(on "$2" "$python" "$work/ask.py" "${@:3}")"; }

# listed WHAT: the table of r, without what is chance
listed() {
	local line
	while IFS= read -r line; do
		told "$1, flow" "$line"
	done < <(on r conntrack -L 2> /dev/null | grep -v '^unknown ' | scrub |
		sed -E 's/(packets|bytes)=[0-9]+ //g; s/^tcp 6 T [A-Z_]+ /tcp 6 T /')
	on r conntrack -F > /dev/null 2>&1
}

# answer NS: who answers UDP at port 77
answer() {
	bg "@$1" socat UDP6-RECVFROM:77,fork,ipv6only=0 PIPE
	wait_for 60 on "$1" grep -q ':004D ' /proc/net/udp6 || fail "$1 answers"
}

# servers NS...
servers() {
	local ns
	for ns; do
		echo_up "$ns"
		answer "$ns"
	done
}

side_up() {
	tracker=$1
	net_up
	hosts d
	wire_between d d0 r r2 3
	servers s r c
}

side_down() {
	local pid
	for pid in "${ct_jobs[@]}"; do bg_end "$pid"; done
	net_down
	ip netns delete d
}

# --- a source that is taken --------------------------------------------------

# Two connections of one port of a client end at one port here. Early demultiplexing
# finds the socket of the first for packets of the second.
taken() {
	set_rules r <<-END
	table ip n {
		chain pre {
			type nat hook prerouting priority -100
			tcp dport 5202 redirect to :7
		}
	}
	END
	mkfifo "$work/$tracker.held"
	exec {held}<> "$work/$tracker.held"
	bg @c socat -u - TCP4:10.1.0.1:7,sourceport=10000,reuseaddr <&"$held"
	wait_for 30 on r sh -c "conntrack -L 2> /dev/null |
		grep -q 'ESTABLISHED.*sport=10000 dport=7 '" ||
		fail "$tracker: a connection"
	ask "redirected, source taken" c tcp 10.1.0.1 5202 10000
	bg_end "$bg_pid"
	exec {held}>&-
	on r conntrack -F > /dev/null 2>&1
}

# --- a bridge ----------------------------------------------------------------

port_of_bridge() {
	hosts "$1"
	ip link add e0 netns "$1" address "02:00:00:00:09:0$2" \
		type veth peer name "p$1" netns r
	ip -n r link set "p$1" master br0 up
	ip -n "$1" addr add "10.9.0.$2/24" dev e0
	ip -n "$1" link set e0 up
	ip -n "$1" route add default via 10.9.0.1
	on "$1" sysctl -qw net.ipv4.conf.all.accept_redirects=0
}

bridge_rules() {
	set_rules r <<-END
	table ip n {
		chain published {
			tcp dport 8080 dnat to 10.9.0.2:7
			udp dport 8080 dnat to 10.9.0.2:77
		}
		chain pre {
			type nat hook prerouting priority -100
			fib daddr type local jump published
			ip daddr 10.9.0.66 dnat to 10.9.0.2
			ip daddr 10.9.0.2 udp dport 5555 redirect to :77
			ip daddr 10.9.0.2 tcp dport 5555 redirect to :7
		}
		chain out {
			type nat hook output priority -100
			ip daddr != 127.0.0.0/8 fib daddr type local jump published
		}
		chain post {
			type nat hook postrouting priority 100
			ip saddr 10.9.0.0/24 oifname != br0 masquerade
			ip saddr 10.9.0.2 ip daddr 10.9.0.2 masquerade
			ip saddr 10.9.0.3 udp sport 4444 snat to 10.9.0.88
		}
	}
	END
}

bridged() {
	local kind port=7
	modprobe br_netfilter
	ip -n r link add br0 type bridge
	ip -n r addr add 10.9.0.1/24 dev br0
	ip -n r link set br0 up
	on r sysctl -qw net.bridge.bridge-nf-call-iptables=1 \
		net.ipv4.conf.all.send_redirects=0
	port_of_bridge k 2
	port_of_bridge l 3
	ip -n r link set pk type bridge_slave hairpin on
	servers k
	ip -n l neigh add 10.9.0.66 lladdr 02:00:00:00:09:02 dev e0
	ip -n k neigh add 10.9.0.88 lladdr 02:00:00:00:09:03 dev e0
	bridge_rules
	for kind in tcp udp; do
		ask "bridge, $kind: published" c "$kind" 10.1.0.1 8080 6001
		ask "bridge, $kind: from this host" r "$kind" 10.1.0.1 8080 6002
		ask "bridge, $kind: to the bridge" l "$kind" 10.9.0.1 8080 6003
		ask "bridge, $kind: to an outside address" l "$kind" 10.1.0.1 8080 6004
		ask "bridge, $kind: to itself" k "$kind" 10.9.0.1 8080 6005
		ask "bridge, $kind: out" k "$kind" 10.2.0.2 "$port" 6006
		ask "bridge, $kind: bridged" l "$kind" 10.9.0.66 "$port" 6007
		ask "bridge, $kind: redirected" l "$kind" 10.9.0.2 5555 6008
		ask "bridge, $kind: another source" l "$kind" 10.9.0.2 "$port" 4444
		port=77
	done
	listed bridge
	ip netns delete k
	ip netns delete l
	ip -n r link del br0
}

# --- zones -------------------------------------------------------------------

# d has c's address, at another wire of r.
zones() {
	ip -n d addr add 10.1.0.2/24 dev d0
	ip -n d route replace default via 10.3.0.1 src 10.1.0.2
	ip -n r rule add fwmark 2 lookup 102
	ip -n r route add 10.1.0.0/24 via 10.3.0.2 dev r2 onlink table 102
	nat_rules "ip daddr 10.12.0.9 dnat to 10.2.0.2" "oifname r1 masquerade" "
		chain raw {
			type filter hook prerouting priority -300
			iifname r2 ct original zone set 2
			iifname r0 ct original zone set 1
		}
		chain marking {
			type filter hook prerouting priority -150
			iifname r2 ct mark set 2
			ct direction reply meta mark set ct mark
		}"
	bg @d "$python" "$work/ask.py" tcp 10.2.0.2 7 7001
	ask "zones: one" c tcp 10.2.0.2 7 7001
	ask "zones: the other" d tcp 10.2.0.2 7 7002
	ask "zones: one, a datagram" c udp 10.2.0.2 77 7003
	ask "zones: the other, a datagram of the same port" d udp 10.2.0.2 77 7003
	ask "zones: both ends" c udp 10.12.0.9 77 7004
	ask "zones: both ends of the other" d udp 10.12.0.9 77 7004
	told "zones: how many" "$(on r conntrack -L 2> /dev/null |
		grep -c 'src=10.1.0.2')"
	told "zones: with replies to one address" "$(on r conntrack -L -p udp \
		2> /dev/null | grep -c 'dst=10.2.0.1 ')"
	ip -n d addr del 10.1.0.2/24 dev d0
	ip -n d route replace default via 10.3.0.1
	ip -n r rule del fwmark 2
	on r conntrack -F > /dev/null 2>&1
}

# --- a VRF -------------------------------------------------------------------

vrf_rules() {
	set_rules r <<-END
	table ip n {
		chain pre {
			type nat hook prerouting priority -100
			ip daddr 10.12.0.9 dnat to 10.2.0.2
		}
		chain out {
			type nat hook output priority -100
			ip daddr 10.12.0.9 dnat to 10.2.0.2
		}
		chain post {
			type nat hook postrouting priority 100
			$1
		}
	}
	END
}

vrf() {
	local dev kind port=7 n=8000
	ip -n r link add vrf0 type vrf table 10 || return
	ip -n r link set vrf0 up
	for dev in r0 r1; do ip -n r link set "$dev" master vrf0; done
	ip -n r route add 10.12.0.0/16 via 10.2.0.2 table 10
	wait_for 30 on c ping -c 1 -W 1 10.2.0.2 || fail "VRF: a way"
	on r conntrack -F > /dev/null 2>&1
	for kind in tcp udp; do
		vrf_rules "oifname r1 masquerade"
		ask "VRF, $kind: forwarded" c "$kind" 10.2.0.2 "$port" $((n + 1))
		ask "VRF, $kind: both ends" c "$kind" 10.12.0.9 "$port" $((n + 2))
		ask "VRF, $kind: from this host" r "$kind" 10.2.0.2 "$port" $((n + 3)) vrf0
		ask "VRF, $kind: from this host, both" r "$kind" 10.12.0.9 "$port" \
			$((n + 4)) vrf0
		vrf_rules "oifname vrf0 masquerade"
		ask "VRF, $kind: at its device" r "$kind" 10.2.0.2 "$port" $((n + 5)) vrf0
		vrf_rules "oifname vrf0 ip protocol { tcp, udp } snat to :$((n + 100))"
		ask "VRF, $kind: at its device, a port" r "$kind" 10.2.0.2 "$port" \
			$((n + 6)) vrf0
		port=77 n=8200
	done
	listed VRF
	ip -n r link del vrf0
	wait_for 30 on c ping -c 1 -W 1 10.2.0.2 || fail "VRF: no more"
	on r conntrack -F > /dev/null 2>&1
}

# --- marks -------------------------------------------------------------------

marks() {
	servers d
	ip -n d addr add 10.12.0.9/32 dev lo
	ip -n s addr add 10.12.0.9/32 dev lo
	ip -n r route add 10.12.0.9 via 10.2.0.2
	ip -n r rule add fwmark 7 lookup 107
	ip -n r route add 10.12.0.9 via 10.3.0.2 table 107
	set_rules r <<-END
	table ip n {
		chain marking {
			type filter hook prerouting priority -150
			tcp sport 5007 meta mark set 7
		}
		chain marking_out {
			type route hook output priority -150
			tcp sport 5008 meta mark set 7
		}
		chain post {
			type nat hook postrouting priority 100
			oifname { r1, r2 } masquerade
		}
	}
	END
	ask "marks: the usual way" c tcp 10.12.0.9 7 5006
	ask "marks: another way" c tcp 10.12.0.9 7 5007
	ask "marks: another way, of this host" r tcp 10.12.0.9 7 5008
	listed marks
	ip -n s addr del 10.12.0.9/32 dev lo
	ip -n d addr del 10.12.0.9/32 dev lo
	ip -n r rule del fwmark 7
	ip -n r route del 10.12.0.9
}

# --- queues ------------------------------------------------------------------

cat > "$work/change.py" <<'END_OF_CHANGE'
"""Says "ho" in packets of a queue that say "hi", and sends them on."""
import sys

sys.path.insert(0, sys.argv[1])
import nfqueue

sock = nfqueue.listen(int(sys.argv[2]), 0xffff)
while True:
    for ident, payload in nfqueue.packets(sock.recv(1 << 17)):
        if payload.endswith(b'hi'):
            # A datagram without a checksum
            payload = payload[:26] + bytes(2) + payload[28:-2] + b'ho'
        sock.send(nfqueue.message(nfqueue.VERDICT, int(sys.argv[2]),
                                  nfqueue.verdict(1, ident, payload)))
END_OF_CHANGE

# queued PRIORITY HOOK: changed there
queued() {
	nat_rules "ip daddr 10.12.0.9 dnat to 10.2.0.2" "oifname r1 masquerade" "
		chain q {
			type filter hook $2 priority $1
			udp dport 77 queue num 6
			udp sport 77 queue num 6
		}"
	: > "$work/queue"
	bg @r "$python" "$work/change.py" "$here" 6 > "$work/queue"
	wait_for 90 grep -q ready "$work/queue" || fail "a queue"
	ask "queue at $2 $1" c udp 10.12.0.9 77 9001
	listed "queue at $2 $1"
	bg_end "$bg_pid"
}

queues() {
	queued -150 prerouting
	queued -50 prerouting
	queued 50 postrouting
	queued 150 postrouting
	queued 0 forward
}

# --- much --------------------------------------------------------------------

# Segments as big as devices take them, both ways
much() {
	local way
	set_masquerade r r1
	head -c 3000000 /dev/urandom > "$work/much"
	for way in 9901 9902; do
		bg @s socat -u "TCP4-LISTEN:$way,reuseaddr" "CREATE:$work/got.$way"
		wait_for 60 on s grep -q ":$(printf %04X "$way") .* 0A " /proc/net/tcp ||
			fail "who receives"
		if [[ $way == 9901 ]]; then
			on c socat -u "OPEN:$work/much" TCP4:10.2.0.2:9901,sourceport=9801
			wait "$bg_pid"
		else
			bg_end "$bg_pid"
			bg @s socat -U "TCP4-LISTEN:$way,reuseaddr" "OPEN:$work/much"
			on c socat -u "TCP4:10.2.0.2:$way,sourceport=9802,retry=50,interval=0.2" \
				"CREATE:$work/got.$way"
		fi
		told "much, $way" "$(cmp "$work/much" "$work/got.$way" && echo same)"
	done
	listed much
}

# --- requests ----------------------------------------------------------------

# add WHAT...: a flow is made by request
add() { on r conntrack -I -t 3000 "$@" > /dev/null 2>&1 || fail "conntrack -I $*"; }

# The same options that list and delete what is translated
requests() {
	local option
	add -p tcp -s 10.1.0.2 -d 10.2.0.2 --sport 900 --dport 80 \
		--state ESTABLISHED -u SEEN_REPLY --src-nat 10.2.0.1
	add -p udp -s 10.1.0.2 -d 10.1.0.1 --sport 901 --dport 80 \
		--dst-nat 10.2.0.2:8080
	add -p udp -s 10.1.0.2 -d 10.1.0.1 --sport 902 --dport 80 \
		--dst-nat 10.2.0.2 --src-nat 10.2.0.1:4000
	add -p udp -s 10.1.0.2 -d 10.2.0.2 --sport 903 --dport 80
	for option in -n -g -j "-n 10.2.0.1" "-g 10.2.0.2" "-n 10.9.9.9"; do
		# shellcheck disable=SC2086 # with an address
		told "conntrack -L $option" "$(on r conntrack -L $option \
			2> /dev/null | grep -o 'sport=90[0-9]' | sort | xargs)"
	done
	on r conntrack -D -n > /dev/null 2>&1
	told "after conntrack -D -n" "$(on r conntrack -L 2> /dev/null |
		grep -o 'sport=90[0-9]' | sort | xargs)"
	listed requests
}

# --- IPsec -------------------------------------------------------------------

# esp NS FROM TO: keys of a tunnel both ways, with nothing secret
esp() {
	local way from to
	for way in "$2 $3" "$3 $2"; do
		read -r from to <<< "$way"
		on "$1" ip xfrm state add src "$from" dst "$to" proto esp \
			spi "0x$(printf %s "$from" | cksum | cut -c1-4)" reqid 1 \
			mode tunnel auth digest_null "" enc cipher_null "" ||
			fail "a key of $1"
	done
}

# policy NS NEAR FAR OUR_NET THEIR_NET
policy() {
	on "$1" ip xfrm policy add src "$4" dst "$5" dir out \
		tmpl src "$2" dst "$3" proto esp reqid 1 mode tunnel
	on "$1" ip xfrm policy add src "$5" dst "$4" dir in \
		tmpl src "$3" dst "$2" proto esp reqid 1 mode tunnel
	on "$1" ip xfrm policy add src "$5" dst "$4" dir fwd \
		tmpl src "$3" dst "$2" proto esp reqid 1 mode tunnel
}

no_ipsec() {
	local ns
	for ns in r s d; do
		on "$ns" ip xfrm policy flush
		on "$ns" ip xfrm state flush
	done
}

# family 4|6: sets addresses: ends of the tunnel, what we are behind it, the network
# there and a host of it, and a client here
family() {
	if [[ $1 == 4 ]]; then
		near=10.2.0.1 far=10.2.0.2 as=10.9.0.77 len=32
		net=10.8.0.0/24 host=10.8.0.1 client=10.1.0.2 ip=ip at=$client
	else
		near=fd02::1 far=fd02::2 as=fd09::77 len=128
		net=fd08::/64 host=fd08::1 client=fd01::2 ip=ip6 at="[$client]"
	fi
}

# The other end knows us by one address, which nobody here has.
ipsec() {
	local f=$1
	family "$f"
	ip -n s addr add "$host/$len" dev lo nodad 2> /dev/null ||
		ip -n s addr add "$host/$len" dev lo
	ip -n r "-$f" route add "$net" via "$far"
	ip -n s "-$f" route add "$as" via "$near" src "$host"
	esp r "$near" "$far"
	esp s "$near" "$far"
	policy r "$near" "$far" "$as/$len" "$net"
	policy s "$far" "$near" "$net" "$as/$len"
	set_rules r <<-END
	table $ip n {
		chain pre {
			type nat hook prerouting priority -100
			$ip daddr $as udp dport 80 dnat to $at:77
			$ip daddr $as tcp dport 80 dnat to $at:7
			$ip daddr $as udp dport 81 redirect to :77
			$ip daddr $as tcp dport 81 redirect to :7
		}
		chain post {
			type nat hook postrouting priority 100
			$ip daddr $net snat to $as
		}
	}
	END
	ask "IPsec, IPv$f: from a client" c udp "$host" 77 3001
	ask "IPsec, IPv$f: nobody listens" c udp "$host" 79 3002
	ask "IPsec, IPv$f: a connection" c tcp "$host" 7 3003
	ask "IPsec, IPv$f: from this host" r udp "$host" 77 3004
	ask "IPsec, IPv$f: a connection from this host" r tcp "$host" 7 3005
	ask "IPsec, IPv$f: nobody listens to this host" r udp "$host" 79 3006
	ask "IPsec, IPv$f: to a client" s udp "$as" 80 3007
	ask "IPsec, IPv$f: a connection to a client" s tcp "$as" 80 3008
	ask "IPsec, IPv$f: to this host" s udp "$as" 81 3009
	ask "IPsec, IPv$f: a connection to this host" s tcp "$as" 81 3010
	listed "IPsec, IPv$f"
	no_ipsec
}

ipsec4() { ipsec 4; }
ipsec6() { ipsec 6; }

# There is a policy for what it was, to somebody elsewhere, and none for what it is.
ipsec_no_more() {
	family 4
	esp r 10.3.0.1 10.3.0.2
	on r ip xfrm policy add src 10.1.0.0/24 dst 10.2.0.0/24 dir out \
		tmpl src 10.3.0.1 dst 10.3.0.2 proto esp reqid 1 mode tunnel
	set_rules r <<-END
	table ip n {
		chain post {
			type nat hook postrouting priority 100
			ip daddr 10.2.0.2 snat to 10.2.0.1
		}
	}
	END
	ask "IPsec: not for what it is" c udp 10.2.0.2 77 3101
	listed "IPsec: not for what it is"
	no_ipsec
}

# --- both --------------------------------------------------------------------

side() {
	local part
	on r conntrack -F > /dev/null 2>&1
	for part in "${parts[@]}"; do
		"$part"
	done
	on r nft flush ruleset
}

if grep -q 'User Mode Linux' /proc/cpuinfo; then
	parts=(taken bridged zones vrf marks queues much requests) lines=60
else
	parts=(ipsec4 ipsec6 ipsec_no_more) lines=30
fi
[[ ${CT_PARTS:-} ]] && read -ra parts <<< "$CT_PARTS" && lines=1
both_sides
while IFS= read -r line; do
	theirs=$(grep -cxF -- "$line" "$work/nf.told")
	is "as with nf_nat: $line" "$theirs" "$(grep -cxF -- "$line" "$work/ours.told")"
done < <(sort -u "$work/nf.told")
is "nothing else" "$(wc -l < "$work/nf.told")" "$(wc -l < "$work/ours.told")"
at_least "said" "$lines" "$(wc -l < "$work/nf.told")"
((ct_failed)) && say "$(diff "$work/nf.told" "$work/ours.told")"
finish
