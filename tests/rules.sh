#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: umldebug deb6.12
# long: uml deb6.1
# timeout: 900
# shellcheck disable=SC2016,SC2119,SC2317
#
# Rules that ask for the state of a connection, without nf_conntrack: the classic
# firewall in each language that rules are written in, packets that wait in a
# queue, what rules say of a flow's first packet, what is refused, unloading.

. "$(dirname "$0")/lib.sh"

need nft iptables ip6tables socat ping
tag=''

no_nf_conntrack() { [[ ! -d /sys/module/nf_conntrack ]]; }

# --- the classic firewall ----------------------------------------------------

# Each makes the same firewall: the server lets in what belongs to what is known,
# and connections to port 7; the router forwards the same, and all that begins
# on the server's side.

nft_rules() {
	cat <<-NFT
	table $1 fw {
		chain input {
			type filter hook input priority 0; policy drop
			ct state established,related accept
			ct state invalid drop
			$2
			iifname lo ct state new accept
			ct state new tcp dport 7 accept
		}
		chain forward {
			type filter hook forward priority 0; policy drop
			ct state vmap { established : accept, related : accept, invalid : drop }
			iifname r1 ct state new accept
			ct state new tcp dport 7 accept
		}
	}
	NFT
}

nd="icmpv6 type { 133-136, 130-132, 143 } accept"

firewall_nft() {
	local ns
	for ns in r s; do
		if [[ $1 == inet ]]; then
			nft_rules inet "$nd" | on "$ns" nft -f - || return
		else
			nft_rules ip "" | on "$ns" nft -f - || return
			nft_rules ip6 "$nd" | on "$ns" nft -f - || return
		fi
	done
}

firewall_iptables() {
	local ns t type
	for ns in r s; do
		for t in "iptables-$1" "ip6tables-$1"; do
			on "$ns" "$t" -P INPUT DROP || return
			on "$ns" "$t" -P FORWARD DROP
			if [[ $t == ip6* ]]; then
				for type in 133 134 135 136 143; do
					on "$ns" "$t" -A INPUT -p icmpv6 \
						--icmpv6-type "$type" -j ACCEPT
				done
			fi
			on "$ns" "$t" -A INPUT -m conntrack \
				--ctstate ESTABLISHED,RELATED -j ACCEPT || return
			on "$ns" "$t" -A INPUT -m conntrack --ctstate INVALID -j DROP
			on "$ns" "$t" -A INPUT -i lo -m state --state NEW -j ACCEPT
			on "$ns" "$t" -A INPUT -p tcp --dport 7 -m conntrack \
				--ctstate NEW -j ACCEPT
			on "$ns" "$t" -A FORWARD -m state \
				--state ESTABLISHED,RELATED -j ACCEPT
			on "$ns" "$t" -A FORWARD -m conntrack --ctstate INVALID -j DROP
			on "$ns" "$t" -A FORWARD -i r1 -m conntrack --ctstate NEW \
				-j ACCEPT
			on "$ns" "$t" -A FORWARD -p tcp --dport 7 -m state \
				--state NEW -j ACCEPT
		done
	done
}

no_firewall() {
	local ns t
	for ns in r s; do
		on "$ns" nft flush ruleset 2> /dev/null
		[[ $1 == legacy ]] || continue
		for t in iptables-legacy ip6tables-legacy; do
			on "$ns" "$t" -F
			on "$ns" "$t" -P INPUT ACCEPT
			on "$ns" "$t" -P FORWARD ACCEPT
		done
	done
}

# says_hello FROM TO [FROM'S OPTIONS]: over TCP, to port 7
says_hello() {
	echo hello | on "$1" timeout 20 socat -t 5 - "TCP:$2:7,connect-timeout=10"
}

# big_answer HOST: how much of 4000 bytes comes back
big_answer() {
	on c timeout 15 "$python" - "$1" <<-'PY' 2> /dev/null
	import socket, sys
	s = socket.create_connection((sys.argv[1], 7), 10)
	s.settimeout(10)
	for _ in range(4):
	    s.sendall(b'x' * 1000)
	n = 0
	while n < 4000:
	    n += len(s.recv(4096))
	print(n)
	PY
}

# path_mtu NAME SERVER CLIENT: a big answer must fit the router's small link, and
# the router's word on that has to reach the server. In User-mode Linux with two
# processors one connection in fifty stalls, whoever tracks it: three may try.
path_mtu() {
	local got mtu
	on r ip link set r0 mtu 1300
	for _ in 1 2 3; do
		got=$(big_answer "$2")
		mtu=$(on s ip route get "$3" | grep -o 'mtu [0-9]*')
		[[ $got == 4000 && $mtu ]] && break
	done
	is "$1: big answers arrive" 4000 "$got"
	is "$1: for the path was measured" "mtu 1300" "$mtu"
	on r ip link set r0 mtu 1500
	on s ip route flush cache
	on s ip -6 route flush cache
}

# refused NS HOST PORT: a connection is refused at once.
refused() {
	local status
	on "$1" timeout 10 bash -c "exec 3<> /dev/tcp/$2/$3" 2> /dev/null
	status=$?
	[[ $status == 1 ]]
}

# family NAME HOST-C HOST-S ROUTER CLIENT SERVER LOOPBACK
family() {
	local new bc=$2 bs=$3
	[[ $2 == *:* ]] && bc="[$2]" bs="[$3]"
	is "$1: what is allowed flows" hello "$(says_hello c "$bs")"
	is "$1: what begins inside flows" hello "$(says_hello s "$bc")"
	new=$(column r new)
	wire c "$8 src=$5 dst=$6 / tcp sport=9 dport=8 seq=1"
	wire c "$8 src=$5 dst=$6 / udp sport=9 dport=8"
	wire c "$8 src=$5 dst=$6 / tcp sport=9 dport=7 flags=FA seq=1 ack=9"
	wire c "$8 src=$5 dst=$4 / tcp sport=9 dport=8 seq=1"
	wire c "$8 src=$5 dst=$4 / udp sport=9 dport=8"
	sleep 0.2
	is "$1: nobody else is let in, nor makes a flow" "$new" "$(column r new)"
	check "$1: an error about a packet comes back" on s timeout 20 bash -c "
		exec 3<> /dev/udp/$2/3333
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			echo x >&3 || exit 0
			sleep 0.1
		done
		exit 1"
	check "$1: a closed port of its own is refused at once" \
		refused s "$7" 3333
	check "$1: and one outside" refused s "$2" 3333
	path_mtu "$1" "$3" "$2"
}

classic() {
	local name=$1
	shift
	if ! "$@" 2> "$work/why"; then
		skip "$name" "$(head -n 1 "$work/why")"
		no_firewall legacy 2> /dev/null
		return
	fi
	family "$name" 10.1.0.2 10.2.0.2 10.1.0.1 10.11.0.1 10.12.0.1 127.0.0.1 ip
	family "$name, IPv6" fd01::2 fd02::2 fd01::1 fd11::1 fd12::1 ::1 ip6
	check "$name: nf_conntrack was not loaded" no_nf_conntrack
	no_firewall "${!#}"
}

# --- queues and what rules say -----------------------------------------------

# between NAME HOOK PRIORITY [STATEMENT]: counts states, then does that.
between() {
	local state
	echo "chain $1 {"
	echo "type filter hook $2 priority $3"
	for state in new established related invalid; do
		echo "meta mark != 0x9 udp dport { 8000, 8001 } ct state $state counter"
		echo "meta mark != 0x9 udp sport 8000 ct state $state counter"
		echo "meta mark != 0x9 tcp dport 8000 ct state $state counter"
		echo "meta mark != 0x9 icmp id 8000 ct state $state counter"
		echo "meta mark != 0x9 icmpv6 id 8000 ct state $state counter"
	done
	echo "${4:-}"
	echo "}"
}

# seen CHAIN: its counters that are not zero
seen() {
	on r nft list chain inet q "$1" | sed -n 's/^\t*meta mark.*0x0*9 //p' |
		grep -v 'packets 0 ' | sort
}

same_answers() { [[ $(seen before) == "$(seen after)" ]]; }

queue_is_empty() {
	on r awk '$3 > 0 { exit 1 }' /proc/net/netfilter/nfnetlink_queue
}

# and_wait NS LAYERS...: sends it, and gives it the time to come back.
and_wait() {
	wire "$@"
	sleep 0.08
	wait_for 10 queue_is_empty
}

queue_packets() {
	local ip=$1 C=$2 S=$3 icmp=$4 echo=$5 answer=$6
	and_wait c "$ip src=$C dst=$S / udp sport=1 dport=8000"
	and_wait s "$ip src=$S dst=$C / udp sport=8000 dport=1"
	and_wait c "$ip src=$C dst=$S / udp sport=1 dport=8000"
	and_wait c "$ip src=$C dst=$S / udp sport=1 dport=8001 ck=0x1234"
	and_wait c "$ip src=$C dst=$S / tcp sport=1 dport=8000 flags=S seq=1000"
	and_wait s "$ip src=$S dst=$C / tcp sport=8000 dport=1 flags=SA seq=5000 ack=1001"
	and_wait c "$ip src=$C dst=$S / tcp sport=1 dport=8000 flags=A seq=1001 ack=5001"
	and_wait c "$ip src=$C dst=$S / tcp sport=1 dport=8000 flags=A seq=1001 ack=900005001"
	and_wait c "$ip src=$C dst=$S / tcp sport=1 dport=8000 flags=SF seq=1001"
	and_wait c "$ip src=$C dst=$S / $icmp $echo id=8000"
	and_wait s "$ip src=$S dst=$C / $icmp $answer id=8000"
	and_wait s "$ip src=$S dst=$C / $icmp $answer id=8000 code=1"
}

# queued HOOK: in that hook, packets go to user space and come back. The program
# is on another processor, if there is one.
queued() {
	local listener cpu=0 before
	(($(nproc) > 1)) && cpu=1
	{
		echo "flush ruleset"
		echo "table inet q {"
		between before "$1" -60
		echo "chain q { type filter hook $1 priority -50"
		echo "meta l4proto { icmp, icmpv6, tcp, udp } queue num 5"
		echo "}"
		between after "$1" -40
		echo "}"
	} | on r nft -f - || fail "rules for a queue in $1"
	: > "$work/queue"
	bg @r taskset -c $cpu "$python" "$here/nfqueue.py" 5 0 > "$work/queue"
	listener=$bg_pid
	if ! wait_for 60 grep -q ready "$work/queue"; then
		skip "${tag}queue in $1" "no queue here: $(head -n 1 "$work/queue")"
		bg_end "$listener"
		return
	fi
	if [[ $1 == output ]]; then
		on r bash -c 'for to in 10.2.0.2 fd02::2; do
			echo x > /dev/udp/$to/8000
			exec 3<> /dev/tcp/$to/8000
			ping -q -c 1 -W 5 -e 8000 $to
		done' > /dev/null 2>&1
		sleep 0.3
	else
		queue_packets ip 10.11.0.1 10.12.0.1 icmp type=8 type=0
		queue_packets ip6 fd11::1 fd12::1 icmp6 type=128 type=129
	fi
	wait_for 5 same_answers
	before=$(seen before)
	is "${tag}queue in $1: the same answers behind it" "$before" "$(seen after)"
	like "${tag}queue in $1: there were some" "new" "$before"
	[[ $1 == output ]] ||
		like "${tag}queue in $1: of all kinds" "established.*invalid" \
			"$(tr '\n' ' ' <<< "$before")"
	bg_end "$listener"
	on r nft flush ruleset
	on r conntrack -F 2> /dev/null
}

# A rule behind a queue refuses the packet: that is an answer to it.
queue_reject() {
	local listener cpu=0
	(($(nproc) > 1)) && cpu=1
	on r nft -f - <<-'NFT'
	table inet q {
		chain q {
			type filter hook forward priority -50
			udp dport 8005 queue num 5
			tcp dport 8005 queue num 5
		}
		chain r {
			type filter hook forward priority 0
			ct state new tcp dport 8005 reject with tcp reset
			ct state new udp dport 8005 reject
		}
		chain o {
			type filter hook output priority 0
			ct state related counter
		}
	}
	NFT
	bg @r taskset -c $cpu "$python" "$here/nfqueue.py" 5 0 > "$work/queue"
	listener=$bg_pid
	wait_for 60 grep -q ready "$work/queue"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=1 dport=8005"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1 dport=8005"
	wait_is "${tag}rejected behind a queue: both answers are related" 2 \
		sh -c "nsenter --net=/run/netns/r nft list chain inet q o |
			sed -n 's/.*packets \([0-9]*\).*/\1/p'"
	bg_end "$listener"
	on r nft flush ruleset
}

# marked NAME PORT MARK LABEL
marked() {
	local got
	wait_for 10 flow r "dport=$2 "
	got=$(flow r "sport=1 dport=$2 " | grep -o 'mark=[0-9]*' | head -n 1)
	is "$tag$1: the mark" "mark=$3" "$got"
	[[ ${4:-} ]] || return
	got=$(on r conntrack -L -o labels -p udp --orig-port-dst "$2" \
		2> /dev/null | grep -o 'labels=.*')
	is "$tag$1: the label" "labels=$4" "${got% }"
}

says() {
	local listener cpu=0
	(($(nproc) > 1)) && cpu=1
	on r nft -f - <<-'NFT'
	table inet m {
		chain p {
			type filter hook prerouting priority -150
			udp dport 8010-8019 ct mark set 0x11
			udp dport 8010-8019 ct label set red
		}
		chain f {
			type filter hook forward priority 0
			udp dport 8011 queue num 5
			udp dport 8012 ct mark set ct mark or 0x100
		}
		chain o {
			type filter hook postrouting priority 100
			udp dport 8013 ct mark set 0x22
			udp dport 8014 drop
			ct state new udp dport 8015 ct mark set ct mark xor 0x3
		}
	}
	NFT
	bg @r taskset -c $cpu "$python" "$here/nfqueue.py" 5 0 > "$work/queue"
	listener=$bg_pid
	wait_for 60 grep -q ready "$work/queue"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1 dport=8010++"
	wire c "repeat=6 ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1 dport=8010++"
	# What the one left behind that was dropped reaches no other
	wire c "repeat=20 ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1 dport=8014"
	wire c "repeat=20 ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1 dport=8050++"
	marked "said in prerouting" 8010 17 red
	marked "before a queue" 8011 17 red
	marked "said again" 8012 273
	marked "replaced" 8013 34
	marked "changed" 8015 18
	no_flow "${tag}dropped: no flow" r "dport=8014 "
	is "${tag}others have no mark" 20 \
		"$(table r | grep -c 'sport=1 dport=80[56][0-9] .*mark=0 ')"
	bg_end "$listener"
	on r nft flush ruleset
	on r conntrack -F 2> /dev/null
}

# A connection begins anew while the old one is still in the table, and nobody
# remembers its SYN: a rule that asks, before the tracker or behind it, is told
# what stands in that packet, not in one that was asked about before.
renewed() {
	local cs="c ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=1 dport=8090"
	local sc="s ip src=10.12.0.1 dst=10.11.0.1 / tcp sport=8090 dport=1"
	local chain packet
	on r nft -f - <<-'NFT'
	table inet n {
		chain early {
			type filter hook prerouting priority raw
			tcp dport 8090 tcp flags & (syn | ack) == syn ct original ip saddr 10.11.0.1 counter
		}
		chain later {
			type filter hook forward priority 0
			tcp dport 8090 tcp flags & (syn | ack) == syn ct original ip saddr 10.11.0.1 counter
		}
	}
	NFT
	for packet in "$cs flags=S seq=1000" "$sc flags=SA seq=5000 ack=1001" \
		"$cs flags=A seq=1001 ack=5001" "$cs flags=FA seq=1001 ack=5001" \
		"$sc flags=FA seq=5001 ack=1002" "$cs flags=A seq=1002 ack=5002"; do
		# shellcheck disable=SC2086 # a layer a word
		wire $packet
	done
	check "${tag}the old connection is over, and there" \
		wait_for 10 flow r "TIME_WAIT src=10.11.0.1"
	wire c "ip src=10.11.0.9 dst=10.12.0.9 / tcp sport=9 dport=8090 flags=S"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=1 dport=8090 flags=S seq=900000"
	check "${tag}it begins anew" \
		wait_for 10 flow r "SYN_SENT src=10.11.0.1"
	for chain in early later; do
		is "${tag}asked for its tuple: $chain" "packets 2" \
			"$(on r nft list chain inet n $chain | grep -o 'packets [0-9]*')"
	done
	on r nft flush ruleset
	on r conntrack -F 2> /dev/null
}

# --- what is refused ---------------------------------------------------------

# refuses NAME LOG COMMAND...: fails, and the log says why.
refuses() {
	local name=$1 text=$2
	shift 2
	log_mark
	check_not "refused: $name" "$@"
	[[ $text ]] && logs "refused: $name: the log says so" "$text"
	check "refused: $name: nf_conntrack stays out" no_nf_conntrack
}

refusals() {
	local t
	for t in iptables ip6tables; do
		refuses "$t CT --helper" "CT: --helper ftp refused" \
			on r "$t" -t raw -A PREROUTING -p tcp -j CT --helper ftp
		refuses "$t CT --timeout" "CT: --timeout slow refused" \
			on r "$t" -t raw -A PREROUTING -p tcp -j CT --timeout slow
		refuses "$t CT --expevents" "CT: --expevents refused" \
			on r "$t" -t raw -A PREROUTING -j CT --expevents new
		check_not "refused: $t CT outside of raw" \
			on r "$t" -t filter -A INPUT -j CT --notrack
	done
	on r nft add table inet t
	on r nft add chain inet t c '{ type filter hook forward priority 0; }'
	refuses "nft ct helper object" "ct helper" \
		on r nft add ct helper inet t h '{ type "ftp" protocol tcp; }'
	refuses "nft ct timeout object" "ct timeout" on r nft add ct timeout \
		inet t h '{ protocol tcp; l3proto ip; policy = { established: 5 } ; }'
	refuses "nft ct expectation object" "ct expectation" \
		on r nft add ct expectation inet t h \
		'{ protocol tcp; dport 9; timeout 2m; size 2; l3proto ip; }'
	refuses "nft ct helper match" "ct helper refused" \
		on r nft add rule inet t c ct helper '"ftp"' counter
	on r nft add table netdev t
	on r nft add chain netdev t c \
		'{ type filter hook ingress device r0 priority 0; }'
	refuses "nft ct in a netdev table" "" \
		on r nft add rule netdev t c ct state new counter
	refuses "nft ct mark in a netdev table" "" \
		on r nft add rule netdev t c ct mark set 1
	on r nft add table arp t
	on r nft add chain arp t c '{ type filter hook input priority 0; }'
	refuses "nft ct in an ARP table" "" \
		on r nft add rule arp t c ct mark 1 counter
	on r nft flush ruleset
}

# --- before tracking ---------------------------------------------------------

# Hooks that see whatever comes off the wire: nothing of it has been checked.
early() {
	on r nft -f - <<-'NFT' || return
	table inet e {
		chain i {
			type filter hook ingress device r0 priority 0
			ct state new counter
			ct state invalid counter
			ct mark set 0x5
			ct mark 0x5 counter
			udp dport 1-9000 ct original proto-src 9 counter
		}
		chain p {
			type filter hook prerouting priority -500
			ct state new counter
			ct mark set 0x5
			ct bytes > 10 counter
		}
	}
	NFT
	wire c "ip src=10.11.0.1 dst=10.12.0.1 len=900 / udp sport=9 dport=8100"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 ihl=15 / udp sport=9 dport=8100"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 ver=5 cut=12 / udp sport=9 dport=8100"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 cut=2 / udp sport=9 dport=8100"
	wire c "ip6 src=fd11::1 dst=fd12::1 cut=10 / udp sport=9 dport=8100"
	wire c "ip6 src=fd11::1 dst=fd12::1 len=9000 / udp sport=9 dport=8100"
	wire c "ip6 src=fd11::1 dst=fd12::1 nh=0 cut=44 / udp sport=9 dport=8100"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 id=5 split=800 / udp sport=9 dport=8101 / data n=2000"
	wire c "ip6 src=fd11::1 dst=fd12::1 id=5 split=800 / udp sport=9 dport=8101 / data n=2000"
	wire c "repeat=20 ip src=10.11.0.1 dst=10.12.0.1 proto=6 / data random=40"
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=9 dport=8102"
	wait_for 10 flow r "dport=8102 "
	like "asked before tracking: fragments and others still flow" \
		"dport=8101 packets=1 bytes=2028 .*dport=8102 packets=1 bytes=28 " \
		"$(table r | grep -E '10.12.0.1 sport=9 dport=810[12]' |
			sort -t= -k5 | tr '\n' ' ')"
	on r nft flush ruleset
}

# --- unloading ---------------------------------------------------------------

# in_use NAME MODULE: it stays while rules use it
in_use() {
	local got
	got=$(rmmod "$2" 2>&1)
	like "$1: $2 is in use" "in use" "$got"
	got=$(rmmod "$module" 2>&1)
	like "$1: $module is in use" "in use" "$got"
}

unloading() {
	on r nft add table inet t
	on r nft add chain inet t c '{ type filter hook forward priority 0; }'
	on r nft add rule inet t c ct state new counter
	in_use "nft ct" ip_conntrack_nft
	on r nft flush chain inet t c
	on r nft add rule inet t c ct mark set 7
	in_use "nft ct set" ip_conntrack_nft
	on r nft flush chain inet t c
	on r nft add rule inet t c notrack
	in_use "nft notrack" ip_conntrack_nft
	on r nft delete table inet t
	check "without rules it goes" wait_for 10 rmmod ip_conntrack_nft
	on r iptables -A FORWARD -m conntrack --ctstate NEW
	in_use "iptables conntrack" ip_conntrack_xt
	on r iptables -F
	on r ip6tables -t mangle -A FORWARD -j CONNMARK --set-mark 5
	in_use "ip6tables CONNMARK" ip_conntrack_xt
	on r ip6tables -t mangle -F
	check "without rules it goes, too" wait_for 10 rmmod ip_conntrack_xt
	rmmod ip_conntrack_netlink ip_conntrack_nat_nft ip_conntrack_nat_xt \
		ip_conntrack_nat
	check "and the tracker" wait_for 10 rmmod ip_conntrack
	load
	check "they come back together" test -d /sys/module/ip_conntrack_xt \
		-a -d /sys/module/ip_conntrack_nft
	# All of it while packets and rules come and go
	on r nft add table inet t
	on r nft add chain inet t c '{ type filter hook forward priority 0; }'
	on r nft add rule inet t c ct state new counter
	ip netns delete s
	check "a namespace goes with its rules" ip netns delete r
	check "then nothing is in use" wait_for 20 unload
}

mkdir -p /etc/xtables
printf '%s\n' "0 red" "1 blue" > /etc/xtables/connlabel.conf
cp /etc/xtables/connlabel.conf /etc/connlabel.conf
nf_conntrack_out || skip_all "nf_conntrack cannot be had out"
net_up
load
wire_up
echo_up s
bg @c socat TCP6-LISTEN:7,fork,reuseaddr,ipv6only=0 PIPE
classic "nft inet" firewall_nft inet
classic "nft ip and ip6" firewall_nft both
classic "iptables-nft" firewall_iptables nft
classic "iptables-legacy" firewall_iptables legacy
for hook in prerouting forward output; do queued $hook; done
queue_reject
says
for n in 1 2; do
	tag="forget=$n: "
	param forget "$n"
	queued forward
	says
	renewed
done
queued prerouting
param forget 0
refusals
early
wire_down
unloading
finish
