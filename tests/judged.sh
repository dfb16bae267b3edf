#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml
# long: umldebug deb6.1 deb6.12
# timeout: 400
#
# No packet is judged as another (a fuzz, some 15 s): packets whose ports say how they
# are to be judged come in at random, in trains, fragments and copies; most wait in
# queues, which change some, let some through the hook twice, and let them go in another
# order; half of them are dropped in between. Rules say at each hook whether the answer,
# the mark and the zone are those of the packet, and whoever is behind listens for what
# should not have come. First on one processor, then on two; then where a bridge makes
# the copies.
#
# CT_LONG=1 sends two hundred times as many; CT_FUZZ_SEED: beginning with what.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need nft taskset
need_module

seed=${CT_FUZZ_SEED:-1}
((${CT_LONG:-0})) && count=400000 || count=$(pace 2000)
if is_debug_kernel; then count=$((count / 4)); fi

# Marks are the two last bits of the port of who sends, as is the class.
rules() {
	cat <<-END
	table ip judged {
		chain judge {
			tcp dport 80 ct state != established counter comment "wrong: a segment"
			tcp dport 80 ct direction != original counter comment "wrong: its direction"
			tcp sport 80 ct state != established counter comment "wrong: a segment back"
			tcp sport 80 ct direction != reply counter comment "wrong: its direction back"
			tcp dport 22 ct state established,related,untracked counter comment "wrong: forbidden"
			tcp dport 11 ct state != invalid counter comment "wrong: invalid"
			udp dport 9 ct state != new counter comment "wrong: forbidden datagram"
			udp dport 10 ct state != established counter comment "wrong: datagram"
			udp sport 10 ct state != established counter comment "wrong: datagram back"
			udp dport 12 ct state != untracked counter comment "wrong: untracked"
			udp dport 13-14 ct state != new counter comment "wrong: new"
			udp dport 13 ip dscp 0 ct mark != 0 counter comment "wrong: mark of another"
			udp dport 13 ip dscp 2 ct mark != 2 counter comment "wrong: mark"
			udp dport 14 ip dscp 0 ct zone != 0 counter comment "wrong: zone of another"
			udp dport 14 ip dscp 1 ct zone != 1 counter comment "wrong: zone 1"
			udp dport 14 ip dscp 2 ct zone != 2 counter comment "wrong: zone 2"
			udp dport 14 ip dscp 3 ct zone != 3 counter comment "wrong: zone 3"
			icmp code 1 ct state != related counter comment "wrong: error"
			icmp code 13 ct state != invalid counter comment "wrong: error about nothing"
		}
		chain late {
			udp dport 13 ip dscp 3 ct mark != 3 counter comment "wrong: mark said late"
			jump judge
		}
		chain waits {
			udp dport 15 accept
			numgen random mod 3 == 0 counter queue num 5 comment "queued"
			numgen random mod 3 == 0 queue num 6
		}
		chain raw {
			type filter hook prerouting priority -300
			udp dport 12 notrack
			udp dport 14 ip dscp 1 ct zone set 1
			udp dport 14 ip dscp 2 ct zone set 2
			udp dport 14 ip dscp 3 ct zone set 3
		}
		chain pre {
			type filter hook prerouting priority -150
			udp dport 13 ip dscp 2 ct mark set 2
			jump judge
		}
		chain before {
			type filter hook forward priority -20
			udp dport 13 ip dscp 3 ct mark set 3
			jump late
		}
		chain hold {
			type filter hook forward priority -10
			jump waits
		}
		chain behind {
			type filter hook forward priority 0
			counter comment "judged"
			jump late
			tcp dport 22 numgen random mod 9 == 0 reject with tcp reset
			tcp dport { 11, 22 } counter drop comment "dropped"
			udp dport 9 drop
			udp dport 13 udp sport & 4 == 4 drop
			icmp code 13 drop
		}
		chain hold_again {
			type filter hook postrouting priority 0
			oifname d9 accept
			jump waits
		}
		chain post {
			type filter hook postrouting priority 50
			oifname d9 ct state != untracked counter comment "wrong: a copy"
			oifname d9 accept
			jump late
		}
		chain out {
			type filter hook output priority 0
			tcp sport 22 ct state established counter comment "wrong: a rejection"
		}
	}
	table netdev judged {
		chain ingress_of_client {
			type filter hook ingress device $1 priority 0
			numgen random mod 5 == 0 dup to d9
		}
	}
	END
}

# copies NS: where rules can make some that go on as this host's own.
copies() {
	on "$1" nft -f - 2> /dev/null <<-END
	table ip copies {
		chain p {
			type filter hook prerouting priority -145
			numgen random mod 7 == 0 counter dup to 10.99.0.9 device d9 comment "copied"
		}
	}
	END
}

# queues_up NS CPU CPU
queues_up() {
	local number=5 cpu
	queues=()
	for cpu in "${@:2}"; do
		: > "$work/queue$number"
		bg "@$1" taskset -c "$cpu" "$python" "$here/judged.py" queue \
			$number $((seed + number)) > "$work/queue$number"
		queues+=("$bg_pid")
		wait_for 60 grep -q ready "$work/queue$number" ||
			fail "queue $number" "$(cat "$work/queue$number")"
		number=$((number + 1))
	done
}

# drained NS: does no packet wait in a queue any more?
drained() {
	# shellcheck disable=SC2016 # awk's, not the shell's
	on "$1" awk '$3 { waits = 1 } END { exit waits }' \
		/proc/net/netfilter/nfnetlink_queue
}

# wrong NS: rules that found something, and flows that should not be there
wrong() {
	on "$1" nft list ruleset | grep -E 'counter packets [1-9].*"wrong'
	table "$1" | grep -E 'dport=(22|9|11|12) '
	# shellcheck disable=SC2016 # awk's, not the shell's
	table "$1" | grep 'dport=13 ' | sed 's/.* sport=\([0-9]*\) dport=13 .* mark=\([0-9]*\) .*/\1 \2/;
		s/^udp.* sport=\([0-9]*\) dport=13 .*/\1 ?/' |
		awk '{ want = $1 % 4 < 2 ? 0 : $1 % 4 }
			$2 != want || $1 % 8 > 3 { print "port " $1 " has mark " $2 }'
}

heard() { grep -q ^heard "$work/heard"; }

# judged NAME NS IN HOSTS CLIENT SERVER LISTENER CPUS...: by NS, where packets of the
# client come in at IN, on these processors
judged() {
	local name=$1 ns=$2 in=$3 hosts=$4 client=$5 server=$6 cpus=("${@:8}")
	local device=${5#*:} jobs=() job
	device=${device%%:*}
	set_rules "$ns" < /dev/null
	flush_flows "$ns"
	knob "$ns" udp_timeout 600
	knob "$ns" udp_timeout_stream 600
	"$python" "$here/judged.py" begin "$hosts" "$client" "$server"
	wait_is "$name: connections" 8 lines "$ns" "ESTABLISHED src="
	rules "$in" | set_rules "$ns"
	copies "$ns" || say "no dup of IP packets here"
	queues_up "$ns" "${cpus[0]}" "${cpus[-1]}"
	on "${client%%:*}" tc qdisc add dev "$device" root netem delay 1ms 1ms limit 1000
	: > "$work/heard"
	# shellcheck disable=SC2086 # two words
	bg taskset -c "${cpus[-1]}" "$python" "$here/judged.py" hear $7 > "$work/heard"
	wait_for 60 grep -q ready "$work/heard" || fail "$name: nobody hears"
	for job in 0 1; do
		taskset -c "${cpus[job % ${#cpus[@]}]}" "$python" "$here/judged.py" \
			send "$hosts" "$client" $((seed + job)) "$count" &
		jobs+=($!)
	done
	taskset -c "${cpus[-1]}" "$python" "$here/judged.py" answer "$hosts" \
		"$server" "$seed" $((count / 2)) &
	wait "${jobs[@]}" $!
	on "${client%%:*}" tc qdisc del dev "$device" root
	wait_for 60 drained "$ns" || fail "$name: packets wait still"
	"$python" "$here/judged.py" last "$hosts" "$client"
	wait_for 120 heard || fail "$name: the last packet did not come"
	is "$name: none is judged as another" "" "$(wrong "$ns" | head -n 20)"
	is "$name: and none arrives that is forbidden" "" \
		"$(grep -v -e ^ready -e ^heard "$work/heard" | sort | uniq -c | head -n 20)"
	at_least "$name: they were judged" $((count / 4)) "$(hits_of "$ns" judged)"
	at_least "$name: and waited" $((count / 8)) "$(hits_of "$ns" queued)"
	echo "# summary: $name: $(hits_of "$ns" judged) judged," \
		"$(hits_of "$ns" queued) in one queue," \
		"$(hits_of "$ns" copied | grep . || echo none) copied," \
		"$(tail -n 1 "$work/heard")"
	for job in "${queues[@]}"; do bg_end "$job"; done
}

# copies_to NS: a device for them
copies_to() {
	ip -n "$1" link add d9 type dummy
	ip -n "$1" link set d9 arp off up
	ip -n "$1" addr add 10.99.0.1/24 dev d9
}

routed() {
	local args=(r r0 "10.11.0.1,10.12.0.1,10.12.0.22" c:c0:02:00:00:00:01:01
		s:s0:02:00:00:00:02:01 "s s0")
	copies_to r
	judged "one processor" "${args[@]}" 0
	judged "two processors" "${args[@]}" 0 $(($(nproc) - 1))
	set_rules r < /dev/null
}

bridged() {
	local host last=$(($(nproc) - 1))
	if ! modprobe br_netfilter 2> /dev/null; then
		skip "a bridge" "no br_netfilter here"
		return
	fi
	bridge_up b x v w
	copies_to b
	judged "a bridge" b px 10.9.0.101,10.9.0.103,10.9.0.102 \
		x:e0:ff:ff:ff:ff:ff:ff,02:00:00:00:00:03,02:00:00:00:00:02,02:00:00:00:00:77,own \
		w:e0:02:00:00:00:00:01,ff:ff:ff:ff:ff:ff "v e0" 0 "$last"
	set_rules b < /dev/null
	for host in b x v w; do ip netns delete $host; done
	rmmod br_netfilter
}

net_up
nf_conntrack_out || fail "nf_conntrack cannot be unloaded"
load
for place in c:c0 r:r0 r:r1 s:s0; do
	on "${place%:*}" ethtool -K "${place#*:}" gro off > /dev/null 2>&1
done
routed
bridged
finish
