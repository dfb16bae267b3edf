#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml umldebug
# long: deb6.1 deb6.12
# timeout: 400
#
# The files: the classic commands, lines and numbers that agree, the statistics,
# reading in pieces, dumps that are complete while flows come and go and the
# table is resized, and old programs that read the files: ctstat, lnstat and
# netstat-nat.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need socat lnstat ctstat netstat-nat

columns='entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart'

real_traffic() {
	echo hello | on c socat -t 10 - TCP:10.2.0.2:7,sourceport=40001 > "$work/out"
	echo hello | on c socat -t 10 - 'TCP:[fd02::2]:7,sourceport=40002' \
		>> "$work/out"
	echo hello | on c socat -t 1 - UDP:10.2.0.2:7,sourceport=40003 >> "$work/out"
	is "the servers answer" 3 "$(grep -c hello "$work/out")"
	on c ping -q -c 2 -i 0.2 -W 5 10.2.0.2 > /dev/null
}

# The commands of every manual, and what they print
classic_commands() {
	local got want
	got=$(on r sh -c 'cat /proc/net/ip_conntrack | wc -l')
	want=$(on r cat /proc/sys/net/ipv4/netfilter/ip_conntrack_count)
	is "cat | wc -l, IPv6 with it, is the count" "$want" \
		$((got + $(on r cat /proc/net/ip6_conntrack | wc -l)))
	is "IPv6 flows are in their own file" 0 \
		"$(on r cat /proc/net/ip_conntrack | grep -c fd0)"
	is "and IPv4 flows are not" 0 \
		"$(on r cat /proc/net/ip6_conntrack | grep -c '10\.')"
	is "ip_conntrack_max" 131072 \
		"$(on r cat /proc/sys/net/ipv4/netfilter/ip_conntrack_max)"
	is "ip_conntrack_buckets" 32768 \
		"$(on r cat /proc/sys/net/ipv4/netfilter/ip_conntrack_buckets)"
	got=$(on r cat /proc/net/ip_conntrack | LC_ALL=C grep -cvE \
		'^(tcp      6 [0-9]+ [A-Z_0-9]+ |udp      17 [0-9]+ |icmp     1 [0-9]+ )src=[0-9.]+ dst=[0-9.]+ (sport=[0-9]+ dport=[0-9]+|type=[0-9]+ code=[0-9]+ id=[0-9]+) packets=[0-9]+ bytes=[0-9]+ (\[UNREPLIED\] )?src=[0-9.]+ dst=[0-9.]+ (sport=[0-9]+ dport=[0-9]+|type=[0-9]+ code=[0-9]+ id=[0-9]+) packets=[0-9]+ bytes=[0-9]+ (\[ASSURED\] )?mark=0 secmark=0 use=1$')
	is "every line has the form of the manuals" 0 "$got"
	like "the TCP line" $'\n'"tcp      6 ([2-9]|1[0-2])[0-9] TIME_WAIT src=10.1.0.2 dst=10.2.0.2 sport=40001 dport=7 packets=[0-9]+ bytes=[0-9]+ src=10.2.0.2 dst=10.1.0.2 sport=7 dport=40001 packets=[0-9]+ bytes=[0-9]+ \[ASSURED\] mark=0 secmark=0 use=1"$'\n' \
		$'\n'"$(on r cat /proc/net/ip_conntrack)"$'\n'
	agrees "lines, count and column 1 agree" r
}

# Without counters the line is that of a kernel without accounting.
without_counters() {
	knob r acct 0
	like "acct=0: no packets and bytes" \
		"^tcp      6 [0-9]+ TIME_WAIT src=10.1.0.2 dst=10.2.0.2 sport=40001 dport=7 src=10.2.0.2 dst=10.1.0.2 sport=7 dport=40001 \[ASSURED\] mark=0 secmark=0 use=1\$" \
		"$(flow r sport=40001)"
	knob r acct 1
	like "acct=1: they went on counting" "packets=[1-9]" \
		"$(flow r sport=40001)"
}

statistics() {
	local file row rows=0 bad=0 first='' differ=0
	file=$(on r cat /proc/net/stat/ip_conntrack)
	is "the header of the statistics" "$columns" "$(head -n 1 <<< "$file")"
	while IFS= read -r row; do
		rows=$((rows + 1))
		[[ $row =~ ^[0-9a-f]{8}\ \ ([0-9a-f]{8}\ ){11}[0-9a-f]{8}\ \ ([0-9a-f]{8}\ ){3}[0-9a-f]{8}$ ]] ||
			bad=$((bad + 1))
		[[ ${first:=${row%% *}} == "${row%% *}" ]] || differ=1
	done < <(tail -n +2 <<< "$file")
	is "a row per possible CPU" \
		"$(($(sed 's/.*-//' /sys/devices/system/cpu/possible 2> /dev/null ||
			echo 0) + 1))" "$rows"
	is "each in the old form" 0 "$bad"
	is "column 1 is the same in all" 0 "$differ"
	is "new is what was inserted" "$(column r new)" "$(column r insert)"
	wait_is "and what is there now with what was deleted" 0 balance r
	at_least "packets were found" 10 "$(column r found)"
}

old_programs() {
	local got
	got=$(on r lnstat -f ip_conntrack -c 1 2>&1)
	like "lnstat -f ip_conntrack has the columns" \
		'entries[|]searched[|] *found[|]' "$got"
	got=$(on r lnstat -f ip_conntrack -k entries -j -c 1 2>&1)
	like "lnstat -f ip_conntrack: entries is the count" \
		"\"entries\":$(knob r count)[^0-9]" "$got"
	got=$(on r ctstat -c 1 2>&1)
	like "ctstat prints the statistics" 'entries|ip_conntr' "$got"
	# On a busy machine the first one is long ago.
	echo hello | on c socat -t 1 - UDP:10.2.0.2:7,sourceport=40003 > /dev/null
	got=$(on r netstat-nat -n -R 2>&1)
	like "netstat-nat -R: a TCP connection" \
		'tcp +10\.1\.0\.2:40001 +10\.2\.0\.2:7 +TIME_WAIT' "$got"
	like "netstat-nat -R: a UDP flow" \
		'udp +10\.1\.0\.2:40003 +10\.2\.0\.2:7 ' "$got"
	# Translated, but not by nf_conntrack, whose file it would read instead
	on r nft -f - <<-END
	table ip t {
		chain p {
			type filter hook postrouting priority 100
			udp dport 5353 ip saddr set 10.2.0.1
		}
	}
	END
	wire c "ip src=10.11.0.1 dst=10.12.0.1 / udp sport=40004 dport=5353"
	wait_for 10 flow r sport=40004
	on r nft flush ruleset
	got=$(on r netstat-nat -n 2>&1)
	like "netstat-nat: a translated UDP flow" \
		'udp +10\.11\.0\.1:40004 +10\.12\.0\.1:5353 ' "$got"
}

# The longest line that there can be: readers have 350 bytes.
long_lines() {
	local longest
	knob r tcp_timeout_syn_sent 999999
	wire c "ip src=10.11.255.254 dst=10.12.255.254 / tcp sport=65535 dport=65534 flags=S"
	wire c "ip6 src=fd11:1111:1111:1111:1111:1111:1111:1111 dst=fd12:1111:1111:1111:1111:1111:1111:1111 / tcp sport=65535 dport=65534 flags=S"
	wait_is "long lines are there" 2 lines r 'sport=65535 '
	longest=$(on r cat /proc/net/ip_conntrack | awk '
		length($0) > n { n = length($0) } END { print n }')
	check "and none is longer than 350 bytes ($longest)" test "$longest" -lt 350
	knob r tcp_timeout_syn_sent 120
}

# Long-lived flows that nobody touches: sources in 10.11.0.0/18
many() {
	knob r udp_timeout 86400
	wire c "repeat=$1 ip src=10.11.0.1++ dst=10.12.255.1 / udp sport=7 dport=9"
	wait_is "$1 long-lived flows" "$1" lines r dst=10.12.255.1
	wire c "repeat=300 ip6 src=fd11::1:1++ dst=fd12::ffff / udp sport=7 dport=9"
	wait_is "and 300 of IPv6" 300 \
		lines r dst=fd12:0000:0000:0000:0000:0000:0000:ffff
	knob r udp_timeout 30
	agrees "lines, count and column 1 agree with many flows" r
}

in_pieces() {
	local fake
	# Only what does not move: the flows of 86400 seconds
	net_quiet
	is "ip_conntrack in pieces, from the middle, rewound" right \
		"$(on r "$python" "$here/dumps.py" same /proc/net/ip_conntrack)"
	is "ip6_conntrack too" right \
		"$(on r "$python" "$here/dumps.py" same /proc/net/ip6_conntrack)"
	fake=$(on r head -c 100 /proc/net/ip_conntrack | wc -c)
	is "a reader who goes away early" 100 "$fake"
}

# net_quiet: waits until nothing but long-lived flows is left.
net_quiet() {
	local until=$((SECONDS + 200))
	while flow r "$end" | grep -qvE 'dst=10.12.255.1|:ffff sport'; do
		((SECONDS < until)) || break
		sleep 1
	done
	wait_is "everything else went away in its time" 0 short_lived
}

short_lived() { flow r "$end" | grep -cvE 'dst=10.12.255.1|:ffff sport'; }

# Flows that come and go, each round others, and a table that grows and shrinks
coming_and_going() {
	local round
	for ((round = 1; ; round = round % 60000 + 1)); do
		echo "c repeat=400 ip src=10.11.128.1++ dst=10.12.0.9 / icmp id=$round"
		echo "c repeat=100 ip6 src=fd11::2:1++ dst=fd12::9 / icmp6 id=$round"
	done | "$python" "$here/wire.py" c:c0:02:00:00:00:01:01 > /dev/null
}

resizing() {
	local size
	while :; do
		for size in 1024 65536 2048 16384; do
			echo $size > $param_dir/hashsize
			sleep 0.2
		done
	done
}

complete_dumps() {
	local churn resize before
	knob r icmp_timeout 1
	knob r icmpv6_timeout 1
	before=$(column r delete)
	coming_and_going & churn=$!
	resizing & resize=$!
	ct_jobs+=("$churn" "$resize")
	is "each long-lived flow once in each dump, while others come and go and the table is resized" \
		right "$(on r "$python" "$here/dumps.py" complete \
		/proc/net/ip_conntrack "$1" 12 dst=10.12.255.1)"
	is "IPv6 too" right "$(on r "$python" "$here/dumps.py" complete \
		/proc/net/ip6_conntrack 300 6 :ffff)"
	bg_end $resize
	pkill -P $churn
	bg_end $churn
	at_least "others did come and go" $((before + 500)) "$(column r delete)"
	wait_is "and are gone" 0 lines r 'icmp'
	agrees "lines, count and column 1 agree afterwards" r
	is "no flow was lost" "$1" "$(lines r dst=10.12.255.1)"
	param hashsize 32768
}

net_up
load hashsize=32768
wire_up
echo_up
real_traffic
classic_commands
without_counters
statistics
old_programs
long_lines
many 3000
complete_dumps 3000
# Let go what has minutes to live, or this would take them.
unload
load hashsize=4096 max=0
many 2000
in_pieces
finish
