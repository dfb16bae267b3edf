#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml deb6.12
# timeout: 900
# shellcheck disable=SC2119,SC2317
#
# Rules get the answers that they got from nf_conntrack: the same packets, by
# hand and from real hosts, meet the same rules with ours and with nf_conntrack,
# in the same guest, and the counters of the rules are compared.
#
#	states	a packet's state in each chain, both families
#	options	what the matches and targets of iptables and nft can ask and say
#
# Where ours differs, on purpose, "differs" below has it, and why.

. "$(dirname "$0")/lib.sh"

need nft socat ping python3 conntrack iptables-restore ip6tables-restore
need_module
modinfo nf_conntrack > /dev/null 2>&1 || skip_all "no nf_conntrack here"

# --- states ------------------------------------------------------------------

# chain NAME HOOK PRIORITY: counts each packet by its state and family.
chain() {
	local f dir name
	echo "chain $1 {"
	echo "type filter hook $2 priority $3"
	# Neighbours are looked for when they are: only the states count
	echo "icmpv6 type { 130-136, 143 } ct state untracked counter name nd return"
	echo "icmpv6 type { 130-136, 143 } counter name nd_other return"
	for f in 4 6; do
		name=$1$f
		echo "meta nfproto ipv$f ct state new counter name ${name}_new"
		echo "meta nfproto ipv$f ct state invalid counter name ${name}_invalid"
		echo "meta nfproto ipv$f ct state untracked counter name ${name}_untracked"
		for dir in original reply; do
			echo "meta nfproto ipv$f ct state established ct direction $dir counter name ${name}_est_$dir"
			echo "meta nfproto ipv$f ct state related ct direction $dir counter name ${name}_rel_$dir"
		done
		echo "meta nfproto ipv$f ct state related counter name ${name}_related"
	done
	echo "}"
}

chains="pre prem forwm forw in outm out post posts"

states_table() {
	local c f s
	echo "flush ruleset"
	echo "table inet t {"
	echo "counter nd {}"
	echo "counter nd_other {}"
	for c in $chains; do
		for f in 4 6; do
			for s in new invalid untracked est_original est_reply \
				rel_original rel_reply related; do
				echo "counter $c${f}_$s {}"
			done
		done
	done
	chain pre prerouting -199
	chain prem prerouting -150
	chain forwm forward -150
	chain forw forward 0
	chain in input 0
	chain outm output -150
	chain out output 0
	chain post postrouting 0
	chain posts postrouting 300
	cat <<-'NFT'
	chain untrack {
		type filter hook prerouting priority raw
		udp dport 2100 notrack
		tcp dport 2100 notrack
	}
	chain untrack_out {
		type filter hook output priority raw
		udp dport 2100 notrack
		udp sport 2101 notrack
	}
	chain refuse {
		type filter hook forward priority 10
		tcp dport 2200 reject with tcp reset
		udp dport 2200 reject
		icmp id 2200 reject
		icmpv6 id 2200 reject
	}
	chain refuse_in {
		type filter hook input priority 10
		tcp dport 2300 reject with tcp reset
		udp dport 2300 reject
		tcp dport 2301 reject with icmpx admin-prohibited
	}
	chain refuse_out {
		type filter hook output priority 10
		tcp dport 2400 reject with tcp reset
		udp dport 2400 reject
	}
	}
	NFT
}

# The packets of one family; C and S are hosts that do not exist, on the
# client's and the server's side of router R.
scenario() {
	local f=$1 ip C S R cs sc cr icmp echo answer unreach big old lo to

	if ((f == 4)); then
		ip=ip C=10.11.0.1 S=10.12.0.1 R=10.1.0.1 icmp=icmp
		echo=type=8 answer=type=0 unreach="type=3 code=3 rest=00000000"
		big="type=3 code=4 rest=00000500" lo=127.0.0.1 to=10.2.0.2
		old="type=11 code=0 rest=00000000"
	else
		ip=ip6 C=fd11::1 S=fd12::1 R=fd01::1 icmp=icmp6
		echo=type=128 answer=type=129
		unreach="type=1 code=4 rest=00000000"
		big="type=2 code=0 rest=00000500" lo=::1 to=fd02::2
		old="type=3 code=0 rest=00000000"
	fi
	cs="c $ip src=$C dst=$S" sc="s $ip src=$S dst=$C"
	cr="c $ip src=$C dst=$R"

	udp_steps
	icmp_steps
	router_steps
	tcp_steps
	attack_steps
	other_steps
	refused_steps
	untracked_steps
	loopback_steps
}

udp_steps() {
	cat <<-END
	= udp$f: first
	$cs / udp sport=1 dport=1001
	= udp$f: again
	$cs / udp sport=1 dport=1001
	= udp$f: reply
	$sc / udp sport=1001 dport=1
	= udp$f: after a reply
	$cs / udp sport=1 dport=1001
	= udp$f: an answer to nothing is the first of a flow
	$sc / udp sport=1001 dport=2
	= udp$f: fragments
	$cs id=71 split=800 / udp sport=1 dport=1002 / data n=2000
	= udp$f: fragments in reply
	$sc id=72 split=800 / udp sport=1002 dport=1 / data n=2000
	= udp$f: wrong checksum
	$cs / udp sport=1 dport=1003 ck=0x1234
	= udp$f: wrong length
	$cs / udp sport=1 dport=1003 len=60
	= udp$f: half a header
	$cs / udp sport=1 dport=1003 cut=6
	= udp$f: port 0
	$cs / udp sport=0 dport=0
	= udp$f: error about the original
	s $ip src=$S dst=$C / $icmp $unreach / $ip src=$C dst=$S / udp sport=1 dport=1001
	= udp$f: error about the original, from a router
	s $ip src=$to dst=$C / $icmp $old / $ip src=$C dst=$S / udp sport=1 dport=1001
	= udp$f: error about a reply
	c $ip src=$C dst=$S / $icmp $unreach / $ip src=$S dst=$C / udp sport=1001 dport=1
	= udp$f: too big
	s $ip src=$to dst=$C / $icmp $big / $ip src=$C dst=$S / udp sport=1 dport=1001
	= udp$f: error about nothing
	s $ip src=$S dst=$C / $icmp $unreach / $ip src=$C dst=$S / udp sport=1 dport=999
	= udp$f: error for somebody else
	s $ip src=$S dst=${C}1 / $icmp $unreach / $ip src=$C dst=$S / udp sport=1 dport=1001
	= udp$f: error with wrong checksum
	s $ip src=$S dst=$C / $icmp $unreach ck=0x1234 / $ip src=$C dst=$S / udp sport=1 dport=1001
	= udp$f: error with little quoted
	s $ip src=$S dst=$C / $icmp $unreach / $ip src=$C dst=$S len=48 cut=30 / udp sport=1 dport=1001
	END
}

icmp_steps() {
	cat <<-END
	= echo$f: question
	$cs / $icmp $echo id=7
	= echo$f: again
	$cs / $icmp $echo id=7 seq=1
	= echo$f: answer
	$sc / $icmp $answer id=7
	= echo$f: question after an answer
	$cs / $icmp $echo id=7 seq=2
	= echo$f: answer to nothing
	$sc / $icmp $answer id=8
	= echo$f: error about it
	s $ip src=$to dst=$C / $icmp $old / $ip src=$C dst=$S / $icmp $echo id=7
	= echo$f: error about an answer
	c $ip src=$C dst=$S / $icmp $old / $ip src=$S dst=$C / $icmp $answer id=7
	= icmp$f: unknown type
	$cs / $icmp type=44 code=0
	= icmp$f: unknown error
	$cs / $icmp type=100 code=0
	= ~echo$f: real
	run c ping -q -c 2 -i 0.2 -W 5 -e 99 $to
	= ~echo$f: the router
	run c ping -q -c 2 -i 0.2 -W 5 -e 98 $R
	= ~echo$f: from the router
	run r ping -q -c 2 -i 0.2 -W 5 -e 97 $to
	END
	((f == 6)) || cat <<-END
	= icmp4: timestamp
	$cs / icmp type=13 id=3
	$sc / icmp type=14 id=3
	= icmp4: redirect about a flow
	c ip src=$C dst=$S / icmp type=5 code=1 rest=0a010001 / ip src=$S dst=$C / udp sport=1001 dport=1
	= icmp4: redirect about nothing
	c ip src=$C dst=$S / icmp type=5 code=1 rest=0a010001 / ip src=$S dst=$C / udp sport=1001 dport=999
	END
	((f == 4)) || cat <<-END
	= icmp6: node information
	$cs / icmp6 type=139 code=0
	= icmp6: redirect
	c ip6 src=fe80::66 dst=fd01::1 hop=255 / icmp6 type=137 code=0
	END
}

router_steps() {
	cat <<-END
	= router$f: closed UDP port
	$cr / udp sport=1 dport=3001
	= router$f: closed TCP port
	$cr / tcp sport=1 dport=3002
	= router$f: segment of no connection
	$cr / tcp sport=1 dport=3003 flags=A seq=5 ack=7
	= router$f: SYN-ACK of no connection
	$cr / tcp sport=1 dport=3004 flags=SA seq=5 ack=7
	= router$f: too many hops
	$cs ttl=1 hop=1 / udp sport=1 dport=3005
	= router$f: too many hops, TCP
	$cs ttl=1 hop=1 / tcp sport=1 dport=3005
	= router$f: too many hops, invalid
	$cs ttl=1 hop=1 / tcp sport=1 dport=3006 flags=SF
	= router$f: no way there
	c $ip src=$C dst=$([[ $f == 4 ]] && echo 10.77.0.1 || echo fd77::1) / udp sport=1 dport=3007
	= router$f: does not fit
	run r ip link set r1 mtu 1300
	$cs df=1 / udp sport=1 dport=3008 / data n=1350
	run r ip link set r1 mtu 1500
	= router$f: does not fit, known flow
	$cs df=1 / udp sport=1 dport=3009
	run r ip link set r1 mtu 1300
	$cs df=1 / udp sport=1 dport=3009 / data n=1350
	run r ip link set r1 mtu 1500
	= ~router$f: real TCP
	run c echo hi | socat -t 2 - TCP:$([[ $f == 4 ]] && echo "$R" || echo "[$R]"):7
	= ~real$f: TCP
	run c echo hi | socat -t 2 - TCP:$([[ $f == 4 ]] && echo $to || echo "[$to]"):7
	= ~real$f: UDP
	run c echo hi | socat -t 1 - UDP:$([[ $f == 4 ]] && echo $to || echo "[$to]"):7
	= ~real$f: closed UDP port
	run c echo hi > /dev/udp/$to/3010
	= ~real$f: closed TCP port
	run c exec 3<> /dev/tcp/$to/3010
	= ~real$f: from the router
	run r echo hi > /dev/udp/$to/3010
	run r exec 3<> /dev/tcp/$to/3010
	END
}

# tcp DIRECTION PORT FIELD...: a segment of the connection from port 1
tcp() {
	if [[ $1 == cs ]]; then
		echo "$cs / tcp sport=1 dport=$2 ${*:3}"
	else
		echo "$sc / tcp sport=$2 dport=1 ${*:3}"
	fi
}

# opened PORT: a handshake
opened() {
	tcp cs "$1" flags=S seq=1000
	tcp sc "$1" flags=SA seq=5000 ack=1001
	tcp cs "$1" flags=A seq=1001 ack=5001
}

tcp_steps() {
	local n flags
	echo "= tcp$f: SYN"; tcp cs 4001 flags=S seq=1000
	echo "= tcp$f: half-open, SYN again"; tcp cs 4001 flags=S seq=1000
	echo "= tcp$f: half-open, another SYN"; tcp cs 4001 flags=S seq=2000
	echo "= tcp$f: half-open, ACK too early"; tcp cs 4001 flags=A seq=2001 ack=1
	echo "= tcp$f: SYN-ACK"; tcp sc 4001 flags=SA seq=5000 ack=2001
	echo "= tcp$f: SYN-ACK again"; tcp sc 4001 flags=SA seq=5000 ack=2001
	echo "= tcp$f: ACK"; tcp cs 4001 flags=A seq=2001 ack=5001
	echo "= tcp$f: data"; tcp cs 4001 flags=PA seq=2001 ack=5001 / data n=100
	echo "= tcp$f: data acknowledged"; tcp sc 4001 flags=A seq=5001 ack=2101
	echo "= tcp$f: data again"; tcp cs 4001 flags=PA seq=2001 ack=5001 / data n=100
	echo "= tcp$f: keep-alive"; tcp cs 4001 flags=A seq=2100 ack=5001
	echo "= tcp$f: FIN"; tcp cs 4001 flags=FA seq=2101 ack=5001
	echo "= tcp$f: FIN acknowledged"; tcp sc 4001 flags=A seq=5001 ack=2102
	echo "= tcp$f: other FIN"; tcp sc 4001 flags=FA seq=5001 ack=2102
	echo "= tcp$f: last ACK"; tcp cs 4001 flags=A seq=2102 ack=5002
	echo "= tcp$f: stray data after the end"; tcp sc 4001 flags=A seq=5001 ack=2102 / data n=1
	echo "= tcp$f: SYN after the end"; tcp cs 4001 flags=S seq=900000
	echo "= tcp$f: refused"
	tcp cs 4002 flags=S seq=1000
	tcp sc 4002 flags=RA seq=0 ack=1001
	echo "= tcp$f: SYN after it was refused"; tcp cs 4002 flags=S seq=1000
	echo "= tcp$f: reset by who opened, unanswered"
	tcp cs 4003 flags=S seq=1000
	tcp cs 4003 flags=R seq=1001
	echo "= tcp$f: reset of nothing"; tcp cs 4004 flags=R seq=1001
	echo "= tcp$f: FIN of nothing"; tcp cs 4004 flags=FA seq=1001 ack=5001
	n=4010
	for flags in SF SR FR F P SFRPAU ''; do
		n=$((n + 1))
		echo "= tcp$f: flags ${flags:-none}"
		tcp cs $n "flags=$flags" seq=1000
	done
	echo "= tcp$f: wrong checksum"; tcp cs 4020 flags=S ck=0x1111
	echo "= tcp$f: header too long"; tcp cs 4020 flags=S doff=15
	echo "= tcp$f: both open"
	tcp cs 4021 flags=S seq=1000
	tcp sc 4021 flags=S seq=5000
	tcp cs 4021 flags=SA seq=1000 ack=5001
	tcp sc 4021 flags=SA seq=5000 ack=1001
	tcp cs 4021 flags=A seq=1001 ack=5001
	echo "= tcp$f: error about it"
	echo "s $ip src=$to dst=$C / $icmp $big / $ip src=$C dst=$S / tcp sport=1 dport=4021 seq=1001"
}

attack_steps() {
	opened 5001
	opened 5002
	opened 5003
	opened 5004
	opened 5005
	echo "= attack$f: reset far out of the window"
	tcp sc 5001 flags=R seq=900005001
	echo "= attack$f: reset in the window, but not exact"
	tcp sc 5001 flags=R seq=5100
	echo "= attack$f: the connection goes on"
	tcp cs 5001 flags=PA seq=1001 ack=5001 / data n=10
	tcp sc 5001 flags=A seq=5001 ack=1011
	echo "= attack$f: reset, exact"
	tcp sc 5001 flags=R seq=5001
	echo "= attack$f: after it"
	tcp cs 5001 flags=A seq=1011 ack=5001
	echo "= attack$f: SYN in a connection, original"
	tcp cs 5002 flags=S seq=77000
	echo "= attack$f: and its challenge ACK"
	tcp sc 5002 flags=A seq=5001 ack=1001
	echo "= attack$f: it goes on"
	tcp cs 5002 flags=PA seq=1001 ack=5001 / data n=10
	echo "= attack$f: SYN in a connection, reply"
	tcp sc 5003 flags=S seq=77000
	echo "= attack$f: and it goes on"
	tcp cs 5003 flags=PA seq=1001 ack=5001 / data n=10
	echo "= attack$f: data far ahead"
	tcp cs 5004 flags=PA seq=900001001 ack=5001 / data n=10
	echo "= attack$f: ACK of what was not sent"
	tcp cs 5004 flags=A seq=1001 ack=900005001
	echo "= attack$f: data long past"
	tcp cs 5004 flags=PA seq=800001001 ack=5001 / data n=10
	echo "= attack$f: ACK long past"
	tcp cs 5004 flags=A seq=1001 ack=800005001
	echo "= attack$f: SYN-ACK in a connection"
	tcp sc 5004 flags=SA seq=77000 ack=88000
	echo "= attack$f: SYN-ACK in a connection, original"
	tcp cs 5004 flags=SA seq=77000 ack=88000
	echo "= attack$f: FIN out of the window"
	tcp sc 5005 flags=FA seq=900005001 ack=1001
	echo "= attack$f: forged unreachable about a connection"
	echo "s $ip src=$S dst=$C / $icmp $unreach / $ip src=$C dst=$S / tcp sport=1 dport=5005 seq=1001"
	# Only one direction goes by here
	echo "= one side$f: the opener's"
	tcp cs 5010 flags=S seq=1000
	tcp cs 5010 flags=A seq=1001 ack=5001
	tcp cs 5010 flags=PA seq=1001 ack=5001 / data n=10
	echo "= one side$f: the other's"
	tcp sc 5011 flags=SA seq=5000 ack=1001
	tcp sc 5011 flags=A seq=5001 ack=1011
	tcp sc 5011 flags=PA seq=5001 ack=1011 / data n=10
	# A connection that began before the tracker
	echo "= pick-up$f: data"; tcp cs 5020 flags=PA seq=1001 ack=5001 / data n=10
	echo "= pick-up$f: ACK"; tcp sc 5020 flags=A seq=5001 ack=1011
	echo "= pick-up$f: more"; tcp cs 5020 flags=PA seq=1011 ack=5001 / data n=10
	echo "= pick-up$f: ACK first"; tcp sc 5021 flags=A seq=5001 ack=1011
	echo "= pick-up$f: SYN-ACK first"; tcp sc 5022 flags=SA seq=5000 ack=1001
	echo "= pick-up$f: FIN first"; tcp cs 5023 flags=FA seq=1001 ack=5001
	echo "= not loose$f"
	echo "run r sysctl -qw net.ipv4.netfilter.ip_conntrack_tcp_loose=0 ||
		sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0" | tr -d '\n'
	echo
	echo "= not loose$f: data"; tcp cs 5030 flags=PA seq=1001 ack=5001 / data n=10
	echo "= not loose$f: ACK"; tcp sc 5030 flags=A seq=5001 ack=1011
	echo "= not loose$f: half-open, its ACK"
	tcp cs 5031 flags=A seq=1001 ack=5001
	echo "= not loose$f: SYN"
	opened 5032
	echo "= loose$f again"
	echo "run r sysctl -qw net.ipv4.netfilter.ip_conntrack_tcp_loose=1 ||
		sysctl -qw net.netfilter.nf_conntrack_tcp_loose=1" | tr -d '\n'
	echo
}

other_steps() {
	cat <<-END
	= sctp$f: INIT
	$cs / sctp sport=1 dport=6001 / chunk type=1 hex=000000010000ffff0001000100000001
	= sctp$f: INIT ACK
	$sc / sctp sport=6001 dport=1 vtag=1 / chunk type=2 hex=000000020000ffff0001000100000001
	= sctp$f: COOKIE ECHO
	$cs / sctp sport=1 dport=6001 vtag=2 / chunk type=10 hex=00000001
	= sctp$f: COOKIE ACK
	$sc / sctp sport=6001 dport=1 vtag=1 / chunk type=11
	= sctp$f: DATA
	$cs / sctp sport=1 dport=6001 vtag=2 / chunk type=0 flags=3 hex=000000010000000000000000aabbccdd
	= sctp$f: DATA with another tag
	$cs / sctp sport=1 dport=6001 vtag=3 / chunk type=0 flags=3 hex=000000010000000000000000aabbccdd
	= sctp$f: ABORT with another tag
	$sc / sctp sport=6001 dport=1 vtag=9 / chunk type=6
	= sctp$f: ABORT
	$sc / sctp sport=6001 dport=1 vtag=1 / chunk type=6
	= sctp$f: DATA of nothing
	$cs / sctp sport=1 dport=6002 vtag=3 / chunk type=0 flags=3 hex=000000010000000000000000aabbccdd
	= sctp$f: INIT with a tag
	$cs / sctp sport=1 dport=6003 vtag=3 / chunk type=1 hex=000000010000ffff0001000100000001
	= sctp$f: wrong checksum
	$cs / sctp sport=1 dport=6004 ck=1 / chunk type=1 hex=000000010000ffff0001000100000001
	= gre$f: first
	$cs / gre / data n=20
	= gre$f: reply
	$sc / gre / data n=20
	= gre$f: after a reply
	$cs / gre / data n=20
	= proto99$f: first
	$cs proto=99 nh=99 / data n=20
	= proto99$f: reply
	$sc proto=99 nh=99 / data n=20
	= proto99$f: after a reply
	$cs proto=99 nh=99 / data n=20
	END
}

refused_steps() {
	echo "= reject$f: TCP in forward"; tcp cs 2200 flags=S seq=1
	echo "= reject$f: UDP in forward"; echo "$cs / udp sport=1 dport=2200"
	echo "= reject$f: echo in forward"; echo "$cs / $icmp $echo id=2200"
	echo "= reject$f: ACK in forward"; tcp cs 2200 flags=A seq=1 ack=5
	echo "= reject$f: invalid in forward"
	tcp cs 2200 flags=FA seq=1 ack=5
	echo "= reject$f: TCP in input"
	echo "$cr / tcp sport=1 dport=2300"
	echo "= reject$f: UDP in input"
	echo "$cr / udp sport=1 dport=2300"
	echo "= reject$f: TCP in input, by ICMP"
	echo "$cr / tcp sport=1 dport=2301"
	echo "= ~reject$f: TCP in output"
	echo "run r exec 3<> /dev/tcp/$to/2400"
	echo "= ~reject$f: UDP in output"
	echo "run r echo hi > /dev/udp/$to/2400"
	echo "= ~reject$f: TCP in input, loopback"
	echo "run r exec 3<> /dev/tcp/$lo/2300"
	echo "= ~reject$f: UDP in input, loopback"
	echo "run r echo hi > /dev/udp/$lo/2300"
	echo "= ~reject$f: TCP in output, loopback"
	echo "run r exec 3<> /dev/tcp/$lo/2400"
}

untracked_steps() {
	cat <<-END
	= untracked$f: UDP
	$cs / udp sport=1 dport=2100
	= untracked$f: TCP
	$cs / tcp sport=1 dport=2100
	= untracked$f: its reply is not
	$sc / udp sport=2100 dport=1
	= untracked$f: closed UDP port of the router
	$cr / udp sport=1 dport=2100
	= untracked$f: closed TCP port of the router
	$cr / tcp sport=1 dport=2100
	= untracked$f: too many hops
	$cs ttl=1 hop=1 / udp sport=1 dport=2100
	= untracked$f: sent by the router
	run r echo hi > /dev/udp/$to/2100
	= untracked$f: over loopback
	run r echo hi > /dev/udp/$lo/2100
	END
}

loopback_steps() {
	cat <<-END
	= ~loopback$f: ping
	run r ping -q -c 2 -i 0.2 -W 5 -e 96 $lo
	= loopback$f: closed UDP port
	run r echo hi > /dev/udp/$lo/2500
	= loopback$f: closed TCP port
	run r exec 3<> /dev/tcp/$lo/2500
	= ~loopback$f: TCP
	run r echo hi | socat -t 2 - TCP:$([[ $f == 4 ]] && echo $lo || echo "[$lo]"):7
	= ~loopback$f: UDP
	run r echo hi | socat -t 1 - UDP:$([[ $f == 4 ]] && echo $lo || echo "[$lo]"):7
	= ~loopback$f: own address
	run r echo hi | socat -t 2 - TCP:$([[ $f == 4 ]] && echo "$R" || echo "[$R]"):7
	END
}

states() {
	states_table > "$work/table"
	on r nft -f "$work/table" || fail "$1: the table"
	{ scenario 4; scenario 6; } > "$work/scenario"
	: > "$work/$1.states"
	taskset -c 0 "$python" "$here/states.py" r c:c0:02:00:00:00:01:01 \
		s:s0:02:00:00:00:02:01 < "$work/scenario" > "$work/$1.states" ||
		fail "$1: the scenario"
	on r nft flush ruleset
}

# --- options -----------------------------------------------------------------

# asks FAMILY: what the matches can ask, a rule each. Hosts and nets are those of
# the packets below.
asks() {
	local o d m C=10.11.0.1 S=10.12.0.1 N=10.11.0.0/16 M=10.12.0.0/16
	[[ $1 == 6 ]] && C=fd11::1 S=fd12::1 N=fd11::/16 M=fd12::/16
	for o in NEW ESTABLISHED RELATED INVALID UNTRACKED SNAT DNAT \
		NEW,ESTABLISHED RELATED,INVALID INVALID,UNTRACKED,SNAT; do
		echo "-m conntrack --ctstate $o"
		echo "-m conntrack ! --ctstate $o"
	done
	for o in NEW ESTABLISHED RELATED INVALID UNTRACKED NEW,INVALID; do
		echo "-m state --state $o"
		echo "-m state ! --state $o"
	done
	for o in "ctproto udp" "ctproto tcp" "ctproto 99" "ctproto icmp" \
		"ctproto icmpv6" "ctorigsrc $C" "ctorigsrc $N" "ctorigsrc $S" \
		"ctorigdst $S" "ctorigdst $M" "ctorigdst $C" "ctreplsrc $S" \
		"ctreplsrc $M" "ctreplsrc $N" "ctrepldst $C" "ctrepldst $N" \
		"ctrepldst $S" "ctorigsrcport 1" "ctorigsrcport 1:9" \
		"ctorigsrcport 2:9" "ctorigdstport 7001" \
		"ctorigdstport 7001:7002" "ctreplsrcport 7001" \
		"ctreplsrcport 7002:7009" "ctrepldstport 1" \
		"ctrepldstport 0:1" "ctstatus NONE" "ctstatus EXPECTED" \
		"ctstatus SEEN_REPLY" "ctstatus ASSURED" \
		"ctstatus SEEN_REPLY,ASSURED" "ctdir ORIGINAL" "ctdir REPLY"; do
		echo "-m conntrack --$o"
		[[ $o == ctdir* ]] || echo "-m conntrack ! --$o"
	done
	# What a flow has that is there already
	for o in "ctstatus CONFIRMED" "ctexpire 1" "ctexpire 1:1000" \
		"ctexpire 100000:500000"; do
		echo "-m conntrack --ctstate ESTABLISHED --$o"
		echo "-m conntrack --ctstate ESTABLISHED ! --$o"
	done
	echo "-m conntrack --ctstate RELATED --ctdir REPLY"
	echo "-m conntrack --ctstate INVALID --ctproto tcp"
	echo "-m conntrack ! --ctstate INVALID --ctproto tcp ! --ctorigdstport 7002"
	echo "-m conntrack --ctstate NEW --ctdir ORIGINAL --ctorigsrc $C --ctrepldstport 1"
	for o in 0 5 0x0/0x1 0x1/0x3; do
		echo "-m connmark --mark $o"
		echo "-m connmark ! --mark $o"
	done
	for d in original reply both; do
		for m in packets bytes avgpkt; do
			for o in 0 1 2:3 40:100 101:2000; do
				echo "-m connbytes --connbytes $o --connbytes-dir $d --connbytes-mode $m"
				echo "-m connbytes ! --connbytes $o --connbytes-dir $d --connbytes-mode $m"
			done
		done
	done
	for o in red 77; do
		echo "-m connlabel --label $o"
		echo "-m connlabel ! --label $o"
	done
	echo "-p udp --dport 7001 -m connlabel --label red --set"
	echo "-p tcp --dport 7002 -m connlabel ! --label 127 --set"
	echo "-m connlabel --label red"
}

# What CONNMARK can do to a mark 0xf0f0, with a packet's mark 0x1234
connmark_ops() {
	cat <<-END
	--set-mark 0x5
	--set-mark 0x5/0xff
	--set-xmark 0xff/0xff
	--set-xmark 0xf/0x0
	--and-mark 0xff00
	--or-mark 0xf
	--xor-mark 0xffff
	--save-mark
	--save-mark --mask 0xff
	--save-mark --nfmask 0xff --ctmask 0xff00
	--restore-mark
	--restore-mark --mask 0xff
	--restore-mark --nfmask 0xff00 --ctmask 0xff
	--set-xmark 0xf/0xff --left-shift-mark 4
	--set-xmark 0xf/0xff --right-shift-mark 4
	--save-mark --nfmask 0xff --ctmask 0xffff --left-shift-mark 8
	--save-mark --nfmask 0xff00 --ctmask 0xff --right-shift-mark 8
	--restore-mark --nfmask 0xffff --ctmask 0xff --left-shift-mark 8
	--restore-mark --nfmask 0xff --ctmask 0xff00 --right-shift-mark 8
	END
}

xt_rules() {
	local line port=7100
	echo "*raw"
	# Zones, by where the packet comes from
	for line in "7200 --zone 5" "7201 --zone-orig 6" "7202 --zone-reply 7" \
		"7203 --zone mark" "7204 --zone-orig mark" \
		"7205 --zone 8 --ctevents new,destroy" "7206 --ctevents new" \
		"7207 --notrack"; do
		echo "-A PREROUTING -p udp --dport ${line%% *} -j MARK --set-mark 9"
		echo "-A PREROUTING -p udp --dport ${line%% *} -j CT ${line#* }"
		echo "-A PREROUTING -p udp --sport ${line%% *} -j CT ${line#* }"
	done
	echo "-A PREROUTING -p udp --dport 7208 -j NOTRACK"
	echo "-A OUTPUT -p udp --dport 7209 -j CT --notrack"
	# The first to say something is right
	echo "-A PREROUTING -p udp --dport 7210 -j CT --zone 3"
	echo "-A PREROUTING -p udp --dport 7210 -j CT --zone 4"
	echo COMMIT
	echo "*mangle"
	# A mark in the first packet's first chains, and what comes of it
	echo "-A PREROUTING -p udp --dport 7300 -j CONNMARK --set-mark 0x7"
	echo "-A PREROUTING -p udp --dport 7300 -m connmark --mark 0x7"
	echo "-A FORWARD -p udp --dport 7300 -m connmark --mark 0x7"
	echo "-A FORWARD -p udp --dport 7300 -j CONNMARK --or-mark 0x70"
	echo "-A POSTROUTING -p udp --dport 7300 -m connmark --mark 0x77"
	while IFS= read -r line; do
		port=$((port + 1))
		echo "-A FORWARD -p udp --dport $port -j MARK --set-mark 0x1234"
		echo "-A FORWARD -p udp --dport $port -j CONNMARK --set-mark 0xf0f0"
		echo "-A FORWARD -p udp --dport $port -j CONNMARK $line"
		# What is in the packet's mark goes where it can be seen
		[[ $line == --restore* ]] &&
			echo "-A FORWARD -p udp --dport $port -j CONNMARK --save-mark"
	done < <(connmark_ops)
	asks "$1" | sed 's/^/-A FORWARD /'
	echo COMMIT
}

# asks of nft: what is here can be asked of both families.
nft_rules() {
	local f=$1 ip=ip C=10.11.0.1 S=10.12.0.1 d k
	[[ $f == 6 ]] && ip=ip6 C=fd11::1 S=fd12::1
	echo "table inet z {"
	cat <<-NFT
	chain raw {
		type filter hook prerouting priority raw
		udp dport 7400 ct zone set 5
		udp sport 7400 ct zone set 5
		udp dport 7401 ct original zone set 6
		udp sport 7401 ct original zone set 6
		udp dport 7402 ct reply zone set 7
		udp sport 7402 ct reply zone set 7
		udp dport 7403 meta mark set 0x7
		udp dport 7403 ct zone set meta mark map { 0x7 : 77 }
	}
	chain says {
		type filter hook forward priority -10
		udp dport 7410 ct mark set 0x77
		udp dport 7410 ct mark set ct mark or 0x8800
		udp dport 7411 ct label set red
		udp dport 7412 ct event set new,destroy
		udp dport 7413 meta mark set 0x99
		udp dport 7413 ct mark set meta mark
		udp dport 7414 meta mark set ct mark
		ct state new udp dport 7415 ct mark set 0x5
		ct label set blue udp dport 7416 ct label set red
	}
	chain asks {
		type filter hook forward priority 0
		ct state vmap { invalid : continue, new : continue } counter
		ct state established,related counter
		ct state != new counter
		ct state invalid counter
		ct state untracked counter
		ct status seen-reply counter
		ct status assured counter
		ct status & snat == 0 counter
		ct mark 0x0 counter
		ct mark != 0x0 counter
		ct mark and 0x77 == 0x77 counter
		ct state established ct expiration > 10s counter
		ct state established ct expiration < 11m counter
		ct l3proto ipv4 counter
		ct l3proto ipv6 counter
		ct protocol udp counter
		ct protocol tcp counter
		ct zone 0 counter
		ct zone 5 counter
		ct original zone 6 counter
		ct reply zone 7 counter
		ct reply zone 0 counter
		ct label red counter
		ct label { red, blue } counter
		ct state established ct id != 0 counter
	NFT
	for d in "" original reply; do
		[[ $d ]] && for k in "$ip saddr $C" "$ip daddr $C" "$ip saddr $S" \
			"protocol udp" "proto-src 1" "proto-dst 1" \
			"proto-dst 7001-7002"; do
			echo "meta l4proto { tcp, udp } ct $d $k counter"
		done
		for k in packets bytes avgpkt; do
			echo "ct $d $k 1 counter"
			echo "ct $d $k > 1 counter"
			echo "ct $d $k 30-60 counter"
		done
	done
	echo "ct direction original counter"
	echo "ct direction reply counter"
	echo "}"
	echo "}"
	# The way it was written before there were keys for each family
	echo "table $ip y {"
	echo "chain asks {"
	echo "type filter hook forward priority 0"
	for d in original reply; do
		for k in "saddr $C" "daddr $C"; do
			echo "ct $d $ip $k counter"
		done
	done
	echo "}"
	echo "}"
}

option_packets() {
	local ip=ip C=10.11.0.1 S=10.12.0.1 icmp=icmp port
	local echo=type=8 answer=type=0 unreach="type=3 code=3 rest=00000000"
	if [[ $1 == 6 ]]; then
		ip=ip6 C=fd11::1 S=fd12::1 icmp=icmp6 echo=type=128
		answer=type=129 unreach="type=1 code=4 rest=00000000"
	fi
	wire c "$ip src=$C dst=$S / udp sport=1 dport=7001 / data n=20"
	wire c "$ip src=$C dst=$S / udp sport=1 dport=7001"
	wire s "$ip src=$S dst=$C / udp sport=7001 dport=1 / data n=200"
	wire s "$ip src=$S dst=$C / udp sport=7001 dport=1"
	wire c "$ip src=$C dst=$S / udp sport=1 dport=7001"
	wire s "$ip src=$S dst=$C / $icmp $unreach / $ip src=$C dst=$S / udp sport=1 dport=7001"
	wire c "$ip src=$C dst=$S / $icmp $unreach / $ip src=$S dst=$C / udp sport=7001 dport=1"
	wire c "$ip src=$C dst=$S / tcp sport=1 dport=7002 flags=S seq=1000"
	wire s "$ip src=$S dst=$C / tcp sport=7002 dport=1 flags=SA seq=5000 ack=1001"
	wire c "$ip src=$C dst=$S / tcp sport=1 dport=7002 flags=A seq=1001 ack=5001"
	wire c "$ip src=$C dst=$S / tcp sport=1 dport=7002 flags=PA seq=1001 ack=5001 / data n=100"
	wire s "$ip src=$S dst=$C / tcp sport=7002 dport=1 flags=A seq=5001 ack=1101"
	wire s "$ip src=$S dst=$C / tcp sport=7002 dport=1 flags=A seq=900005001 ack=1101"
	wire c "$ip src=$C dst=$S / $icmp $echo id=7"
	wire s "$ip src=$S dst=$C / $icmp $answer id=7"
	wire s "$ip src=$S dst=$C / $icmp $answer id=8"
	wire c "$ip src=$C dst=$S proto=99 nh=99 / data n=20"
	wire s "$ip src=$S dst=$C proto=99 nh=99 / data n=20"
	for port in {7101..7119} 7300 {7410..7416}; do
		wire c "$ip src=$C dst=$S / udp sport=1 dport=$port"
	done
	for port in {7200..7210} {7400..7403}; do
		wire c "$ip src=$C dst=$S / udp sport=1 dport=$port"
		wire s "$ip src=$S dst=$C / udp sport=$port dport=1"
		wire c "$ip src=$C dst=$S / udp sport=1 dport=$port"
		wire s "$ip src=$S dst=$C / $icmp $unreach / $ip src=$C dst=$S / udp sport=1 dport=$port"
	done
}

# flows: the table, without what differs from one run to the next
flows() {
	on r conntrack -L -f ipv4 -o labels 2> /dev/null
	on r conntrack -L -f ipv6 -o labels 2> /dev/null
}

scrub() {
	sed -E 's/ +/ /g; s/^([a-z0-9]+ [0-9]+) [0-9]+/\1 T/; s/ use=[0-9]+//; s/ id=[0-9]+$//; s/ labels$//' |
		sort
}

# is_heard: the listener hears of a flow that is made by a message.
is_heard() {
	on r conntrack -I -p udp -s 9.9.9.9 -d 8.8.8.8 --sport 1 --dport 2 -t 99
	on r conntrack -D -s 9.9.9.9
	grep -q 9.9.9.9 "$work/events"
}

# options TRACKER: both families, iptables and nft.
options() {
	local f out=$work/$1.options ear iptables
	for f in 4 6; do
		iptables=iptables
		[[ $f == 6 ]] && iptables=ip6tables
		xt_rules $f | on r $iptables-restore ||
			fail "$1: the rules of $iptables"
		nft_rules $f | on r nft -f - || fail "$1: the rules of nft"
		on r conntrack -F 2> /dev/null
		on r stdbuf -oL conntrack -E > "$work/events" 2> /dev/null &
		ear=$!
		ct_jobs+=("$ear")
		wait_for 20 is_heard
		on r conntrack -F 2> /dev/null
		option_packets $f
		sleep 0.5
		{
			on r $iptables -t mangle -S -v
			on r $iptables -t raw -S -v
			on r nft list table inet z
			on r nft list tables | grep -q ' y$' &&
				on r nft list table "$([[ $f == 4 ]] && echo ip || echo ip6)" y
			flows | scrub
		} | sed "s/^/$f: /" >> "$out"
		kill "$ear"
		wait "$ear" 2> /dev/null
		grep -av USERSPACE "$work/events" | sed 's/^/event /' | scrub | grep -aE '=(7205|7206|7412) ' |
			sed -E "s/^/$f: /; s/\] ([a-z]+ [0-9]+) [0-9]+ /] \1 T /" |
			sort >> "$out"
		on r $iptables -t mangle -F
		on r $iptables -t raw -F
		on r nft flush ruleset
	done
}

# --- both sides --------------------------------------------------------------

one_side() {
	states "$1"
	wire_up
	options "$1"
	wire_down
}

nf_side() {
	if ! modprobe nf_conntrack || ! modprobe nf_conntrack_netlink; then
		skip_all "no nf_conntrack here"
	fi
	net_up
	echo_up s
	echo_up r
	on r sysctl -qw net.netfilter.nf_conntrack_acct=1
	one_side nf
	net_down
	wait_for 30 nf_conntrack_out || fail "nf_conntrack goes"
}

our_side() {
	load
	net_up
	echo_up s
	echo_up r
	one_side ours
	check_not "our rules did not load nf_conntrack" \
		test -d /sys/module/nf_conntrack
}

# Where ours differs, what it says, and why. Otherwise nothing.
differs() {
	case $1 in
	"~reject"?": TCP in input, loopback")
		# Over loopback the flow is there before the packet comes in, so
		# the reset that a rule answers with is a segment of it. For
		# nf_conntrack whatever a rule answers with is related.
		echo established ;;
	"icmp6: redirect")
		# Without the packet that it is about. Neighbour discovery is
		# left alone, all of it.
		echo untracked ;;
	esac
}

compare_states() {
	local line theirs label n=0 other
	while IFS= read -r line; do
		label=${line%% |*}
		theirs=$(grep -F "$label |" "$work/nf.states" | head -n 1)
		n=$((n + 1))
		[[ $line == "$theirs" ]] && continue
		other=$(differs "$label")
		[[ $other == established && $line == *out?_est_reply* ]] && continue
		[[ $other == untracked && $line == *in?_untracked=1* ]] && continue
		fail "states: $label" "nf:   ${theirs#* | }" "ours: ${line#* | }"
	done < "$work/ours.states"
	at_least "steps compared" 150 $n
}

compare_options() {
	local got
	# Of a flow whose rule wants no news but its beginning and end,
	# nf_conntrack may tell a change all the same.
	got=$(diff -a <(grep -avE "event.*UPDATE.*=720[56] " "$work/nf.options") \
		"$work/ours.options" | tr -d '\0')
	is "rules with options, and what became of the flows" "" "$got"
	at_least "lines compared" 300 "$(wc -l < "$work/ours.options")"
}

mkdir -p /etc/xtables
printf '%s\n' "0 red" "1 blue" "77 seventy-seven" > /etc/xtables/connlabel.conf
cp /etc/xtables/connlabel.conf /etc/connlabel.conf
nf_side
our_side
compare_states
compare_options
finish
