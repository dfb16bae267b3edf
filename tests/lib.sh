# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests share: results, waiting, the module, a network of three
# namespaces, the table and its numbers. A test begins with
#
#	. "$(dirname "$0")/lib.sh"
#
# and ends with "finish". Exit status: 0 passed, 1 failed, 4 skipped.
#
# The network. Each wire is a veth pair; both families on each.
#
#	c (client) -- r (router) -- s (server)
#	10.1.0.2 c0   r0 10.1.0.1, r1 10.2.0.1   s0 10.2.0.2
#	fd01::2       fd01::1      fd02::1       fd02::2
#
# 10.11.0.0/16 and fd11::/16 lead to c's wire, 10.12.0.0/16 and fd12::/16 to
# s's, and nobody has those addresses: nobody answers packets sent to them. They
# are for packets made by hand: see "wire" below, and wire.py.

set -u
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=/usr/bin/python3
module=ip_conntrack
sys_dir=/proc/sys/net/ipv4/netfilter
param_dir=/sys/module/$module/parameters
# shellcheck disable=SC2034 # for the tests: the end of every line
end="mark=0 secmark=0 use=1"

ct_done=0 ct_failed=0 ct_jobs=() ct_marks=0 ct_wire='' ct_noise=()
work=$(mktemp -d)

# --- results -----------------------------------------------------------------

say() { printf '%s\n' "$@" | sed 's/^/# /'; }

pass() { echo "ok $((++ct_done)) - $1"; }

# fail NAME [DIAGNOSTIC...]
fail() {
	echo "not ok $((++ct_done)) - $1"
	shift
	(($#)) && say "$@"
	ct_failed=$((ct_failed + 1))
	return 0
}

# skip NAME WHY: one result that this machine cannot give.
skip() { echo "ok $((++ct_done)) - $1 # SKIP $2"; }

# skip_all WHY: the whole test cannot run here.
skip_all() {
	echo "1..0 # SKIP $1"
	exit 4
}

# check NAME COMMAND...: passes if the command succeeds.
check() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		pass "$name"
	else
		fail "$name" "command failed: $*" "$out"
	fi
}

# check_not NAME COMMAND...: passes if the command fails.
check_not() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		fail "$name" "command should fail: $*" "$out"
	else
		pass "$name"
	fi
}

# is NAME WANTED GOT
is() {
	if [[ $2 == "$3" ]]; then
		pass "$1"
	else
		fail "$1" "expected: $2" "got:      $3"
	fi
}

# like NAME REGEX GOT
like() {
	if [[ $3 =~ $2 ]]; then
		pass "$1"
	else
		fail "$1" "expected: $2" "got:      $3"
	fi
}

# at_least NAME WANTED GOT
at_least() {
	if (($3 >= $2)); then
		pass "$1"
	else
		fail "$1" "expected: at least $2" "got:      $3"
	fi
}

# at_most NAME LIMIT GOT
at_most() {
	if (($3 <= $2)); then pass "$1"; else fail "$1" "$3, over $2"; fi
}

# pace N: what can be asked of this machine where User-mode Linux, whose code runs
# as it is, must manage N.
pace() {
	if grep -q 'User Mode Linux' /proc/cpuinfo; then
		echo "$1"
	else
		echo $((($1 + 29) / 30))
	fi
}

finish() {
	echo "1..$ct_done"
	((ct_failed == 0))
	exit
}

# --- waiting -----------------------------------------------------------------

# wait_for SECONDS COMMAND...: until it succeeds; fails after that time.
wait_for() {
	local until=$((SECONDS + $1))
	shift
	until "$@" > /dev/null 2>&1; do
		((SECONDS < until)) || return 1
		sleep 0.1
	done
}

# wait_is NAME WANTED COMMAND...: until the command prints WANTED.
wait_is() {
	local name=$1 wanted=$2 got='' until=$((SECONDS + 15))
	shift 2
	while got=$("$@" 2>&1); [[ $got != "$wanted" ]]; do
		((SECONDS < until)) || break
		sleep 0.1
	done
	is "$name" "$wanted" "$got"
}

# --- what there must be ------------------------------------------------------

# need COMMAND...: or the whole test is skipped.
need() {
	local command
	for command; do
		command -v "$command" > /dev/null || skip_all "no $command here"
	done
}

need_root() { ((EUID == 0)) || skip_all "must be root"; }

need_module() {
	need_root
	modinfo "$module" > /dev/null 2>&1 || skip_all "no module $module here"
}

# is_debug_kernel: objects are bigger there.
is_debug_kernel() { [[ -e /proc/lockdep || -e /sys/kernel/debug/kmemleak ]]; }

# --- jobs and cleaning up ----------------------------------------------------

# bg [@NS] COMMAND...: in the background, ended by the cleanup; sets bg_pid.
bg() {
	if [[ $1 == @* ]]; then
		nsenter --net="/run/netns/${1#@}" "${@:2}" <&0 &
	else
		"$@" <&0 &
	fi
	bg_pid=$!
	ct_jobs+=("$bg_pid")
}

# bg_end PID: ends a job of bg.
bg_end() {
	kill "$1" 2> /dev/null
	wait "$1" 2> /dev/null
}

# shellcheck disable=SC2317 # called by trap
cleanup() {
	local pid name status=$?
	trap - EXIT
	rm -f "$work/noise"
	for pid in "${ct_jobs[@]}" ${ct_wire:+"$ct_wire"}; do
		kill "$pid" 2> /dev/null
		wait "$pid" 2> /dev/null
	done
	for name in $(ip netns list 2> /dev/null | cut -d' ' -f1); do
		ip netns delete "$name" 2> /dev/null
	done
	unload 2> /dev/null
	rm -rf "$work"
	exit "$status"
}

trap cleanup EXIT
trap 'exit 143' INT TERM

# --- the kernel's log --------------------------------------------------------

# log_mark: what is logged from here on is "log".
log_mark() {
	ct_marks=$((ct_marks + 1))
	echo "ct-mark $$ $ct_marks" > /dev/kmsg
}

log() { dmesg | sed "1,/ct-mark $$ $ct_marks\$/d"; }

# log_has REGEX: one line of "log" matches.
log_has() { log | grep -qE -- "$1"; }

# logs NAME REGEX: passes when the log since log_mark has such a line.
logs() {
	if wait_for 10 log_has "$2"; then
		pass "$1"
	else
		fail "$1" "no line in the log: $2" "$(log)"
	fi
}

# --- the module --------------------------------------------------------------

# load [PARAMETER...]: or the test ends.
load() {
	need_module
	if ! modprobe "$module" "$@"; then
		fail "modprobe $module $*" "$(dmesg | tail -n 5)"
		finish
	fi
}

# unload: with the companions, which need it, and of which those with longer names
# need the others.
unload() {
	local companion
	for companion in $(compgen -G "/sys/module/${module}_*" | sort -r); do
		rmmod "${companion##*/}"
	done
	rmmod "$module"
}

loaded() { [[ -d /sys/module/$module ]]; }

# nf_conntrack_out: without its users; fails if it cannot be had.
nf_conntrack_out() {
	local ns
	for ns in '' $(ip netns list | cut -d' ' -f1); do
		on "${ns:--}" nft flush ruleset
	done
	for _ in 1 2 3 4 5 6 7 8; do
		[[ -d /sys/module/nf_conntrack ]] || return 0
		lsmod | awk '$3 == 0 && /^(nf|xt_|ipt|ip6t)/ { print $1 }' |
			xargs -r -n 1 rmmod
	done 2> /dev/null
	return 1
}

# param NAME [VALUE]
param() {
	if (($# > 1)); then
		echo "$2" 2> /dev/null > "$param_dir/$1"
	else
		cat "$param_dir/$1"
	fi
}

# --- the network -------------------------------------------------------------

# on NS COMMAND...: in a namespace; "-" is that of the machine.
on() {
	local ns=$1
	shift
	if [[ $ns == - ]]; then
		"$@"
	else
		nsenter --net="/run/netns/$ns" "$@"
	fi
}

# wire_between NS1 DEV1 NS2 DEV2 NUMBER
wire_between() {
	ip link add "$2" netns "$1" address "02:00:00:00:0$5:02" mtu 1500 \
		type veth peer name "$4" netns "$3" address "02:00:00:00:0$5:01"
	ip -n "$1" addr add "10.$5.0.2/24" dev "$2"
	ip -n "$3" addr add "10.$5.0.1/24" dev "$4"
	ip -n "$1" addr add "fd0$5::2/64" dev "$2" nodad
	ip -n "$3" addr add "fd0$5::1/64" dev "$4" nodad
	ip -n "$1" link set "$2" up
	ip -n "$3" link set "$4" up
	ip -n "$1" route add default via "10.$5.0.1"
	ip -n "$1" -6 route add default via "fd0$5::1"
	# Hosts that do not exist, behind a neighbour that does not either
	ip -n "$3" neigh add "10.$5.0.66" lladdr "02:00:00:00:0$5:02" dev "$4"
	ip -n "$3" neigh add "fd0$5::66" lladdr "02:00:00:00:0$5:02" dev "$4"
	ip -n "$3" route add "10.1$5.0.0/16" via "10.$5.0.66"
	ip -n "$3" -6 route add "fd1$5::/16" via "fd0$5::66"
}

# hosts NS...: hosts without a wire, which answer at once and to everything.
hosts() {
	local ns
	need ip nsenter
	for ns; do
		ip netns add "$ns" || skip_all "no network namespaces here"
		on "$ns" sysctl -qw net.ipv4.conf.all.rp_filter=0 \
			net.ipv4.conf.default.rp_filter=0 \
			net.ipv6.conf.default.accept_dad=0 \
			net.ipv6.conf.default.router_solicitations=0 \
			net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
		ip -n "$ns" link set lo up
	done
}

# net_up: the client, the router and the server.
net_up() {
	hosts c r s
	wire_between c c0 r r0 1
	wire_between s s0 r r1 2
	on r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	wait_for 20 on c ping -c 1 -W 1 10.2.0.2 || fail "IPv4 to the server"
	wait_for 20 on c ping -c 1 -W 1 fd02::2 || fail "IPv6 to the server"
}

# net_down: with all flows.
net_down() {
	local ns
	for ns in c r s; do ip netns delete "$ns"; done
}

# offloads_off: packets are as long as they look.
offloads_off() {
	local place
	need ethtool
	for place in c:c0 r:r0 r:r1 s:s0; do
		on "${place%:*}" ethtool -K "${place#*:}" tso off gso off \
			gro off > /dev/null 2>&1
	done
}

# wire_up: "wire" can be used afterwards. It stays on one processor: packets
# keep their order.
wire_up() {
	coproc WIRE {
		exec taskset -c 0 "$python" "$here/wire.py" \
			c:c0:02:00:00:00:01:01 s:s0:02:00:00:00:02:01
	}
	# shellcheck disable=SC2153 # set by coproc
	ct_wire=$WIRE_PID
}

# wire_down: ends it, before its namespaces go.
wire_down() {
	kill "$ct_wire" 2> /dev/null
	wait "$ct_wire" 2> /dev/null
	ct_wire=''
}

# wire NS LAYERS...: sends a packet made by hand; see wire.py.
wire() {
	local answer=''
	echo "$*" >&"${WIRE[1]}"
	read -r -t 120 answer <&"${WIRE[0]}"
	[[ $answer == sent ]] || fail "wire $*" "${answer:-no answer}"
}

# echo_up [NS]: TCP and UDP echo servers on port 7, both families.
echo_up() {
	local ns=${1:-s}
	need socat
	bg "@$ns" socat TCP6-LISTEN:7,fork,reuseaddr,ipv6only=0,backlog=50 PIPE
	bg "@$ns" socat UDP6-LISTEN:7,fork,reuseaddr,ipv6only=0 PIPE
	wait_for 20 listens "$ns" || fail "echo servers"
}

listens() {
	on "$1" grep -q ':0007 .* 0A ' /proc/net/tcp6 &&
		on "$1" grep -q ':0007 ' /proc/net/udp6
}

# bridge_up NS HOST...: NS bridges them, IP's rules see it (br_netfilter is loaded); the
# Nth has 10.9.0.N and 02:00:00:00:00:0N at its e0.
bridge_up() {
	local ns=$1 n=0 host
	hosts "$@"
	ip -n "$ns" link add br0 type bridge
	ip -n "$ns" link set br0 up
	for host in "${@:2}"; do
		n=$((n + 1))
		ip link add e0 netns "$host" address 02:00:00:00:00:0$n \
			type veth peer name "p$host" netns "$ns"
		ip -n "$ns" link set "p$host" master br0 up
		ip -n "$host" addr add 10.9.0.$n/24 dev e0
		ip -n "$host" link set e0 up
	done
	on "$ns" sysctl -qw net.bridge.bridge-nf-call-iptables=1
}

# flush_flows NS: none is left.
flush_flows() {
	on "$1" conntrack -F > /dev/null 2>&1
	wait_for 10 has_no_flow "$1"
}

has_no_flow() { [[ $(knob "$1" count) == 0 ]]; }

# set_rules NS: the host's rules are those on standard input, and no others.
set_rules() {
	{ echo "flush ruleset"; cat; } | on "$1" nft -f - || fail "rules of $1"
}

# nat_rules PREROUTING POSTROUTING [MORE]: the router translates by these, and has no
# others; in a table of "ip", or of what $ip says.
nat_rules() {
	set_rules r <<-END
	table ${ip:-ip} n {
		chain pre {
			type nat hook prerouting priority -100
			$1
		}
		chain post {
			type nat hook postrouting priority 100
			$2
		}
		${3:-}
	}
	END
}

# set_masquerade NS DEVICE: nf_nat's rule for what leaves there, and no others.
set_masquerade() {
	set_rules "$1" <<-END
	table ip n {
		chain q {
			type nat hook postrouting priority 100
			oifname $2 masquerade
		}
	}
	END
}

# hits_of NS COMMENT: packets that the rule with this comment has counted.
hits_of() {
	on "$1" nft list ruleset |
		sed -n "s/.*counter packets \([0-9]*\) .*comment \"$2\".*/\1/p"
}

# --- the table ---------------------------------------------------------------

# table NS: all lines of both files.
table() { on "$1" cat /proc/net/ip_conntrack /proc/net/ip6_conntrack; }

# lines NS [TEXT]: how many, with a text in them.
lines() { table "$1" | grep -cF -- "${2:-}"; }

# line_is NS LOW HIGH LINE: is there this line? T stands for the seconds left.
line_is() {
	local line
	while IFS= read -r line; do
		[[ $line =~ ^(.{8}\ [0-9]+\ )([0-9]+)(\ .*)$ ]] || continue
		[[ ${BASH_REMATCH[1]}T${BASH_REMATCH[3]} == "$4" ]] || continue
		((BASH_REMATCH[2] >= $2 && BASH_REMATCH[2] <= $3)) && return
	done < <(table "$1")
	return 1
}

# similar NS LINE: lines between the same ends, or else some.
similar() {
	local ends
	ends=$(grep -o 'src=.*' <<< "$2" | cut -d' ' -f1-4)
	flow "$1" "${ends% packets=*}" || table "$1" | head -n 12
}

# shows NAME NS SECONDS LINE: the table has this line, letter by letter, or
# gets it soon; T in it stands for at most SECONDS, and not much less.
shows() {
	local low=$(($3 > 60 ? $3 - 30 : $3 / 2))
	if wait_for 15 line_is "$2" "$low" "$3" "$4"; then
		pass "$1"
	else
		fail "$1" "expected, with T from $low to $3:" "$4" "got:" \
			"$(similar "$2" "$4")"
	fi
}

# ends SOURCE DESTINATION SPORT DPORT [PACKETS BYTES]
ends() {
	echo "src=$1 dst=$2 sport=$3 dport=$4 packets=${5:-0} bytes=${6:-0}"
}

# udp_line ORIGINAL REPLY: a flow without a reply
udp_line() { echo "udp      17 T $1 [UNREPLIED] $2 $end"; }

# flow NS TEXT: the lines with this text.
flow() { table "$1" | grep -F -- "$2"; }

# no_flow NAME NS TEXT: nothing like that is in the table.
no_flow() {
	local got
	got=$(flow "$2" "$3")
	if [[ $got ]]; then
		fail "$1" "should not be there:" "$got"
	else
		pass "$1"
	fi
}

# knob NS NAME [VALUE]: a sysctl ip_conntrack_NAME.
knob() {
	if (($# > 2)); then
		# shellcheck disable=SC2016
		on "$1" sh -c 'printf "%s\n" "$1" > "$2"' - "$3" \
			"$sys_dir/ip_conntrack_$2" 2> /dev/null
	else
		on "$1" cat "$sys_dir/ip_conntrack_$2"
	fi
}

# column NS NAME: of the statistics; entries as it is, others added up.
column() {
	local names row index sum=0
	{
		read -ra names
		for index in "${!names[@]}"; do
			[[ ${names[index]} == "$2" ]] && break
		done
		while read -ra row; do
			[[ $2 == entries ]] && sum=0
			sum=$((sum + 16#${row[index]}))
		done
	} < <(on "$1" cat /proc/net/stat/ip_conntrack)
	echo "$sum"
}

# balance NS: flows that came, less those that are there and those that went, all
# from one look at the statistics.
balance() {
	# shellcheck disable=SC2016 # awk's, not the shell's
	on "$1" awk '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		{ entries = hex($at["entries"])
		  sum += hex($at["insert"]) - hex($at["delete"]) }
		END { print sum - entries }
		function hex(text,	n, i) {
			for (i = 1; i <= length(text); i++)
				n = n * 16 + index("123456789abcdef", substr(text, i, 1))
			return n
		}' /proc/net/stat/ip_conntrack
}

# reason NS TEXT: how many packets were refused for it.
reason() {
	on "$1" cat /proc/net/stat/ip_conntrack_reasons |
		sed -n "s/^ *\([0-9]*\) $2\$/\1/p"
}

# agree NS: lines, count and column 1 are one number.
agree() {
	local count
	count=$(knob "$1" count)
	[[ $(lines "$1") == "$count" && $(column "$1" entries) == "$count" ]]
}

# agrees NAME NS
agrees() {
	if wait_for 15 agree "$2"; then
		pass "$1"
	else
		fail "$1" "lines $(lines "$2"), count $(knob "$2" count)," \
			"column 1 $(column "$2" entries)"
	fi
}

# --- noise -------------------------------------------------------------------

# while_noise COMMAND: a line of shell, over and over.
while_noise() {
	bash -c "while [[ -e $work/noise ]]; do $1; done" > /dev/null 2>&1 &
	ct_noise+=($!)
}

# noise_up [KIND...]: packets, readers, resizing, until noise_down.
noise_up() {
	local kind net=--net=/run/netns/
	ct_noise=()
	: > "$work/noise"
	for kind in "${@:-packets}"; do
		case $kind in
		packets)
			{ while [[ -e $work/noise ]]; do packets_of_noise; done; } |
				"$python" "$here/wire.py" c:c0:02:00:00:00:01:01 \
				s:s0:02:00:00:00:02:01 > /dev/null 2>&1 &
			ct_noise+=($!)
			while_noise "nsenter ${net}c ping -q -c 20 -i 0.01 10.2.0.2"
			while_noise "nsenter ${net}c ping -q -c 20 -i 0.01 fd02::2"
			while_noise "echo x | nsenter ${net}c socat -t 2 - \
				TCP:10.2.0.2:7,connect-timeout=2"
			while_noise "nsenter ${net}r ping -q -c 5 -i 0.01 127.0.0.1" ;;
		readers)
			while_noise "nsenter ${net}r cat /proc/net/ip*_conntrack \
				/proc/net/stat/ip_conntrack*"
			while_noise "nsenter ${net}r cat $sys_dir/ip_conntrack_*
				nsenter ${net}r sh -c \
				'echo 30 > $sys_dir/ip_conntrack_udp_timeout'" ;;
		resizing)
			while_noise "for n in 1024 32768 2048; do
				echo \$n > $param_dir/hashsize; sleep 0.05; done" ;;
		esac
	done
}

packets_of_noise() {
	cat <<-'END'
	c repeat=100 ip src=10.11.0.1++ dst=10.12.0.1 / udp sport=1++ dport=53
	s repeat=50 ip src=10.12.0.1 dst=10.11.0.1++ / udp sport=53 dport=1++
	c repeat=50 ip6 src=fd11::1++ dst=fd12::1 / udp sport=1++ dport=53
	c repeat=50 ip src=10.11.0.1++ dst=10.12.0.1 / tcp sport=1++ dport=80 seq=1000
	s repeat=50 ip src=10.12.0.1 dst=10.11.0.1++ / tcp sport=80 dport=1++ flags=SA seq=5000 ack=1001
	c repeat=50 ip src=10.11.0.1++ dst=10.12.0.1 / tcp sport=1++ dport=80 flags=A seq=1001 ack=5001
	c repeat=20 ip src=10.11.0.1++ dst=10.12.0.1 id=1++ split=800 / udp sport=9 dport=1++ / data n=2000
	c repeat=20 ip src=10.11.0.1++ dst=10.12.0.1 proto=99 / data n=10
	s repeat=20 ip src=10.2.0.2 dst=10.11.0.1++ / icmp type=3 code=3 rest=00000000 / ip src=10.11.0.1++ dst=10.12.0.1 / udp sport=1++ dport=53
	c repeat=50 ip src=10.11.0.1++ dst=10.12.0.1 / tcp sport=1++ dport=80 flags=R seq=1001
	c repeat=20 ip src=10.11.0.1 dst=10.12.0.1 proto=6 / data random=40
	END
}

noise_down() {
	local pid
	rm -f "$work/noise"
	for pid in "${ct_noise[@]}"; do wait "$pid" 2> /dev/null; done
}
