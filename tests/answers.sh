#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml deb6.1
# long: umldebug deb6.12
# timeout: 400
#
# An answer belongs to its packet (some 40 s): what is made of a packet on its way
# (segments of a queue, copies of a bridge) is taken for that packet and for no other,
# least of all for one that a rule has dropped, on one processor and on two. What rules
# said of a first packet reaches its flow, whatever they change in the packet, and
# wherever it waits. An answer of this host is related to what it answers. A packet that
# comes to a hook twice is one.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need nft iptables socat ethtool tcpdump

# queue_up NAME NUMBER HOLD CPU: somebody listens to a queue of r; see nfqueue.py.
queue_up() {
	: > "$work/queue"
	bg @r taskset -c "$4" "$python" "$here/nfqueue.py" "$2" "$3" > "$work/queue"
	wait_for 60 grep -q ready "$work/queue" && return
	skip "$1" "no queue here: $(cat "$work/queue")"
	return 1
}

# --- segments that a queue makes ---------------------------------------------

# a2w, w2a FLAGS...: a segment of the permitted connection, by hand
a2w() { wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=40080 dport=80 $*"; }
w2a() { wire s "ip src=10.12.0.1 dst=10.11.0.1 / tcp sport=80 dport=40080 $*"; }

# forge WHAT [N]: see answers.py
forge() {
	on c "$python" "$here/answers.py" c0 \
		10.11.0.1,10.12.0.1,10.12.0.22,02:00:00:00:01:01,$seq:$ack "$@"
}

# Where a train of segments is taken apart for a queue, its parts have the addresses
# in memory of packets that a rule has dropped just now.
queue_makes_segments() {
	local before seq=$((0x100000)) ack=5001 name=$1 cpus=$2 listener
	set_rules r <<-END
	table ip t {
		chain q {
			type filter hook forward priority -10
			tcp dport 80 counter queue num 5 comment "queued"
		}
		chain f {
			type filter hook forward priority 0; policy drop
			ct state established,related counter accept comment "known"
			tcp dport 80 ct state new counter accept comment "new"
			tcp dport 22 counter drop comment "forbidden"
		}
	}
	END
	queue_up "$name" 5 0 "$cpus" || return
	listener=$bg_pid
	a2w flags=S seq=$((seq - 1)) win=64000
	wait_is "$name: the permitted connection begins" 1 lines r "sport=40080 dport=80 "
	w2a flags=SA seq=5000 ack=$seq win=64000
	a2w flags=A seq=$seq ack=$ack win=64000
	wait_is "$name: and is established" 1 lines r "ESTABLISHED src=10.11.0.1"
	on c tc qdisc add dev c0 root netem delay 30ms limit 1000
	before=$(hits_of r forbidden)
	forge dropped 90
	forge train
	wait_is "$name: packets to the forbidden port are dropped" \
		$((before + 90)) hits_of r forbidden
	on c tc qdisc del dev c0 root
	wait_is "$name: the train passes, in parts" $((24 + 2)) hits_of r known
	no_flow "$name: nobody has a flow to the forbidden port" r "dst=10.12.0.22"
	w2a flags=A seq=$ack ack=$((seq + 32 * 24)) win=64000
	wire c "ip src=10.11.0.1 dst=10.12.0.22 / tcp sport=40022 dport=22 flags=S seq=9000"
	wait_is "$name: nor gets a packet there" $((before + 91)) hits_of r forbidden
	bg_end "$listener"
	set_rules r < /dev/null
	flush_flows r
}

# --- copies that a bridge makes ----------------------------------------------

bridge_makes_copies() {
	local name="a bridge's copies" host
	if ! modprobe br_netfilter 2> /dev/null; then
		skip "$name" "no br_netfilter here"
		return
	fi
	bridge_up b x v w
	set_rules b <<-END
	table ip t {
		chain f {
			type filter hook forward priority 0; policy drop
			ct state established counter accept comment "known"
			udp dport 7 counter accept comment "echo"
			udp dport 9999 counter drop comment "forbidden"
		}
	}
	END
	bg @w socat UDP4-LISTEN:7,fork PIPE
	bg @v socat -u UDP4-RECV:9999 "CREATE:$work/got"
	wait_for 60 test -e "$work/got"
	on x ping -c 1 -W 1 10.9.0.3 > /dev/null	# neighbours know each other
	on x socat -t 1 -u EXEC:"echo hi" UDP4:10.9.0.3:7,sourceport=1000
	wait_for 15 flow b "sport=7 dport=1000 packets=1"
	on x tc qdisc add dev e0 root netem delay 30ms
	frames() {
		on x "$python" "$here/answers.py" e0 \
			10.9.0.1,10.9.0.3,10.9.0.2,ff:ff:ff:ff:ff:ff,0:0 "$@"
	}
	frames frames 90
	frames broadcast
	wait_for 15 forbidden_hit
	is "$name: all that goes to the forbidden port is dropped" 0 \
		"$(stat -c %s "$work/got")"
	at_least "$name: by its rule" 1 "$(hits_of b forbidden)"
	no_flow "$name: nobody has a flow there" b "dport=9999"
	for host in b x v w; do ip netns delete $host; done
	rmmod br_netfilter	# bridge.sh, in the same guest, begins without it
}

forbidden_hit() { (($(hits_of b forbidden) > 0)); }

# --- what rules say of a first packet ----------------------------------------

story_of_changes() {
	local what rule
	while IFS=: read -r what rule; do
		port=$((port + 1))
		set_rules r <<-END
		table inet t {
			chain early {
				type filter hook prerouting priority -300
				tcp dport $port ct zone set 5
			}
			chain p {
				type filter hook prerouting priority -150
				tcp dport $port ct mark set 77
			}
			chain q {
				type filter hook prerouting priority -140
				tcp dport $port $rule counter comment "changed"
			}
		}
		END
		wire c "ip src=10.11.0.1 dst=10.12.0.1 id=300 / tcp sport=9 dport=$port flags=S seq=1"
		wait_is "$what changed: the rule did it" 1 hits_of r changed
		wait_is "$what changed: the mark reaches the flow" 1 \
			marked "$port" "mark=77"
		wire c "ip src=10.11.0.1 dst=10.12.0.1 id=301 / tcp sport=9 dport=$port flags=S seq=1"
		wait_is "$what changed: so does the zone, and there is one flow" 1 \
			marked "$port" "packets=2 .*mark=77"
	done <<-END
	the identification:ip id set 7
	the time to live:ip ttl set 9
	the class:ip dscp set af21
	the window:tcp window set 99
	END
	port=$((port + 1))
	set_rules r < /dev/null
	on r iptables -t mangle -A PREROUTING -p tcp --dport $port -j CONNMARK --set-mark 78
	on r iptables -t mangle -A FORWARD -p tcp --dport $port --tcp-flags SYN,RST SYN \
		-j TCPMSS --set-mss 1000
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=9 dport=$port flags=S seq=1 / data hex=00"
	wait_is "TCPMSS: the mark reaches the flow" 1 marked "$port" "mark=78"
	on r iptables -t mangle -F
}

# marked PORT REGEX: how many flows to a port there are with that.
marked() { table r | grep "dport=$1 " | grep -c "$2"; }

# --- translation without state, and a queue ----------------------------------

translation_and_a_queue() {
	local listener name="translated without state, then queued"
	port=$((port + 1))
	set_rules r <<-END
	table ip t {
		chain p {
			type filter hook prerouting priority -100
			udp dport $port ip daddr set 10.12.0.9
		}
		chain f {
			type filter hook forward priority 0
			udp dport $port queue num 6
		}
	}
	END
	queue_up "$name" 6 1 "$1" || return
	listener=$bg_pid
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=9 dport=$port"
	shows "$name: the original is what came in" r 30 "$(udp_line \
		"$(ends 10.11.0.1 10.12.0.1 9 $port 1 28)" \
		"$(ends 10.12.0.9 10.11.0.1 $port 9)")"
	bg_end "$listener"
	set_rules r < /dev/null
}

# --- answers of this host ----------------------------------------------------

# What is rejected has no flow and gets none, but its answer is related to it.
rejections() {
	local with
	for with in "tcp reset" "icmp type admin-prohibited"; do
		port=$((port + 1))
		set_rules r <<-END
		table ip t {
			chain f {
				type filter hook forward priority 0
				tcp dport $port ct mark set 5
				tcp dport $port reject with $with
			}
			chain o {
				type filter hook output priority 0; policy drop
				ct state related counter accept comment "related"
				ct state invalid counter drop comment "invalid"
			}
		}
		END
		wire c "ip src=10.11.0.1 dst=10.12.0.1 / tcp sport=9 dport=$port flags=S seq=1"
		wait_is "rejected with $with: the answer is related" 1 hits_of r related
		is "rejected with $with: and not invalid" 0 "$(hits_of r invalid)"
		no_flow "rejected with $with: there is no flow" r "dport=$port "
	done
	set_rules r < /dev/null
}

# --- the same packet twice ---------------------------------------------------

multicast() {
	local group=239.1.2.3
	port=$((port + 1))
	ip -n c route add $group dev c0
	bg @c socat -u "UDP4-RECV:$port,ip-add-membership=$group:c0" "CREATE:$work/mc"
	wait_for 30 test -e "$work/mc"
	on c "$python" - $group $port <<-'END'
	import socket, sys
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
	             socket.inet_aton('10.1.0.2'))
	for _ in range(5):
	    s.sendto(b'x\n', (sys.argv[1], int(sys.argv[2])))
	END
	wait_is "multicast that is heard here: each packet once" 1 \
		lines c "dport=$port packets=5 bytes=150 "
}

vrf() {
	local got
	if ! ip -n c link add v0 type vrf table 10 2> /dev/null; then
		skip "VRF: a closed port is refused at once" "no VRF here"
		return
	fi
	ip -n c link set v0 up
	ip -n c addr add 10.77.0.1/32 dev v0
	set_rules c <<-END
	table ip t {
		chain i {
			type filter hook input priority 0
			ct state invalid counter drop comment "invalid"
		}
	}
	END
	got=$(on c timeout 20 ip vrf exec v0 socat - TCP:10.77.0.1:4444 2>&1 |
		grep -c refused)
	[[ $got == 1 ]] || got=$(on c timeout 20 socat - \
		TCP:10.77.0.1:4444,so-bindtodevice=v0 2>&1 | grep -c refused)
	is "VRF: a closed port is refused at once" 1 "$got"
	is "VRF: and nothing is invalid" 0 "$(hits_of c invalid)"
	set_rules c < /dev/null
}

# IPVS sends a packet through LOCAL_OUT once more. (Without its knob "conntrack" it
# marks packets that have no flow yet as untracked, as with nf_conntrack.)
ipvs() {
	local got name="IPVS"
	if ! "$here/../tools/deps" --place ipvsadm 2> /dev/null ||
		! on r ipvsadm -A -u 10.1.0.1:5300 -s rr 2> /dev/null; then
		skip "$name" "no IPVS here"
		return
	fi
	on r sysctl -qw net.ipv4.vs.conntrack=1
	set_rules r <<-END
	table ip t {
		chain f {
			type filter hook forward priority 0
			ct state invalid counter comment "invalid"
		}
		chain o {
			type filter hook output priority 0
			ct state invalid counter comment "invalid out"
		}
	}
	END
	on r ipvsadm -a -u 10.1.0.1:5300 -r 10.2.0.2:5300 -g
	wire c "repeat=3 ip src=10.11.0.1 dst=10.1.0.1 / udp sport=9 dport=5300"
	wait_is "$name, direct routing: each packet once, and the virtual address" 1 \
		lines r "src=10.11.0.1 dst=10.1.0.1 sport=9 dport=5300 packets=3 "
	on r ipvsadm -A -t 10.1.0.1:8080 -s rr
	on r ipvsadm -a -t 10.1.0.1:8080 -r 10.2.0.2:7 -m
	got=$(echo hello | on c timeout 30 socat -t 10 - TCP:10.1.0.1:8080)
	is "$name, masquerading: a connection" hello "$got"
	wait_is "$name, masquerading: its flow, as the client sees it and as the server" 1 \
		masqueraded
	is "$name: nothing is invalid" "0 0" \
		"$(hits_of r invalid) $(hits_of r "invalid out")"
	on r ipvsadm -C
	set_rules r < /dev/null
	rmmod ip_vs_rr ip_vs
	check "$name: it goes, and nf_conntrack with it" nf_conntrack_out
}

masqueraded() {
	table r | grep "dst=10.1.0.1 .*dport=8080 " |
		grep -c "src=10.2.0.2 dst=10.1.0.2 sport=7 .*ASSURED"
}

# --- no answer of another ----------------------------------------------------

# over_and_over N LAYERS...: the client sends N packets, of which no number that goes
# up is beyond what a port may be.
over_and_over() {
	local left=$1 some
	shift
	for ((; left > 0; left -= some)); do
		some=$((left < 50000 ? left : 50000))
		echo "c repeat=$some $*"
	done
}

# Packets that a rule drops, and in between others that get their addresses in memory,
# on two processors.
addresses_are_reused() {
	local n name="addresses in memory are reused"
	((${CT_LONG:-0})) && n=500000 || n=$(pace 20000)
	set_rules r <<-END
	table inet t {
		chain f {
			type filter hook forward priority 0
			udp dport 9 ct state new counter drop comment "new"
			udp dport 9 counter drop comment "new, wrong"
			udp dport 10 ct state established counter accept comment "known"
			udp dport 10 counter accept comment "known, wrong"
			tcp dport 11 ct state invalid counter drop comment "invalid"
			tcp dport 11 counter drop comment "invalid, wrong"
		}
	}
	END
	flush_flows r
	knob r udp_timeout 600
	knob r udp_timeout_stream 600
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1 dport=10"
	wire s "ip src=10.12.0.1 dst=10.11.0.1 / udp sport=10 dport=1"
	wait_for 15 flow r "sport=10 dport=1 packets=1"
	over_and_over "$n" "ip src=10.11.0.2++ dst=10.12.0.1 / udp sport=1++ dport=9" |
		taskset -c 0 "$python" "$here/wire.py" c:c0:02:00:00:00:01:01 > /dev/null &
	{ over_and_over "$n" "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1 dport=10"
	  over_and_over "$n" "ip src=10.11.0.1 dst=10.12.0.1 /" \
		"tcp sport=1++ dport=11 flags=R seq=7"; } |
		taskset -c $(($(nproc) - 1)) "$python" "$here/wire.py" \
		c:c0:02:00:00:00:01:01 > /dev/null
	wait $!
	wait_is "$name: $n dropped packets were new" "$n" hits_of r new
	is "$name: and no other" 0 "$(hits_of r "new, wrong")"
	at_least "$name: packets of a connection in between were of it" "$n" \
		"$(hits_of r known)"
	at_most_one "$name: and no other" "$(hits_of r "known, wrong")"
	wait_is "$name: so were invalid ones" "$n" hits_of r invalid
	is "$name: and no other" 0 "$(hits_of r "invalid, wrong")"
	no_flow "$name: no dropped packet has a flow" r "dport=9 "
	set_rules r < /dev/null
}

# The packet that began it
at_most_one() {
	if (($2 <= 1)); then pass "$1"; else fail "$1" "got: $2"; fi
}

net_up
nf_conntrack_out || fail "nf_conntrack cannot be unloaded"
load nat=0
wire_up
for place in c:c0 r:r0 r:r1 s:s0; do
	on "${place%:*}" ethtool -K "${place#*:}" gro off > /dev/null 2>&1
done
port=3000
queue_makes_segments "segments of a queue" 0
queue_makes_segments "segments of a queue, two processors" $(($(nproc) - 1))
story_of_changes
translation_and_a_queue 0
translation_and_a_queue $(($(nproc) - 1))
rejections
multicast
vrf
addresses_are_reused
bridge_makes_copies
echo_up s
ipvs
finish
