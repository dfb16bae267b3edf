#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml umldebug
# long: deb6.1 deb6.12
# timeout: 900
# shellcheck disable=SC2015,SC2016,SC2119,SC2317
#
# ctnetlink: today's tools, unmodified, and what they are sent. First ours: big
# dumps, slow listeners, bad input, unloading. Then the same traffic and the same
# commands with ours and with nf_conntrack, compared line by line.

. "$(dirname "$0")/lib.sh"

need conntrack socat ping
need_module

nl="$here/netlink.py"
gre=''
companion=ip_conntrack_netlink

# Fewer flows where the guest is slow: a stock kernel in QEMU, one with all checks.
if [[ -e /proc/lockdep ]] || grep -q QEMU /proc/cpuinfo 2> /dev/null; then
	many=5000 rate=500 flood=5000
elif [[ ${CT_LONG:-} ]]; then
	many=1000000 rate=10000 flood=100000
else
	many=200000 rate=10000 flood=100000
fi

begin() {
	load hashsize=$((many > 262144 ? 1048576 : 32768)) max=0
	modprobe "$companion" || fail "modprobe $companion"
}

finish_up() { rmmod "$companion" && unload; }

value() { sed -n "s/.*\<$1=\([0-9]*\).*/\1/p" <<< "$2"; }

count_of() { on "$1" conntrack -C 2> /dev/null; }

# --- big dumps ---------------------------------------------------------------

big_dump() {
	local got churn start
	is "flows made by messages" filled "$("$nl" fill "$many")"
	is "conntrack -C" "$many" "$(count_of -)"
	start=$(date +%s%N)
	is "conntrack -L shows each of them" "$many" \
		"$(conntrack -L 2> /dev/null | wc -l)"
	say "conntrack -L of $many flows: $((($(date +%s%N) - start) / 1000000)) ms"
	start=$(date +%s%N)
	"$nl" fill 1 "$many" > /dev/null
	bg "$nl" churn "$rate" > "$work/churn"
	churn=$bg_pid
	sleep 1
	got=$("$nl" dump)
	say "$got; largest message $(value biggest "$got") bytes"
	is "each flow that stays is dumped once while others come and go" \
		$((many + 1)) "$(value once "$got")"
	is "and none twice" 0 "$(value twice "$got")"
	(
		sleep 0.3
		param hashsize 4096
		param hashsize 65536
	) &
	got=$("$nl" dump)
	is "nor while the table is resized" "$((many + 1)) 0" \
		"$(value once "$got") $(value twice "$got")"
	wait $!
	kill -TERM "$churn"
	wait "$churn"
	say "$(cat "$work/churn")"
}

half_dumps() {
	local i pids=()
	for i in 1 2 3 4 5; do
		bg "$nl" half > "$work/half$i"
		pids+=("$bg_pid")
	done
	for i in 1 2 3 4 5; do wait_for 20 grep -q half "$work/half$i"; done
	check_not "a module in the middle of a dump stays" rmmod "$companion"
	kill -KILL "${pids[@]}"
	wait "${pids[@]}" 2> /dev/null
	start=$(date +%s%N)
	check "conntrack -F" conntrack -F
	say "took $((($(date +%s%N) - start) / 1000000)) ms"
	is "leaves nothing" 0 "$(count_of -)"
}

# --- events ------------------------------------------------------------------

# A listener that is too slow, with a small buffer, and a flood of new flows.
slow_listener() {
	local got before after
	bg "$nl" listen 8192 60 slow=0.01 > "$work/heard"
	wait_for 20 grep -q listening "$work/heard"
	before=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
	"$nl" fill "$flood" > /dev/null
	conntrack -F 2> /dev/null
	after=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
	sleep 1
	is "a slow listener does not stop the flows" 0 "$(count_of -)"
	at_least "nor eat memory" -65536 $((after - before))
	wait_for 20 awk '$1 != "sk" && $9 > 0 { found = 1 }
		END { exit !found }' /proc/net/netlink &&
		pass "its losses are in /proc/net/netlink" ||
		fail "its losses are in /proc/net/netlink"
	kill "$bg_pid"
}

reliable_listener() {
	local got n=2000
	bg "$nl" listen 65536 25 reliable slow=0.0005 > "$work/heard"
	wait_for 20 grep -q listening "$work/heard"
	"$nl" fill "$n" > /dev/null
	conntrack -F 2> /dev/null
	wait "$bg_pid"
	got=$(tail -n 1 "$work/heard")
	say "$got" "$(tail -n 2 /proc/net/stat/ip_conntrack_reasons)"
	is "who asked for it hears every end" "$n" \
		"$(($(value destroy "$got") - $(value twice "$got")))"
	at_least "though some came late" 1 "$(reason - \
		'ends of flows that a listener got late (not refused)')"
	echo 100 > "/sys/module/$companion/parameters/event_queue"
	bg "$nl" listen 8192 1000 reliable slow=100 > "$work/heard"
	wait_for 20 grep -q listening "$work/heard"
	"$nl" fill "$n" > /dev/null
	conntrack -F 2> /dev/null
	at_least "what cannot be kept is counted as lost" 1000 "$(reason - \
		'events that a listener did not get (not refused)')"
	check "unloading with listeners, and ends still to be told" \
		rmmod "$companion"
	bg_end "$bg_pid"
	modprobe "$companion"
}

# That nobody listens is known for a moment; the kernel's flag that somebody does is
# one for all namespaces.
new_listener() {
	is "who begins to listen hears of the next flow" 200 "$("$nl" begin 200)"
	conntrack -F 2> /dev/null
	hosts other
	bg stdbuf -oL conntrack -E -e NEW > "$work/heard" 2> /dev/null
	wait_for 20 heard_of_new
	on other "$nl" listen 8192 0 > /dev/null
	"$nl" fill 100 > /dev/null
	wait_is "one who ends in another namespace costs him nothing" 100 \
		grep -c NEW "$work/heard"
	bg_end "$bg_pid"
	ip netns delete other
	conntrack -F 2> /dev/null
}

# Anybody, to events of flows that begin?
heard_of_new() {
	awk '$2 == 12 && $4 ~ /[13579bdf]$/ { found = 1 } END { exit !found }' \
		/proc/net/netlink
}

# --- bad input and libraries -------------------------------------------------

bad_input() {
	"$nl" bad > "$work/bad.ours" 2>&1
	is "bad input: no message without an answer" "" \
		"$(grep 'no answer' "$work/bad.ours")"
	# Where nothing but the type of message or the flow is wrong there is
	# nothing to say; everything else has a reason.
	is "bad input: the extended acknowledgement says why" "" \
		"$(grep -E ': E(INVAL|RANGE|NOTSUP|BUSY|PERM|NOSPC) \| $' \
			"$work/bad.ours" | grep -vE '^(expect )?message|no dump')"
	conntrack -F 2> /dev/null
	is "bad input: nothing half-made" 0 "$(count_of -)"
}

full_table() {
	local i
	for i in {1..10}; do	# none of them can be given up
		conntrack -I -p udp -s "9.9.9.$i" -d 8.8.8.8 --sport 1 \
			--dport 2 -t 300 -u SEEN_REPLY,ASSURED
	done > /dev/null 2>&1
	knob - max 10
	check_not "no flow beyond max" conntrack -I -p udp -s 9.9.9.99 \
		-d 8.8.8.8 --sport 1 --dport 2 -t 30
	is "count stays" 10 "$(count_of -)"
	at_least "and it is counted" 1 "$(column - drop)"
	knob - max 0
	conntrack -F 2> /dev/null
}

libraries() {
	"$nl" fill 3 > /dev/null
	if command -v iptstate > /dev/null; then
		is "iptstate -1 shows the flows" 3 "$(script -qc \
			'stty cols 150 rows 50; TERM=linux iptstate -1' \
			/dev/null < /dev/null | grep -c '10.99.0.1.*udp')"
	else
		skip "iptstate -1" "not installed"
	fi
	if ! $python -c 'import pyroute2' 2> /dev/null; then
		skip "pyroute2" "not installed"
		return
	fi
	is "pyroute2: dump, create, delete" "3 4 3" "$($python - << 'PY'
from pyroute2 import NFCTSocket
from pyroute2.netlink.nfnetlink.nfctsocket import NFCTAttrTuple
ct = NFCTSocket()
n = [len(list(ct.dump()))]
one = NFCTAttrTuple(saddr='4.4.4.4', daddr='5.5.5.5', proto=17, sport=1, dport=2)
ct.entry('add', timeout=60, tuple_orig=one, tuple_reply=one.reverse())
n.append(len(list(ct.dump())))
ct.entry('del', tuple_orig=one)
n.append(len(list(ct.dump())))
print(*n)
PY
	)"
	conntrack -F 2> /dev/null
}

# --- side by side ------------------------------------------------------------

# What differs from one run to the next: timeouts, ids, ports of netlink
same() {
	sed -E -e 's/^ +//; s/ use=[0-9]+//; s/ id=[0-9]+$//; s/ \[USERSPACE\].*//' \
		-e 's/^((\[[A-Z]+\] *)? *(ipv[46] +[0-9]+ +)?[a-z0-9]+ +[0-9]+) [0-9]+ /\1 T /' \
		-e 's,<(timeout|use|id|portid)>[0-9]*</[a-z]*>,,g' \
		-e 's/ -t [0-9]+/ -t T/; s,<when>.*</when>,,' \
		-e 's/^(\[DESTROY\].* [0-9]+) T /\1 /' | sort
}

# segment NS FROM TO SPORT DPORT FIELD...: one TCP segment; FROM and TO are the
# hosts that do not exist. By hand, for whether an acknowledgment goes with a FIN
# or before it is chance where sockets talk.
segment() {
	local ns=$1 layer=ip
	[[ $2 == *:* ]] && layer=ip6
	wire "$ns" "$layer src=$2 dst=$3 / tcp sport=$4 dport=$5 ${*:6}"
}

syn_options=opts=020405b4040201030307 # 1460 bytes, SACK, scale 7

# opens CLIENT SERVER SPORT: a handshake.
opens() {
	segment c "$1" "$2" "$3" 7 flags=S seq=1000 ${syn_options}0000
	segment s "$2" "$1" 7 "$3" flags=SA seq=5000 ack=1001 ${syn_options}0000
	segment c "$1" "$2" "$3" 7 flags=A seq=1001 ack=5001
}

# closes CLIENT SERVER SPORT: both ends are done.
closes() {
	segment c "$1" "$2" "$3" 7 flags=FA seq=1001 ack=5001
	segment s "$2" "$1" 7 "$3" flags=A seq=5001 ack=1002
	segment s "$2" "$1" 7 "$3" flags=FA seq=5001 ack=1002
	segment c "$1" "$2" "$3" 7 flags=A seq=1002 ack=5002
}

# traffic: the same each time, with the same ports.
traffic() {
	local f to client server
	for f in 4 6; do
		to=10.2.0.2 client=10.11.0.1 server=10.12.0.1
		((f == 6)) && to='[fd02::2]' client=fd11::1 server=fd12::1
		opens $client $server 4100$f
		closes $client $server 4100$f
		segment c $client $server 4200$f 999 flags=S seq=1000
		segment s $server $client 999 4200$f flags=RA seq=0 ack=1001
		on c sh -c "echo hi | socat -t 1 - UDP$f:$to:7,reuseaddr,sourceport=4300$f"
		on c sh -c "echo hi | socat -u - UDP$f:$to:777,reuseaddr,sourceport=4400$f"
	done > /dev/null 2>&1
	opens 10.11.0.1 10.12.0.1 45000
	on c ping -q -c 2 -i 0.3 -e 77 10.2.0.2 > /dev/null
	on c ping -q -c 2 -i 0.3 -e 78 fd02::2 > /dev/null
	wait_for 10 sh -c "nsenter --net=/run/netns/r conntrack -L 2> /dev/null |
		grep -q 'ESTABLISHED.*sport=45000'"
	sleep 0.5
}

# run_tool LABEL ARGUMENT...: what conntrack says, both ways, kept by label.
run_tool() {
	local out=$dir/$1
	shift
	on r conntrack "$@" > "$out.raw" 2> "$out.err"
	echo "status $?" >> "$out.err"
	same < "$out.raw" > "$out"
	sed -i 's/^conntrack v[^:]*: //' "$out.err"
}

tool_commands() {
	local i f
	run_tool L -L
	run_tool L-extended -L -o extended
	run_tool L-id -L -o id
	run_tool L-extended-id -L -o extended,id
	run_tool L-xml -L -o xml
	run_tool L-save -L -o save
	run_tool L-labels -L -o labels
	run_tool L-ipv6 -L -f ipv6
	run_tool L-ipv4 -L -f ipv4
	for f in tcp udp icmp icmpv6 sctp gre; do run_tool "L-$f" -L -p "$f"; done
	run_tool L-expect -L expect
	run_tool L-dying -L dying
	run_tool L-unconfirmed -L unconfirmed
	run_tool C -C
	run_tool S -S
	sed -i 's/=[0-9]*/=N/g' "$dir/S"
	run_tool L-source -L -s 10.11.0.1
	run_tool L-destination -L -d 10.12.0.1
	run_tool L-sport -L -p tcp --sport 41004
	run_tool L-dport -L -p tcp --dport 7
	run_tool L-state -L -p tcp --state ESTABLISHED
	run_tool L-assured -L -u ASSURED
	run_tool L-unreplied -L -u UNREPLIED
	run_tool L-reply-source -L -r 10.2.0.2
	run_tool L-net -L -s 10.11.0.0/16
	run_tool L-zone -L -w 3
	run_tool L-mark -L -m 5
	run_tool L-nosuch -L -s 99.99.99.99
	run_tool L-zero -L -z
	run_tool L-zeroed -L
	run_tool G -G -p tcp -s 10.11.0.1 -d 10.12.0.1 --sport 45000 --dport 7
	run_tool G-none -G -p tcp -s 10.11.0.1 -d 10.12.0.1 --sport 1 --dport 7
	run_tool I-udp -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 99
	run_tool I-again -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 99
	run_tool I-tcp -I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 99 \
		--state ESTABLISHED -u ASSURED,SEEN_REPLY -m 5
	run_tool I-tcp6 -I -f ipv6 -p tcp -s fd09::1 -d fd09::2 --sport 1 \
		--dport 2 -t 99 --state SYN_SENT
	run_tool I-icmp -I -p icmp -s 1.1.1.1 -d 2.2.2.2 --icmp-type 8 \
		--icmp-code 0 --icmp-id 9 -t 99
	run_tool I-sctp -I -p sctp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 \
		-t 99 --state ESTABLISHED --orig-vtag 1 --reply-vtag 2
	if [[ $gre ]]; then
		run_tool I-gre -I -p gre -s 1.1.1.1 -d 2.2.2.2 --srckey 1 \
			--dstkey 2 -t 99
	fi
	run_tool I-other -I -p 99 -s 1.1.1.1 -d 2.2.2.2 -t 99
	run_tool I-reply -I -p udp -s 1.1.1.1 -d 2.2.2.2 -r 3.3.3.3 -q 4.4.4.4 \
		--sport 7 --dport 8 --reply-port-src 9 --reply-port-dst 10 -t 99
	run_tool I-zone -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 \
		-t 99 -w 3
	run_tool I-orig-zone -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 5 --dport 2 \
		-t 99 --orig-zone 4
	run_tool I-bad-state -I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 3 \
		-t 99 --state NOSUCH
	run_tool I-label -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 6 --dport 2 -t 99
	run_tool L-made -L -s 1.1.1.1
	run_tool L-zone-made -L -w 3
	run_tool L-mark-made -L -m 5
	run_tool L-mark-mask -L -m 4/6
	run_tool L-made-save -L -o save -s 1.1.1.1
	run_tool U-mark -U -p tcp -s 1.1.1.1 -m 6
	run_tool U-mark-mask -U -p tcp -s 1.1.1.1 -m 1/1
	run_tool U-timeout -U -p udp -s 1.1.1.1 --sport 1 -w 3 -t 50
	run_tool U-status -U -p udp -s 1.1.1.1 --sport 6 -u SEEN_REPLY
	run_tool U-none -U -s 99.99.99.99 -m 1
	run_tool L-updated -L -s 1.1.1.1
	run_tool save -L -o save
	closes 10.11.0.1 10.12.0.1 45000
	wait_for 10 sh -c "nsenter --net=/run/netns/r conntrack -L 2> /dev/null |
		grep -q 'TIME_WAIT.*sport=45000'"
	run_tool D-sport -D -p udp -s 1.1.1.1 --sport 7
	run_tool D-mark -D -m 7
	run_tool D-zone -D -w 3
	run_tool D-state -D -p tcp --state TIME_WAIT
	run_tool D-reply -D -q 10.1.0.2 -p icmp
	run_tool D-ipv6 -D -f ipv6 -p udp
	run_tool D-unreplied -D -u UNREPLIED
	run_tool D-none -D -s 99.99.99.99
	run_tool L-left -L
	run_tool F -F
	run_tool L-flushed -L
	sed 's/ T / 100 /' "$dir/save" > "$dir/restore.in"
	run_tool R -R "$dir/restore.in"
	run_tool L-restored -L
	run_tool L-restored-save -L -o save
	run_tool F-ipv6 -F -f ipv6
	run_tool L-flushed-ipv6 -L
	run_tool F-end -F
	"$nl" bad > "$dir/bad" 2>&1
	sed -i 's/ |.*//' "$dir/bad"
	# nf_conntrack may have an extension for SYN proxies: attribute 24
	on r "$nl" fields 2>&1 | sed 's/, 24]/]/' > "$dir/fields"
	run_tool F-last -F
}

listen_for() {
	local label=$1
	shift
	on r stdbuf -oL conntrack -E "$@" > "$dir/$label.raw" 2> /dev/null &
	ears+=($!)
	ct_jobs+=($!)
}

# one_side NAME: traffic and commands, into a folder of that name.
one_side() {
	local ear ears=() label
	dir=$work/$1
	mkdir "$dir"
	on r conntrack -F 2> /dev/null
	listen_for E
	listen_for E-extended -o extended
	listen_for E-new -e NEW
	listen_for E-destroy -e DESTROY -p tcp
	listen_for E-udp -e NEW,UPDATES -p udp
	listen_for E-source -s 10.11.0.1 -p tcp --dport 7
	listen_for E-xml -o xml -e NEW
	sleep 1.5
	wire_up
	traffic
	tool_commands
	wire_down
	sleep 1
	for ear in "${ears[@]}"; do
		kill "$ear"
		wait "$ear" 2> /dev/null
	done
	for label in E E-extended E-new E-destroy E-udp E-source E-xml; do
		same < "$dir/$label.raw" > "$dir/$label"
	done
}

# Where we differ, and why:
#   new/update seqadj, synproxy: flows have none; said, not ignored
#   new/update label: kept always, not only while some rule asks for labels
#   new snat, dnat: nf_nat would be loaded; we do not translate
#   get gre without keys: kernels without CONFIG_NF_CT_PROTO_GRE know no keys
#   flush ... mask alone: nf_conntrack ignores it and flushes everything
#   update empty helper: 6.1 says yes, 6.12 and later no
known_bad='^[<>] (new (seqadj|synproxy|label|odd label|snat|dnat)|update (seqadj|label)'
known_bad+='|get gre without keys|flush (mark|status) mask alone'
known_bad+='|update empty helper|new empty helper):'

compare() {
	local file label got differ=0
	for file in "$work"/nf/*; do
		label=${file##*/}
		case $label in *.raw | restore.in | save) continue ;; esac
		got=$(diff "$file" "$work/ours/$label")
		if [[ $label == bad ]]; then
			got=$(grep '^[<>]' <<< "$got" | grep -vE "$known_bad")
		fi
		[[ $got ]] || continue
		differ=$((differ + 1))
		fail "conntrack -$label: as nf_conntrack" "$got"
	done
	if ((!differ)); then
		pass "$(find "$work/nf" -name '*.raw' | wc -l) commands and listeners: as nf_conntrack"
	fi
	at_least "and they had something to show" 20 "$(wc -l < "$work/nf/E")"
}

# longer TRACKER-NAME: nothing ends of itself while slow commands are compared.
longer() {
	local name
	for name in udp_timeout udp_timeout_stream icmp_timeout icmpv6_timeout \
		tcp_timeout_time_wait; do
		on r sysctl -qw "$1_$name=900"
	done
}

side_by_side() {
	if ! modprobe nf_conntrack || ! modprobe nf_conntrack_netlink; then
		skip "side by side" "no nf_conntrack here"
		return
	fi
	net_up
	echo_up
	on r sysctl -qw net.netfilter.nf_conntrack_acct=1
	longer net.netfilter.nf_conntrack
	[[ -e /proc/sys/net/netfilter/nf_conntrack_gre_timeout ]] && gre=1
	on r nft -f - << 'NFT'
table inet t {
	chain c { type filter hook forward priority 0; ct state invalid counter; }
}
NFT
	one_side nf
	log_mark
	check "beside nf_conntrack the modules load" modprobe "$module"
	check "and the companion" modprobe "$companion"
	logs "and says what it leaves alone" "ctnetlink is not served"
	check "they go again" finish_up
	on r nft flush ruleset
	net_down
	if ! wait_for 30 nf_conntrack_out; then
		fail "nf_conntrack goes"
		return
	fi
	begin
	net_up
	echo_up
	longer net.ipv4.netfilter.ip_conntrack
	one_side ours
	check "unload in the middle of it" finish_up
	compare
}

begin
is "the companion serves ctnetlink" 0 "$(count_of -)"
big_dump
half_dumps
slow_listener
reliable_listener
new_listener
bad_input
full_table
libraries
check "unload" finish_up
side_by_side
finish
